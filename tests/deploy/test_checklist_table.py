"""The runbook's table has every line of the deployment checklist, and what it names is there."""

import re
import shlex

import pytest

from tests.support.services import REPOSITORY

RUNBOOK = (REPOSITORY / "deploy" / "README.md").read_text()
TABLE = RUNBOOK.partition("## The checklist, line by line")[2]
LINES = (REPOSITORY / "tests" / "data" / "deployment-checklist.txt").read_text().splitlines()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    for row in TABLE.splitlines()
    if row.startswith("| ") and not row.startswith("| line of the checklist")
]
COMMANDS = sorted({command for row in ROWS for command in re.findall(r"`([^`]+)`", row[2])})
PROGRAMS = {"curl", "ss", "df", "getent", "git", "grep", "nft", "docker", "python3", "cpu", "memory"}
"""What an operator's machine has, and the functions that the runbook defines."""


def test_every_line_of_the_checklist_is_there_in_its_order() -> None:
    assert [row[0] for row in ROWS] == LINES


def test_every_line_says_how_it_is_met() -> None:
    assert [row[0] for row in ROWS if len(row) != 3 or not row[1]] == []
    without_command = [row for row in ROWS if not row[2]]
    assert all(not re.search(r"`make |`python", row[1]) for row in without_command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    elif command.startswith((".venv/bin/python -m pytest", "python3 deploy/")):
        paths = [one for one in arguments if "/" in one]
        assert paths
        assert [path for path in paths if not (REPOSITORY / path).exists()] == []
    elif command.startswith("python -m backend "):
        assert f"python -m backend {arguments[2]}" in (REPOSITORY / "backend" / "__main__.py").read_text()
    else:
        assert program in PROGRAMS
        assert program not in {"memory", "cpu"} or f"{program}() {{" in RUNBOOK


def test_every_file_it_names_is_there() -> None:
    named = {name for row in ROWS for name in re.findall(r"`((?:backend|sfu|deploy|tests)/[^` ]*)`", row[1])}
    assert named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []
