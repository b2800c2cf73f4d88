"""A server's process: pinned to its cores, with a log, ended gently and then for certain."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.servers.base import pinned

STOPPED_WITHIN_S = 10.0


class Child:
    """One process, running from when it is made."""

    def __init__(
        self, command: Sequence[str], log: Path, cores: Sequence[int], env: Mapping[str, str] | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output, pinned(cores):
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Tell whether it is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it and wait until it is gone. Blocks."""
        self._process.terminate()
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
