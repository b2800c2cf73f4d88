"""Read a Dockerfile into stages of instructions, so far as ours go; what is not known is refused."""

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser
from dockerfile_parse.util import WordSplitter, extract_key_values

KNOWN = frozenset(
    {"FROM", "RUN", "COPY", "ENV", "ARG", "LABEL", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line; `value` is what stands behind the name, continued lines joined."""

    name: str
    value: str

    def pairs(self, variables: dict[str, str]) -> dict[str, str]:
        """Read NAME=value pairs, with variables filled in."""
        return dict(extract_key_values(env_replace=True, args={}, envs=variables, instruction_value=self.value))

    def words(self) -> tuple[dict[str, str], list[str]]:
        """Split into options (--name=value) and the rest."""
        words = list(WordSplitter(self.value).split())
        options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
        return options, [word for word in words if not word.startswith("--")]

    def exec_form(self) -> list[str]:
        """Read the JSON list that is run without a shell. Raises: ValueError for the shell form."""
        found = re.search(r"\[.*\]\s*$", self.value, re.DOTALL)
        if found is None:
            raise ValueError(f"{self.name} is not in exec form: {self.value}")
        return [str(word) for word in json.loads(found.group())]


@dataclass(slots=True)
class Stage:
    """What follows one FROM. `parent` is an earlier stage's name or an image."""

    name: str
    parent: str
    instructions: list[Instruction] = field(default_factory=list)

    def sources(self) -> set[str]:
        """Return the stages or images that it needs."""
        copies = (one.words()[0].get("from") for one in self.instructions if one.name == "COPY")
        return {self.parent, *(source for source in copies if source)}


def stages_of(path: Path) -> dict[str, Stage]:
    """Read the stages of a Dockerfile, in its order. Raises: ValueError for an instruction that is not known."""
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for line in DockerfileParser(fileobj=io.BytesIO(path.read_bytes())).structure:
        name, value = line["instruction"], line["value"]
        if name == "COMMENT":
            continue
        if name not in KNOWN:
            raise ValueError(f"{path.name}: {name} is not known here")
        if name == "FROM":
            parent, _, stage = re.split(r"\s+", value)
            current = stages[stage] = Stage(stage, parent)
        elif current is None:
            raise ValueError(f"{path.name}: {name} before FROM")
        else:
            current.instructions.append(Instruction(name, value))
    return stages
