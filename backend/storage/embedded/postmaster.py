"""What `postmaster.pid` says, and whether that process really is the postmaster of this cluster."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

IMPOSSIBLE_PID = 2_147_483_647
"""Larger than any kernel's pid_max, so a signal to it finds nobody."""

_SOCKET_DIR_LINE = 4
"""Lines from 0: pid, data directory, start time, port, socket directory, address, memory key, status."""


@dataclass(frozen=True, slots=True)
class PidFile:
    """A cluster's `postmaster.pid`."""

    path: Path

    @classmethod
    def of(cls, cluster: Path) -> "PidFile":
        """Return the file of the cluster; it need not exist."""
        return cls(cluster / "postmaster.pid")

    def live_pid(self) -> int | None:
        """Return the pid of the living postmaster of this cluster, or None.

        A pid that by now belongs to another program, or to a zombie, does not count.
        """
        lines = self._lines()
        if not lines or not lines[0].isdecimal():
            return None
        pid = int(lines[0])
        arguments = _arguments(pid)
        return pid if os.fspath(self.path.parent) in arguments else None

    def socket_dir(self) -> Path | None:
        """Return where the server put its socket, or None when the file does not say."""
        lines = self._lines()
        if len(lines) <= _SOCKET_DIR_LINE or not lines[_SOCKET_DIR_LINE]:
            return None
        return Path(lines[_SOCKET_DIR_LINE])

    def disarm(self) -> None:
        """Make a stale file harmless: nobody has its pid any more.

        The server would refuse to start while that pid lives, whoever has it now. The other lines stay: by them it
        finds out whether children of the dead one still use the old shared memory.
        """
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return
        with self.path.open("r+") as file:  # in place: the file keeps its owner
            file.write(f"{IMPOSSIBLE_PID}\n{text.partition(chr(10))[2]}")
            file.truncate()

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return []


def _arguments(pid: int) -> list[str]:
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return [os.fsdecode(part) for part in (proc / str(pid) / "cmdline").read_bytes().split(b"\0")]
        except OSError:
            return []
    command = ["/bin/ps", "-ww", "-p", str(pid), "-o", "command="]
    shown = subprocess.run(command, capture_output=True, check=False, text=True).stdout  # noqa: S603 -- fixed
    return [shown.partition(" -D ")[2].partition(" --")[0].strip()]
