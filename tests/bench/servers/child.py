"""A server's process, pinned to its cores, with a log, and the address that it can serve on."""

import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.servers.base import ServerError, pinned

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


def own_address() -> str:
    """Return the address of this machine that the default route uses, for servers that refuse the loopback one.

    libnice (Janus) and aioice (aiortc) gather no candidate there. Packets to an address of one's own go through
    the loopback device all the same. Sends nothing. Raises: ServerError when there is no such address.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError as error:
            raise ServerError(
                "this server needs another address than the loopback one, and this machine has none"
            ) from error
        address: str = probe.getsockname()[0]
        return address
