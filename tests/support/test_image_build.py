"""Dockerfiles are read as they stand, and what cannot be carried out is refused."""

from pathlib import Path

import pytest

from tests.support.dockerfile import Instruction, stages_of
from tests.support.image_build import Builder, BuildError, context_files

TWO_STAGES = """\
# a comment
FROM debian:trixie-slim AS base
ENV A=1 \\
    B="two words"
FROM base AS final
COPY --from=base /a /b
CMD ["run", "it"]
"""


def write(folder: Path, text: str) -> Path:
    """Write a Dockerfile."""
    path = folder / "Dockerfile"
    path.write_text(text)
    return path


def test_stages_and_what_they_need(tmp_path: Path) -> None:
    stages = stages_of(write(tmp_path, TWO_STAGES))
    assert list(stages) == ["base", "final"]
    assert stages["final"].sources() == {"base"}
    assert stages["base"].instructions[0].pairs({}) == {"A": "1", "B": "two words"}
    assert stages["final"].instructions[1].exec_form() == ["run", "it"]


def test_variables_are_filled_into_values() -> None:
    assert Instruction("LABEL", 'version="${VERSION}"').pairs({"VERSION": "1.2"}) == {"version": "1.2"}


@pytest.mark.parametrize("line", ["ADD a b", "VOLUME /data", 'SHELL ["x"]', "ONBUILD RUN x"])
def test_unknown_instructions_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="is not known here"):
        stages_of(write(tmp_path, f"FROM a AS b\n{line}\n"))


def test_the_shell_form_is_refused() -> None:
    with pytest.raises(ValueError, match="not in exec form"):
        Instruction("CMD", "python3 -m sfu").exec_form()


def test_only_what_is_not_ignored_is_sent(tmp_path: Path) -> None:
    for name in ("kept/a.py", "kept/__pycache__/a.pyc", "secrets/key", "top.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("# all but\n*\n!kept\n**/__pycache__\n")
    assert [name for name in context_files(tmp_path) if name != ".dockerignore"] == ["kept/a.py"]


def test_what_is_ignored_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    (tmp_path / ".dockerignore").write_text("*\n")
    stages = stages_of(write(tmp_path, "FROM debian:trixie-slim AS only\nCOPY key ./\n"))
    base = tmp_path / "base"
    base.mkdir()
    with (
        Builder(stages, tmp_path, base, tmp_path / "stages") as builder,
        pytest.raises(BuildError, match="nothing of key is sent"),
    ):
        builder.build(["only"])
