"""Carry out what a document says: its fenced blocks of shell, in order, against what they print.

A block that begins with three backticks and `sh` is executed, in one shell for the whole document. A block `sh
terminal` is started beside it, as in a terminal of its own, and has come up when it has printed what is expected.
`sh docker` and `sh by-hand` are not executed: they need an engine, or change the operator's own machine.
A block `text` behind one says what it prints: `…` stands for anything in a line, alone in a line for any lines.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.secret_watch import WATCH
from tests.support.services import INHERITED, REPOSITORY, free_tcp_port, free_udp_range

EXECUTED = ("sh", "sh terminal")
NOT_EXECUTED = ("sh docker", "sh by-hand")
BLOCK_WITHIN_S = 110
"""Only bounds a block that hangs."""

SET_UP = (".venv/.runtime", ".venv/.dev", "backend/web/dist/index.html")
"""What `make` has made before any test runs; it would look at its dates again."""

_FENCE = re.compile(r"^```(\S[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of shell, the line it begins at, and what it should print; None: that is not said."""

    kind: str
    script: str
    line: int
    expected: str | None


def blocks_of(document: Path) -> list[Block]:
    """Return a document's blocks of shell, in order."""
    text = document.read_text()
    found = list(_FENCE.finditer(text))
    blocks = []
    for index, match in enumerate(found):
        if match[1].split()[0] != "sh":
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        is_answer = following is not None and following[1] == "text"
        expected = following[2] if following is not None and is_answer else None
        blocks.append(Block(match[1], match[2], text.count("\n", 0, match.start()) + 1, expected))
    return blocks


def pattern_of(expected: str) -> re.Pattern[str]:
    """Return what the output has to match from beginning to end."""
    lines: list[str] = []
    if not expected.strip("\n"):
        return re.compile("")
    for line in expected.strip("\n").split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(".*".join(re.escape(part.rstrip()) for part in line.rstrip().split("…")) + r"[ ]*\n")
    return re.compile("".join(lines))


@dataclass
class Operator:
    """Somebody at a shell in a fresh checkout, whose services take other ports than the document says."""

    home: Path
    ports: Mapping[str, str]
    env: dict[str, str]
    terminals: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def carry_out(self, block: Block) -> str:
        """Execute a block; returns what is wrong with it, or nothing."""
        script = self._placed(block.script)
        if block.kind == "sh terminal":
            return self._open_terminal(block, script)
        status, output = self._shell.run(script)
        output = self._as_documented(output)
        if status != 0:
            return f"line {block.line}: status {status}\n{output}"
        if block.expected is not None and not pattern_of(block.expected).fullmatch(output):
            return f"line {block.line}: printed\n{output}\nexpected\n{block.expected}"
        return ""

    def _open_terminal(self, block: Block, script: str) -> str:
        log = self.home / f"terminal-{len(self.terminals) + 1}.log"
        WATCH.log_file("terminal", log)
        with log.open("wb") as output:
            self.terminals.append(
                subprocess.Popen(
                    ["bash", "-euc", script],
                    cwd=self.home,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        wanted = pattern_of(f"…\n{(block.expected or '').strip()}\n…")
        deadline = time.monotonic() + BLOCK_WITHIN_S
        while not wanted.fullmatch(printed := self._as_documented(log.read_text(errors="replace"))):
            if self.terminals[-1].poll() is not None or time.monotonic() > deadline:
                return f"line {block.line}: printed\n{printed}\nexpected\n{block.expected}"
            time.sleep(0.05)
        return ""

    def _placed(self, script: str) -> str:
        for documented, actual in self.ports.items():
            script = re.sub(rf"\b{documented}\b", actual, script)
        return script

    def _as_documented(self, output: str) -> str:
        for documented, actual in self.ports.items():
            output = re.sub(rf"\b{actual}\b", documented, output)
        output = output.replace(str(self.home), "…").replace(os.fspath(REPOSITORY), "…")
        return output.rstrip("\n") + "\n" if output.strip() else ""

    def open(self) -> None:
        """Open the shell."""
        self._shell = Shell(self.home, self.env)

    def close(self) -> None:
        """End everything that was started."""
        self._shell.close()
        for terminal in self.terminals:
            with suppress(ProcessLookupError):
                os.killpg(terminal.pid, signal.SIGINT)
        for terminal in self.terminals:
            try:
                terminal.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(terminal.pid, signal.SIGKILL)
                terminal.wait()


class Shell:
    """One bash that executes a script after the other; variables and functions stay from one to the next."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        self._output = home / "shell.out"
        self._status = home / "shell.status"
        WATCH.log_file("shell", self._output)
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=home,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str) -> tuple[int, str]:
        """Execute a script as an operator pastes it; return the status of its last command and what it printed."""
        self._status.unlink(missing_ok=True)
        assert self._bash.stdin is not None
        self._bash.stdin.write(
            f"{{\n{script}\n}} >{self._output} 2>&1 </dev/null; echo $? >{self._status}.new\n"
            f"mv {self._status}.new {self._status}\n"
        )
        self._bash.stdin.flush()
        deadline = time.monotonic() + BLOCK_WITHIN_S
        while not self._status.exists():
            if self._bash.poll() is not None or time.monotonic() > deadline:
                return 124, self._output.read_text(errors="replace") + "\nthe block did not come to its end"
            time.sleep(0.02)
        return int(self._status.read_text()), self._output.read_text(errors="replace")

    def close(self) -> None:
        """End it, and what it waits for."""
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        if self._bash.stdin is not None:
            with suppress(BrokenPipeError):
                self._bash.stdin.close()


@contextmanager
def operator() -> Iterator[Operator]:
    """An operator in what looks like a fresh checkout that is set up, for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="vtp-") as name:
        home = Path(name)
        home.chmod(0o755)
        for entry in REPOSITORY.iterdir():
            if entry.name not in {".data", "backups", ".git", ".pytest_cache"}:
                (home / entry.name).symlink_to(entry)
        first, last = free_udp_range()
        ports = {"3000": str(free_tcp_port()), "8080": str(free_tcp_port())}
        ports |= {"40000": str(first), "40001": str(first + 1), "49999": str(last)}
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env |= {
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "SFU_PORT": ports["3000"],
            "SFU_URL": f"http://localhost:{ports['3000']}",
            "PORT": ports["8080"],
            "RTC_MIN_PORT": str(first),
            "RTC_MAX_PORT": str(last),
            "SFU_WORKERS": "2",
            "BCRYPT_COST": "4",
            "PEER_TIMEOUT_S": "5",
            "VTP_LIMIT_SCALE": "100",  # other tests run beside this one
        }
        _add_make(home / "bin")
        somebody = Operator(home, ports, env)
        somebody.open()
        try:
            yield somebody
        finally:
            somebody.close()


def _add_make(folder: Path) -> None:
    folder.mkdir()
    make = shutil.which("make")
    assert make is not None
    done = " ".join(f"-o {path}" for path in SET_UP)
    (folder / "make").write_text(f'#!/bin/sh\nexec {make} {done} "$@"\n')
    (folder / "make").chmod(0o755)
