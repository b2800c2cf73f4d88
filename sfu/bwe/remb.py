"""REMB for publishers that negotiate no transport-wide feedback (draft-alvestrand-rmcat-remb-03)."""

from collections.abc import Iterable

from sfu.rtp.rtcp import Remb

INTERVAL_S = 1.0
"""Time between two messages. Senders hold on to the last one, repeating it makes up for a lost one."""


class RembGenerator:
    """Tell a publisher the most it may send; its own loss-based estimate decides below that.

    `max_bitrate_bps` may be set at any time and goes out at once then. `sender_ssrc` is ours.
    """

    __slots__ = ("_due_at", "_max_bitrate_bps", "sender_ssrc")

    def __init__(self, max_bitrate_bps: int, sender_ssrc: int = 0) -> None:
        self.sender_ssrc = sender_ssrc
        self._max_bitrate_bps = max_bitrate_bps
        self._due_at = 0.0

    @property
    def max_bitrate_bps(self) -> int:
        """The most the publisher may send, in bits per second."""
        return self._max_bitrate_bps

    @max_bitrate_bps.setter
    def max_bitrate_bps(self, value: int) -> None:
        if value != self._max_bitrate_bps:
            self._max_bitrate_bps = value
            self._due_at = 0.0

    def due(self, now: float, ssrcs: Iterable[int]) -> list[Remb]:
        """Return the message to send now about the publisher's streams `ssrcs`, or none before `next_timeout`."""
        if now < self._due_at:
            return []
        self._due_at = now + INTERVAL_S
        sources = tuple(ssrcs)
        return [Remb(self.sender_ssrc, self._max_bitrate_bps, sources)] if sources else []

    def next_timeout(self) -> float:
        """Return when `due` will next have something."""
        return self._due_at
