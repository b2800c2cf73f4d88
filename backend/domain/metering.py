"""What is counted about what goes on, as a protocol: who counts how is the edge's business."""

from typing import Protocol


class Meter(Protocol):
    """Counts. Every text is one of a bounded set: it becomes a label."""

    def socket_opened(self) -> None:
        """A WebSocket was let in."""

    def socket_closed(self, cause: str) -> None:
        """A WebSocket ended, for `cause`."""

    def message_received(self) -> None:
        """A client sent a message."""

    def message_sent(self) -> None:
        """A client was sent a message."""

    def signalling_request(self, method: str, outcome: str, seconds: float) -> None:
        """A client's request was answered: `ok`, or with a status."""

    def refused(self, edge: str, code: str) -> None:
        """A request was answered by an error; `edge` is `http` or `signalling`."""

    def sfu_call(self, operation: str, outcome: str, seconds: float) -> None:
        """The SFU was asked something: `ok`, `refused`, `unavailable` or `failed`."""


class Unmetered:
    """Counts nothing."""

    def socket_opened(self) -> None:
        """Count nothing."""

    def socket_closed(self, cause: str) -> None:
        """Count nothing."""

    def message_received(self) -> None:
        """Count nothing."""

    def message_sent(self) -> None:
        """Count nothing."""

    def signalling_request(self, method: str, outcome: str, seconds: float) -> None:
        """Count nothing."""

    def refused(self, edge: str, code: str) -> None:
        """Count nothing."""

    def sfu_call(self, operation: str, outcome: str, seconds: float) -> None:
        """Count nothing."""
