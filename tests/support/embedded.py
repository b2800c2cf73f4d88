"""Other processes that use an embedded database, for tests of what they do to each other."""

import multiprocessing
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from backend.storage.embedded import EmbeddedPostgres
from tests.support.services import REPOSITORY

_USE = """
import sys
from pathlib import Path
from backend.storage.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), {"fsync": "off"})
server.start()
print(server.pid(), flush=True)
sys.stdin.read()
server.stop()
"""


def is_running(pid: int) -> bool:
    """Tell whether the process lives; one that ended and that its parent has not noticed yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def user_process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a process that starts or joins the server.

    Gives the process and the postmaster's pid; the process gives the server up when its standard input ends.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _USE, os.fspath(data_dir)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.strip().isdecimal(), f"the process ended with {process.wait()}"
        yield process, int(line)
        process.stdin.close()
        process.wait(30)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def start_and_stop_as(uid: int, data_dir: Path) -> int:
    """Start and stop the server as another system user, in a fork of this process; return the postmaster's owner.

    A fork, because that user may have no way to the interpreter. Raises: EOFError when it could not.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_as_user, args=(uid, data_dir, theirs))
    process.start()
    theirs.close()
    try:
        owner: int = ours.recv()
        return owner
    finally:
        process.join()
        ours.close()


def _as_user(uid: int, data_dir: Path, answer: "Connection[int, None]") -> None:
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)
    server = EmbeddedPostgres(data_dir, {"fsync": "off"})
    server.start()
    owner = Path(f"/proc/{server.pid()}").stat().st_uid
    server.stop()
    answer.send(owner)
