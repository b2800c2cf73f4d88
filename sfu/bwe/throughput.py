"""How many bits a second arrive at the peer, by its feedback."""

from collections import deque

from sfu.bwe.sent_history import Arrival

WINDOW_S = 0.5
"""Arrivals looked back on. Shorter ones swing with single key frames, longer ones tell late of a narrower path."""

MAX_WINDOW_S = 1.5
"""So far back the window may reach to have `MIN_ARRIVALS` in it: a layer of seven frames a second has eleven."""

MIN_ARRIVALS = 8
MIN_SPAN_S = 0.1
MAX_ARRIVALS = 512
"""The rest of the bounds: too few or too close arrivals make no rate; more than these are not kept."""


class Throughput:
    """Sum up acknowledged bytes over a sliding window of arrival times.

    A batch's bytes need the time until the next batch's first packet, so the last one's do not count yet.
    """

    __slots__ = ("_arrivals", "_octets")

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, float, int]] = deque()  # when it arrived, when it was sent, octets
        self._octets = 0

    def add(self, arrival: Arrival) -> None:
        """Take an acknowledged batch; one that was wholly lost adds nothing."""
        sent_at, arrived_at, octets, lost, _, untold = arrival
        arrivals = self._arrivals
        if untold and arrivals:  # they came between the last one and this
            last_arrived_at, last_sent_at, last_octets = arrivals[-1]
            arrivals[-1] = last_arrived_at, last_sent_at, last_octets + untold
            self._octets += untold
        if arrived_at is None:
            return
        if arrivals and not -MAX_WINDOW_S < arrived_at - arrivals[-1][0] < MAX_WINDOW_S:
            arrivals.clear()  # a silence, or the peer's clock has jumped
            self._octets = 0
        arrivals.append((arrived_at, sent_at, octets - lost))
        self._octets += octets - lost
        while (
            (len(arrivals) > MIN_ARRIVALS and arrived_at - arrivals[0][0] > WINDOW_S)
            or arrived_at - arrivals[0][0] > MAX_WINDOW_S
            or len(arrivals) > MAX_ARRIVALS
        ):
            self._octets -= arrivals.popleft()[2]

    def rate_bps(self) -> int | None:
        """Return the bits a second; `None` when too little has arrived lately."""
        arrivals = self._arrivals
        if len(arrivals) < MIN_ARRIVALS:
            return None
        span = arrivals[-1][0] - arrivals[0][0]
        return int((self._octets - arrivals[-1][2]) * 8 / span) if span > MIN_SPAN_S else None

    def stretch(self) -> float:
        """Return how much longer arriving took than sending: over 1 while a queue grows; 1 when unknown."""
        arrivals = self._arrivals
        if len(arrivals) < MIN_ARRIVALS:
            return 1.0
        sending = arrivals[-1][1] - arrivals[0][1]
        return (arrivals[-1][0] - arrivals[0][0]) / sending if sending > MIN_SPAN_S else 1.0
