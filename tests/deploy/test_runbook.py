"""Every command of the documents, executed as it stands, prints what the document says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backend.error_codes import CODES
from tests.support.runbook import EXECUTED, NOT_EXECUTED, Operator, blocks_of, operator, pattern_of
from tests.support.services import REPOSITORY

DOCUMENTS = ("README.md", "deploy/README.md", "deploy/CLIENTS.md")
DEPLOY = REPOSITORY / "deploy"


@pytest.fixture
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.mark.integration
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["README.md", "deploy/README.md"])
def test_what_the_document_says_happens(name: str, somebody: Operator) -> None:
    for block in blocks_of(REPOSITORY / name):
        if block.kind in EXECUTED:
            assert somebody.carry_out(block) == ""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_block_is_executed_or_says_why_not(name: str) -> None:
    fences = re.findall(r"^```(.*)$", (REPOSITORY / name).read_text(), re.MULTILINE)
    assert len(fences) % 2 == 0
    known = {*EXECUTED, *NOT_EXECUTED, "text", "", "js", "html", "python"}
    assert set(fences) <= known
    assert any(block.kind == "sh" for block in blocks_of(REPOSITORY / name))


def test_what_is_expected_is_compared() -> None:
    assert pattern_of("a … c\n…\nlast\n").fullmatch("a b c\nx\ny\nlast\n")
    assert pattern_of("a … c\n…\nlast\n").fullmatch("a b c\nlast\n")
    for wrong in ("a b\nlast\n", "a b c\nlast", "a b c\nlast\nmore\n", "x\na b c\nlast\n"):
        assert pattern_of("a … c\n…\nlast\n").fullmatch(wrong) is None


def test_an_operator_notices_what_goes_wrong(somebody: Operator, tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(
        "```sh\necho 3000\n```\n```text\n3000\n```\n```sh\nfalse\n```\n```sh\necho no\n```\n```text\nyes\n```\n"
    )
    right, failing, other = blocks_of(document)
    assert somebody.carry_out(right) == ""
    assert "status 1" in somebody.carry_out(failing)
    assert "expected\nyes" in somebody.carry_out(other)


def test_compose_commands_name_what_there_is() -> None:
    services: dict[str, object] = {}
    for file in DEPLOY.glob("compose*.yaml"):
        text = re.sub(r"!(?:reset|override) ", "", file.read_text())  # compose's own tags: which file says it last
        services |= yaml.safe_load(text)["services"]
    profiles = {name for service in services.values() for name in getattr(service, "get", dict)("profiles", [])}
    script = "".join(block.script for block in blocks_of(DEPLOY / "README.md") if block.kind == "sh docker")
    assert set(re.findall(r"--profile (\S+)", script)) <= profiles
    for verb in ("stop", "exec", "logs", "--wait"):
        for named in re.findall(rf"docker compose [^\n#]*{verb} ((?:[a-z]+ ?)+)", script):
            words = named.split()
            targets = words[:1] if verb == "exec" else words
            assert set(targets) <= services.keys(), named
    included = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["include"]
    for file in re.findall(r"-f (\S+)", script):
        assert (DEPLOY / file).is_file(), file
        assert file not in included, f"{file} is there already, and compose refuses to read it twice"
    for file in re.findall(r"\./(\S+\.sh)", script):
        assert (DEPLOY / file).is_file(), file


def test_every_error_code_stands_there() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.+) \|$", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    assert [(code, int(status), meaning) for code, status, meaning in rows] == [
        (code, error.status, error.meaning) for code, error in CODES.items()
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = REPOSITORY / name
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", document.read_text()):
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{target}#{anchor}"
