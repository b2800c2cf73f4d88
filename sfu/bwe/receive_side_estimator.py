"""What the way from a publisher can carry, by when its packets were sent and arrived (draft-ietf-rmcat-gcc-02, 4).

For publishers without transport-wide feedback, who cannot estimate by delay themselves. The times of sending are
those of the header extension abs-send-time: 24 bits of seconds with 18 fractional ones, which wrap every 64 s.
Delay alone decides here: losses the publisher learns from our receiver reports, and browsers heed them.
"""

from sfu.bwe.overuse_detector import OveruseDetector, PathUsage
from sfu.bwe.rate_control import RateControl
from sfu.bwe.sent_history import Arrival
from sfu.bwe.throughput import Throughput

UPDATE_INTERVAL_S = 0.1
"""Between two looks at the estimate, other than when the path turns out to be overused."""

HOLDING_MS = 100.0
"""While packets wait for so long, the estimate does not rise."""

CLEAR_MS = 30.0
"""A delay so little above the least is no queue: what arrives evidently gets through."""

DEFAULT_RTT_S = 0.1
"""Round trip to the publisher before anything has measured it."""

_UNITS_PER_S = 1 << 18
_CYCLE = 1 << 24


class ReceiveSideEstimator:
    """Estimate by the arrival of each packet. `estimate_bps` is never less than what a voice needs.

    It begins at `start_bps`, since a publisher takes what it is told for granted, and finds its own way up from
    below; `rtt_s` is the owner's to keep.
    """

    __slots__ = ("_detector", "_next_update", "_rates", "_sent_units", "_throughput", "rtt_s")

    def __init__(self, start_bps: int) -> None:
        self.rtt_s = DEFAULT_RTT_S
        self._detector = OveruseDetector()
        self._rates = RateControl(start_bps)
        self._throughput = Throughput()
        self._sent_units: int | None = None  # unwrapped, of the newest packet
        self._next_update = 0.0

    @property
    def estimate_bps(self) -> int:
        """What the way can carry, in bits a second."""
        return self._rates.estimate_bps

    def received(self, send_time24: int, size_bytes: int, now: float) -> bool:
        """Take a packet of `size_bytes` with its 24-bit abs-send-time; whether the estimate was looked at."""
        sent_at = self._unwrap(send_time24) / _UNITS_PER_S
        self._throughput.add(Arrival(sent_at, now, size_bytes, 0, 0))
        self._detector.add(sent_at, now)
        if now < self._next_update and self._detector.usage is not PathUsage.OVERUSED:
            return False
        self._next_update = now + UPDATE_INTERVAL_S
        self._rates.update(
            self._detector.usage,
            self._throughput.rate_bps(),
            now,
            stretch=self._throughput.stretch(),
            rtt_s=self.rtt_s,
            held=self._detector.queue_ms > HOLDING_MS,
            clear=self._detector.queue_ms < CLEAR_MS,
            probing=False,
        )
        return True

    def _unwrap(self, send_time24: int) -> int:
        newest = self._sent_units
        if newest is None:
            self._sent_units = send_time24
            return send_time24
        units = newest + ((send_time24 - newest + _CYCLE // 2) % _CYCLE) - _CYCLE // 2
        self._sent_units = max(newest, units)
        return units
