"""How much may be sent again to a peer, so that repairs do not fill the path that lost the packets.

A path that has become narrow loses most of what is sent, and its receiver asks for all of that, round trip after
round trip. Answered in full, retransmissions take the whole path, and no picture gets through (browsers bound
theirs by the estimate, too).
"""

import math

LEAST_SHARE = 0.5
"""Of the estimate, however much of it media take: what repairs a path that loses a third of all packets."""

LEAST_SHARE_QUEUED = 0.1
"""The same while packets wait on the path: it has to empty first."""

BURST_S = 0.25
"""So much of the estimate may go at once, after a while of none: a gap of some frames. While packets wait, so much
of the rate."""

MIN_BURST_BYTES = 6000
"""But always some packets, or a narrow path would never get the first frame repaired."""


class RepairBudget:
    """A bucket of bytes that fills at the rate that media leave over; without an estimate it has no bounds."""

    __slots__ = ("_at", "_octets", "_rate_bps", "_size")

    def __init__(self) -> None:
        self._rate_bps: float | None = None
        self._size = 0.0
        self._octets = 0.0
        self._at = 0.0

    def set_estimate(self, estimate_bps: int | None, media_bps: int, *, queued: bool) -> None:
        """Go by this estimate, `None` for none, and by the rate of media that are to share it.

        `queued`: packets wait on the path.
        """
        if estimate_bps is None:
            self._rate_bps = None
            return
        if self._rate_bps is None:
            self._octets = math.inf  # full, once its size is known
        least = (LEAST_SHARE_QUEUED if queued else LEAST_SHARE) * estimate_bps
        self._rate_bps = max(estimate_bps - media_bps, least)
        self._size = max(MIN_BURST_BYTES, (self._rate_bps if queued else estimate_bps) / 8 * BURST_S)

    def room(self, now: float) -> float:
        """Return how many bytes may be sent again now; nothing when that is not above zero."""
        rate_bps = self._rate_bps
        if rate_bps is None:
            return math.inf
        self._octets = min(self._size, self._octets + (now - self._at) * rate_bps / 8)
        self._at = now
        return self._octets

    def spend(self, octets: int) -> None:
        """Take note that so many bytes are sent again."""
        self._octets -= octets
