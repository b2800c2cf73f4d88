"""What the SCTP core has at its two ends: who is told, and where packets go."""

from collections.abc import Callable
from typing import Protocol


class CoreListener(Protocol):
    """Whom the core tells what happens to the association."""

    def message_received(self, stream_id: int, ppid: int, data: bytes) -> None:
        """Take a whole message."""

    def streams_reset(self, stream_ids: list[int]) -> None:
        """Take note that the peer has begun these streams anew: it has closed their channels."""

    def association_changed(self) -> None:
        """Take note that the association is established, or over."""

    def drop(self, reason: str) -> None:
        """Count something that is dropped."""


class Pipe:
    """What aiortc takes for its DTLS transport."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self.state = "connected"
        self.send_now = send

    async def _send_data(self, data: bytes) -> None:
        self.send_now(data)


class _Nobody:
    def message_received(self, stream_id: int, ppid: int, data: bytes) -> None:
        pass

    def streams_reset(self, stream_ids: list[int]) -> None:
        pass

    def association_changed(self) -> None:
        pass

    def drop(self, reason: str) -> None:
        pass


NOBODY: CoreListener = _Nobody()


def ignore(_: object) -> None:
    """Take the place of what is not to be called any more."""
