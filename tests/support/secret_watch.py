"""No log may hold a secret: watches a whole test run and fails it when one does.

What the run's clients send and get passes by here, and whatever stands under a secret's name is remembered:
passwords, tokens, tickets, invitations, TOTP secrets, ICE passwords; so are SRTP keys and what the settings of
services hold. All output of the services' processes and all that was logged in the run's own process is kept, and
searched at the end. `tests/conftest.py` takes the hooks from here.
"""

import base64
import functools
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pylibsrtp
import pytest

SECRET_KEYS = {
    "access_token": "access token",
    "refresh_token": "refresh token",
    "ticket": "ticket",
    "resumeToken": "resume token",
    "password": "password or ICE password",
    "current_password": "password",
    "new_password": "password",
    "secret": "TOTP secret",
    "backup_codes": "backup code",
    "token": "invitation",
    "invitation": "invitation",
    "credential": "TURN credential",
}
SECRET_SETTINGS = ("PASSWORD", "SECRET", "TOKEN")

WORD = 20
"""Made of letters and dashes alone, a shorter text is an ordinary word: what tests of refusals send, and what
Hypothesis picks from our own sources, such as the name of a method."""

SHORTEST = 8
"""Shorter texts stand in logs by chance."""

PIECE = re.compile(r"[A-Za-z0-9_-]{%d,}" % SHORTEST)  # noqa: UP031 -- braces all over otherwise
JWT = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

FIRST_START = re.compile(r"^      password  Vt[0-9a-f]{24}7$", re.MULTILINE)
"""What the first start of a developer's backend shows on the console, once and on purpose."""


class SecretWatch:
    """The secrets and the output of one run. `kinds` tells of each searched piece what kind of secret it is."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self._spool = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 -- lives as long as the run
        self._logs: set[tuple[str, Path]] = set()

    # Secrets

    def secret(self, kind: str, value: object) -> None:
        """Remember a secret: its longest piece, which for a token that is a JWT is the signature's."""
        if isinstance(value, str) and UUID.fullmatch(value):
            return  # ids are no secrets, and a test may send one where a secret belongs
        if not isinstance(value, str) or (value.replace("-", "").isalpha() and len(value) < WORD):
            return
        pieces = PIECE.findall(value.rpartition(".")[2] if JWT.fullmatch(value) else value)
        if pieces:
            self.kinds.setdefault(max(pieces, key=len), kind)

    def message(self, data: object) -> None:
        """Remember what stands under a secret's name, at any depth."""
        if isinstance(data, Mapping):
            for name, value in data.items():
                for one in value if isinstance(value, list) else [value]:
                    if name in SECRET_KEYS:
                        self.secret(SECRET_KEYS[name], one)
                if name != "details":  # what is wrong with a password stands there under its name
                    self.message(value)
        elif isinstance(data, list):
            for value in data:
                self.message(value)

    def settings(self, env: Mapping[str, object]) -> None:
        """Remember what a service is given in secret."""
        for name, value in env.items():
            if any(word in name.upper() for word in SECRET_SETTINGS) and not name.upper().endswith("_FILE"):
                self.secret(name.upper(), value)

    def key(self, key: bytes) -> None:
        """Remember a key, in the forms in which one would print it."""
        self.secret("SRTP key", key.hex())
        self.secret("SRTP key", base64.b64encode(key).decode())

    # Output

    def output(self, source: str, text: str) -> None:
        """Keep what a service wrote."""
        for line in FIRST_START.sub("", text).splitlines():
            self._spool.write(f"{source}\t{line}\n")

    def log_file(self, source: str, path: Path) -> None:
        """Keep, later on, what a service writes to a file."""
        self._logs.add((source, path))

    def collect_logs(self, under: Path | None = None) -> None:
        """Keep the log files below a directory, or all, before they are deleted."""
        for source, path in sorted(self._logs):
            if under is None or path.is_relative_to(under):
                self._logs.discard((source, path))
                if path.exists():
                    self.output(source, path.read_text(errors="replace"))

    # Search

    def found(self) -> list[str]:
        """Search everything; tell of each find where and what kind of secret it is, not the secret."""
        self.collect_logs()
        self._spool.seek(0)
        finds = dict.fromkeys(find for line in self._spool for find in self._in_line(line))
        return list(finds)

    def _in_line(self, line: str) -> Iterator[str]:
        source, _, text = line.partition("\t")
        pieces = {piece for piece in PIECE.findall(text) if piece in self.kinds}
        for piece in pieces:
            yield f"{source}: {self.kinds[piece]} in: {text.strip().replace(piece, '***')[:300]}"
        if JWT.search(text):
            yield f"{source}: JWT in: {JWT.sub('***', text.strip())[:300]}"


WATCH = SecretWatch()


# pytest's hooks


def pytest_configure(config: pytest.Config) -> None:
    """Listen in on the run's HTTP clients and on SRTP."""
    _listen_to_http()
    _listen_to_srtp()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what was logged in the run's own process; the last report of a test has all of it."""
    if report.when == "teardown":
        for title, text in report.sections:
            WATCH.output(f"{report.nodeid} ({title})", text)


_finds: list[str] = []
_searched_for: list[int] = []
"""What the search found and for how many secrets it looked: of this process, and of the workers of `pytest -n`."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a log holds a secret; a worker reports to the process that began the run."""
    _finds.extend(WATCH.found())
    _searched_for.append(len(WATCH.kinds))
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["secrets_in_logs"] = (_finds, len(WATCH.kinds))
    elif _finds:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker found; of one that crashed there is nothing, and its run has failed."""
    finds, searched_for = getattr(node, "workeroutput", {}).get("secrets_in_logs", ((), 0))
    _finds.extend(finds)
    _searched_for.append(searched_for)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was found where, or that nothing was."""
    if _finds:
        terminalreporter.section("secrets in logs", red=True)
        for find in _finds[:50]:
            terminalreporter.line(find)
    elif sum(_searched_for):
        terminalreporter.line(f"None of {sum(_searched_for)} secrets stands in a log.")


def _listen_to_http() -> None:
    request, read = aiohttp.ClientSession._request, aiohttp.ClientResponse.read

    @functools.wraps(request)
    async def watched_request(self: aiohttp.ClientSession, *args: Any, **options: Any) -> aiohttp.ClientResponse:
        WATCH.message(options.get("json"))
        WATCH.message(options.get("params"))
        return await request(self, *args, **options)

    @functools.wraps(read)
    async def watched_read(self: aiohttp.ClientResponse) -> bytes:
        body = await read(self)
        if self.content_type == "application/json":
            _if_json(body, WATCH.message)
        return body

    aiohttp.ClientSession._request = watched_request  # type: ignore[method-assign] # only in tests
    aiohttp.ClientResponse.read = watched_read  # type: ignore[method-assign]


def _listen_to_srtp() -> None:
    made = pylibsrtp.Policy.__init__

    @functools.wraps(made)
    def watched(self: pylibsrtp.Policy, key: bytes | None = None, **options: Any) -> None:
        if key:
            WATCH.key(key)
        made(self, key=key, **options)

    pylibsrtp.Policy.__init__ = watched  # type: ignore[method-assign] # only in tests


def _if_json(body: bytes, take: Callable[[object], None]) -> None:
    try:
        data = json.loads(body)
    except ValueError:
        return
    take(data)
