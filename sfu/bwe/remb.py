"""REMB: the most a publisher may send, by our estimate and by a limit (draft-alvestrand-rmcat-remb-03)."""

from collections.abc import Sequence

from sfu.rtp.rtcp import Remb

INTERVAL_S = 1.0
"""Time between two messages. Senders hold on to the last one, repeating it makes up for a lost one."""

MIN_INTERVAL_S = 0.1
"""Least time between two messages, when the estimate falls fast."""

URGENT_RATIO = 0.97
"""An estimate that has fallen below this much of what was told last goes out without waiting for the interval."""

UNLIMITED_REPEATS = 4
"""A limit that was lifted is taken back so many times: REMB of 0 is no limit to browsers. Then nothing is said."""

MAX_SSRCS = 255
"""The count field of REMB has eight bits; a publisher with more streams is bounded all the same."""


class RembGenerator:
    """Tell a publisher the least of `estimate_bps` (None: we have none) and of its limit.

    Beside transport-wide feedback, by which the publisher estimates for itself, there is a limit only.
    `sender_ssrc` is ours.
    """

    __slots__ = ("_due_at", "_estimate_bps", "_limit_bps", "_repeats", "_told_at", "_told_bps", "sender_ssrc")

    def __init__(self, sender_ssrc: int = 0) -> None:
        self.sender_ssrc = sender_ssrc
        self._estimate_bps: int | None = None
        self._limit_bps = 0
        self._repeats = 0
        self._told_bps = 0
        self._told_at = float("-inf")
        self._due_at = 0.0

    @property
    def limit_bps(self) -> int:
        """The most the publisher may send in any case, in bits per second; 0 for no limit."""
        return self._limit_bps

    @limit_bps.setter
    def limit_bps(self, value: int) -> None:
        if value == self._limit_bps:
            return
        self._repeats = 0 if value else UNLIMITED_REPEATS
        self._limit_bps = value
        self._due_at = 0.0

    @property
    def estimate_bps(self) -> int | None:
        """What the way from the publisher can carry, as far as we know."""
        return self._estimate_bps

    @estimate_bps.setter
    def estimate_bps(self, value: int | None) -> None:
        self._estimate_bps = value
        if value is not None and self._bitrate_bps < URGENT_RATIO * self._told_bps:
            self._due_at = min(self._due_at, self._told_at + MIN_INTERVAL_S)

    @property
    def _bitrate_bps(self) -> int:
        known = [bps for bps in (self._estimate_bps, self._limit_bps) if bps]
        return min(known, default=0)

    def due(self, now: float, ssrcs: Sequence[int]) -> list[Remb]:
        """Return the message to send now about the publisher's streams `ssrcs`, or none before `next_timeout`."""
        timeout = self.next_timeout()
        if timeout is None or now < timeout:
            return []
        self._due_at = now + INTERVAL_S
        if not ssrcs:
            return []
        if not self._bitrate_bps:
            self._repeats -= 1
        self._told_bps, self._told_at = self._bitrate_bps, now
        return [Remb(self.sender_ssrc, self._bitrate_bps, tuple(ssrcs[:MAX_SSRCS]))]

    def next_timeout(self) -> float | None:
        """Return when `due` will next have something; None when there is nothing to tell."""
        return self._due_at if self._bitrate_bps or self._repeats else None
