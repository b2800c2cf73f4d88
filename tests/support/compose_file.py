"""Read the compose files as `docker compose` does, so far as ours go: includes, variables, merge keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

_NAME = re.compile(r"\$(?:\$|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*))")


class MissingVariableError(Exception):
    """A variable that has to be set is not; the message is that of the file."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The whole model, includes merged in. `files` are those that it was read from."""

    files: tuple[Path, ...]
    services: dict[str, dict[str, Any]]
    networks: dict[str, Any]
    volumes: dict[str, Any]
    secrets: dict[str, Any]
    configs: dict[str, Any]


def read_stack(variables: Mapping[str, str], main: Path = DEPLOY / "compose.yaml") -> Stack:
    """Read the stack with variables filled in. Raises: MissingVariableError; ValueError when files disagree."""
    files = compose_files(main)
    merged: dict[str, dict[str, Any]] = {}
    for file in files:
        document = yaml.safe_load(file.read_text())
        for part in ("services", "networks", "volumes", "secrets", "configs"):
            known = merged.setdefault(part, {})
            for name, value in (document.get(part) or {}).items():
                filled = fill(value, variables)
                if known.setdefault(name, filled) != filled:
                    raise ValueError(f"{file.name} says otherwise than an earlier file about {part} {name}")
    return Stack(tuple(files), **merged)


def compose_files(main: Path = DEPLOY / "compose.yaml") -> list[Path]:
    """List the main file and those that it includes."""
    included = yaml.safe_load(main.read_text()).get("include") or []
    paths = [entry if isinstance(entry, str) else entry["path"] for entry in included]
    return [main, *(main.parent / path for path in paths)]


def fill(value: Any, variables: Mapping[str, str]) -> Any:
    """Fill variables into every text of a value."""
    if isinstance(value, str):
        return interpolate(value, variables)
    if isinstance(value, list):
        return [fill(one, variables) for one in value]
    if isinstance(value, dict):
        return {name: fill(one, variables) for name, one in value.items()}
    return value


def interpolate(text: str, variables: Mapping[str, str], used: set[str] | None = None) -> str:
    """Fill in $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:+value}, ${NAME:?why}; $$ is a dollar.

    The names that the text asks for are added to `used`.
    """
    parts, at = [], 0
    used = set() if used is None else used
    while (found := _NAME.search(text, at)) is not None:
        parts.append(text[at : found.start()])
        at = found.end()
        if found["plain"]:
            used.add(found["plain"])
            parts.append(variables.get(found["plain"], ""))
        elif found["name"]:
            end = _closing(text, at)
            parts.append(_expanded(found["name"], text[at:end], variables, used))
            at = end + 1
        else:
            parts.append("$")
    return "".join([*parts, text[at:]])


def _closing(text: str, at: int) -> int:
    depth = 1
    for index in range(at, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index
    raise ValueError(f"no closing brace in {text}")


def _expanded(name: str, rest: str, variables: Mapping[str, str], used: set[str]) -> str:
    used.add(name)
    value = variables.get(name)
    operator = rest[:2] if rest.startswith(":") else rest[:1]
    other = interpolate(rest[len(operator) :], variables, used) if operator else ""
    there = bool(value) if operator.startswith(":") else value is not None
    match operator[-1:]:
        case "-":
            return str(value) if there else other
        case "+":
            return other if there else ""
        case "?" if not there:
            raise MissingVariableError(f"{name} {other}")
    return value or ""


def example_variables(path: Path = DEPLOY / "env.example") -> dict[str, str]:
    """Read the settings of env.example, those that are commented out among them."""
    found = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", path.read_text(), re.MULTILINE)
    return dict(found)
