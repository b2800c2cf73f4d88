"""One database cluster: made by initdb, started and stopped by pg_ctl."""

import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend.storage.embedded.account import Account
from backend.storage.embedded.binaries import TOOL_ENV
from backend.storage.embedded.errors import EmbeddedError
from backend.storage.embedded.postmaster import PidFile

SUPERUSER = "postgres"
PORT = 5432
"""Only the name of the socket: the server listens on no network address."""

MAX_SOCKET_PATH_BYTES = 107
"""`sun_path` has 108 bytes on Linux, the last one a zero (unix(7)); macOS has 104, see below."""

START_TIMEOUT_S = 300
"""Crash recovery of a large cluster takes minutes; a hang is worse than an error after that."""

_INITDB = (
    *("-U", SUPERUSER, "--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8"),
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "timezone=UTC"),
)
"""Trust is safe on the socket: its directory lets in the cluster's owner and root alone."""

_SERVER_OPTIONS: dict[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "50",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "dynamic_shared_memory_type": "mmap",  # /dev/shm may be read-only or tiny in a container
    "max_logical_replication_workers": "0",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "pg-%a.log",
    "log_truncate_on_rotation": "on",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster under `home`, run by `account` with the programs in `bin_dir`; `data` is `home`/pg<major>."""

    home: Path
    data: Path
    bin_dir: Path
    account: Account
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def pid_file(self) -> PidFile:
        """The cluster's `postmaster.pid`."""
        return PidFile.of(self.data)

    def create_if_absent(self) -> None:
        """Make the cluster aside and rename it, so that a killed initdb leaves nothing that looks like one."""
        if self.data.exists():
            self._check_owner()
            return
        aside = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        self.account.own(aside)
        hurried = ["--no-sync"] if self.options.get("fsync") == "off" else []
        self._run("initdb", "-D", aside, *_INITDB, *hurried)
        aside.rename(self.data)

    def socket_dir(self) -> Path:
        """Return where the socket is, or will be: in the cluster, or aside if that path is too long."""
        if self.pid_file.live_pid() is not None and (current := self.pid_file.socket_dir()):
            return current
        limit = MAX_SOCKET_PATH_BYTES if os.uname().sysname == "Linux" else MAX_SOCKET_PATH_BYTES - 4
        if len(os.fsencode(self.data / f".s.PGSQL.{PORT}")) <= limit:
            return self.data
        return self._private_socket_dir()

    def start(self) -> None:
        """Put a stale pid file right, start the server and wait until it takes connections or recovers."""
        sockets = self.socket_dir()
        self.pid_file.disarm()
        (sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        options = {**_SERVER_OPTIONS, "unix_socket_directories": os.fspath(sockets), **self.options}
        given = shlex.join(f"--{name}={value}" for name, value in options.items())
        log = self.data / "start.log"
        self._run("pg_ctl", "-D", self.data, "-w", "-t", START_TIMEOUT_S, "-l", log, "-o", given, "start")

    def stop(self) -> None:
        """Stop the server and end its connections, if it runs."""
        pid = self.pid_file.live_pid()
        if pid is None:
            return
        self._run("pg_ctl", "-D", self.data, "-w", "-t", START_TIMEOUT_S, "-m", "fast", "stop")
        _reap(pid)

    def _check_owner(self) -> None:
        if self.data.stat().st_uid != self.account.uid:
            raise EmbeddedError(f"{self.data} belongs to another user. Start as that user, or set DATA_DIR.")

    def _private_socket_dir(self) -> Path:
        cluster = self.data.stat()
        directory = Path(tempfile.gettempdir(), f"vtp-pg-{cluster.st_dev:x}-{cluster.st_ino:x}")
        try:
            directory.mkdir(mode=0o700)
            self.account.own(directory)
        except FileExistsError:
            pass
        found = directory.lstat()
        if found.st_uid != cluster.st_uid or found.st_mode != stat.S_IFDIR | 0o700:
            raise EmbeddedError(f"{directory} is not ours: remove it and start again.")
        return directory

    def _run(self, tool: str, *arguments: object) -> None:
        with (self.home / "start.log").open("a") as log:
            done = subprocess.run(  # noqa: S603 -- the wheel's own programs
                [self.bin_dir / tool, *map(str, arguments)],
                env=TOOL_ENV,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is ours to handle
                check=False,
                **self.account.drop_options(),
            )
        if done.returncode != 0:
            raise EmbeddedError(
                f"{tool} failed ({done.returncode}); {self.home}/start.log and {self.data} say why."
            )


def _reap(pid: int) -> None:
    """As PID 1 of a container we inherit the server; leave no zombie of it."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
