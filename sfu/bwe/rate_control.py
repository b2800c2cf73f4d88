"""The rate that the delay allows: up while it stays, down when it grows (draft-ietf-rmcat-gcc-02, 5.5)."""

import math

from sfu.bwe.overuse_detector import PathUsage

MIN_BITRATE_BPS = 30_000
"""Never less: below it no video is of use, and from nothing no factor leads up."""

MAX_BITRATE_BPS = 25_000_000
"""Never more: several of the best layers at once. What a probe can measure ends there, too."""

BACKOFF = 0.85
"""Of what arrives, when the path is overused: the queue has to empty."""

GROWTH_PER_S = 1.08
MIN_GROWTH_BPS = 1000
LIMIT_FACTOR = 1.1
UNPROBED_LIMIT_FACTOR = 1.5
LIMIT_HEADROOM_BPS = 10_000
"""Of the acknowledged rate: so far beyond what it has been tried with does an estimate rise by itself. Layers come
in big steps, so the rest of the way is better tried with padding than with a layer, unless the path cannot be
probed."""

MAX_REDUCTION = 0.5
"""The least that one reduction leaves: when little is sent, what arrives tells little of what could. The next may
come a round trip later."""

MAX_SURE_REDUCTION = 0.25
"""The same where the reason is certain; not less, as an interruption for a moment looks like it."""

APPLICATION_LIMITED = 0.7
"""Sending less than this share of the estimate, an overuse is hardly of our making."""

STRETCHED = 1.05
"""Arriving takes so much longer than sending when our packets are too many for the path."""

RESPONSE_EXTRA_S = 0.1
PACKET_BITS = 1200 * 8
"""Near the path's limit the estimate grows by half a packet in the time of response: a round trip and more."""

MIN_REDUCTION_INTERVAL_S = 0.1
MAX_REDUCTION_INTERVAL_S = 0.3
"""Between two reductions: a round trip, in which the first one shows."""

CAPACITY_WEIGHT = 0.05
MIN_DEVIATION = 0.4
MAX_DEVIATION = 2.5
"""Of the mean rate at which the path was overused, and of its normalized deviation, in kbit/s."""


class _Capacity:
    """Where the path's limit lay when it was last met: mean and deviation of the rate that arrived then."""

    __slots__ = ("_deviation", "_mean_kbps")

    def __init__(self) -> None:
        self._mean_kbps: float | None = None
        self._deviation = MIN_DEVIATION

    def overused_at(self, bitrate_bps: int) -> None:
        kbps = bitrate_bps / 1000
        if self._mean_kbps is None or not self.contains(bitrate_bps):
            self._mean_kbps = kbps
            return
        error = self._mean_kbps - kbps
        self._mean_kbps -= CAPACITY_WEIGHT * error
        norm = max(self._mean_kbps, 1.0)
        deviation = (1 - CAPACITY_WEIGHT) * self._deviation + CAPACITY_WEIGHT * error * error / norm
        self._deviation = max(MIN_DEVIATION, min(deviation, MAX_DEVIATION))

    def contains(self, bitrate_bps: int) -> bool:
        if self._mean_kbps is None:
            return False
        return abs(bitrate_bps / 1000 - self._mean_kbps) <= 3 * math.sqrt(self._deviation * self._mean_kbps)

    @property
    def known(self) -> bool:
        return self._mean_kbps is not None

    def forget_below(self, bitrate_bps: int) -> None:
        """Forget the limit when more than it gets through."""
        if self._mean_kbps is not None and bitrate_bps / 1000 > self._mean_kbps and not self.contains(bitrate_bps):
            self._mean_kbps = None


class RateControl:
    """Additive or multiplicative increase, multiplicative decrease. `estimate_bps` is the outcome."""

    __slots__ = ("_capacity", "_changed_at", "_holding", "_reduced_at", "estimate_bps")

    def __init__(self, start_bps: int) -> None:
        self.estimate_bps = start_bps
        self._capacity = _Capacity()
        self._changed_at: float | None = None
        self._reduced_at = -math.inf
        self._holding = False

    def update(
        self,
        usage: PathUsage,
        acknowledged_bps: int | None,
        now: float,
        *,
        stretch: float,
        rtt_s: float,
        held: bool,
        clear: bool,
        probing: bool,
    ) -> bool:
        """Take the detector's verdict; whether the estimate was reduced.

        `acknowledged_bps` is what arrives, `stretch` how much longer that takes than the sending; `held`:
        something else forbids to rise; `clear`: nothing waits on its way; `probing`: probes raise the estimate.
        """
        if usage is PathUsage.OVERUSED:
            self._changed_at, self._holding = now, True
            interval = max(MIN_REDUCTION_INTERVAL_S, min(rtt_s, MAX_REDUCTION_INTERVAL_S))
            if now - self._reduced_at < interval:
                return False
            return self._reduce(acknowledged_bps, stretch, now)
        if usage is PathUsage.UNDERUSED or self._holding:
            self._changed_at, self._holding = now, usage is PathUsage.UNDERUSED  # until the queue is empty
        elif held:
            self._changed_at = now
        elif acknowledged_bps is not None:
            evident = acknowledged_bps if clear else int(BACKOFF * acknowledged_bps)
            if evident > self.estimate_bps:
                self.estimate_bps = max(self.estimate_bps, _clamp(evident))
            self._increase(acknowledged_bps, LIMIT_FACTOR if probing else UNPROBED_LIMIT_FACTOR, rtt_s, now)
        return False

    def raise_to(self, bitrate_bps: int) -> None:
        """Take it as proved that so much gets through."""
        self.estimate_bps = max(self.estimate_bps, _clamp(bitrate_bps))
        self._capacity.forget_below(bitrate_bps)

    def lower_to(self, bitrate_bps: float, *, at_once: bool = False) -> bool:
        """Reduce the estimate for a reason that the delay does not show; whether it was reduced.

        `at_once`: by more than otherwise, as the reason leaves no doubt.
        """
        before = self.estimate_bps
        least = (MAX_SURE_REDUCTION if at_once else MAX_REDUCTION) * before
        self.estimate_bps = min(before, _clamp(int(max(bitrate_bps, least))))
        return self.estimate_bps < before

    def _reduce(self, acknowledged_bps: int | None, stretch: float, now: float) -> bool:
        estimate = self.estimate_bps
        if acknowledged_bps is None:
            reduced = int(BACKOFF * estimate)
        else:
            reduced = int(BACKOFF * acknowledged_bps)
            if acknowledged_bps < APPLICATION_LIMITED * estimate and stretch < STRETCHED:
                # All that we sent came through: others fill the queue, or the delay jitters. Feel the way down.
                reduced = max(reduced, int(BACKOFF * estimate))
            else:
                self._capacity.overused_at(acknowledged_bps)
        reduced = max(reduced, int(MAX_REDUCTION * estimate))
        self._reduced_at = now
        if reduced >= estimate:
            return False
        self.estimate_bps = _clamp(reduced)
        return True

    def _increase(self, acknowledged_bps: int, factor: float, rtt_s: float, now: float) -> None:
        changed_at, self._changed_at = self._changed_at, now
        limit = int(factor * acknowledged_bps) + LIMIT_HEADROOM_BPS
        estimate = self.estimate_bps
        elapsed = 0.0 if estimate >= limit or changed_at is None else min(now - changed_at, 1.0)
        if elapsed <= 0:
            return
        self._capacity.forget_below(acknowledged_bps)
        if self._capacity.known:
            step = PACKET_BITS / 2 / (rtt_s + RESPONSE_EXTRA_S) * elapsed
        else:
            step = max(estimate * (GROWTH_PER_S**elapsed - 1), MIN_GROWTH_BPS * elapsed)
        self.estimate_bps = _clamp(min(estimate + math.ceil(step), limit))


def _clamp(bitrate_bps: int) -> int:
    return max(MIN_BITRATE_BPS, min(bitrate_bps, MAX_BITRATE_BPS))
