"""Tries out whether the path carries more, by short clusters of padding above the estimate.

A cluster is a few bursts at the rate in question. What counts is how far apart the first and the last of them
arrive: all that was sent between them, media too, has got through in that time.
"""

import math

from sfu.bwe.sent_history import Arrival

BURSTS = 7
BURST_INTERVAL_S = 0.010
"""A cluster lasts 60 ms: long enough to have a frame of media in it, mostly, and at twice the path's rate it
leaves a queue of no more than that."""

BOLD_FACTOR = 2.0
GENTLE_FACTOR = 1.25
"""At most so many times the estimate is tried: boldly while nothing has failed, and after a success; otherwise
gently, for a path that is full has no time to empty the queue that a cluster leaves behind."""

MARGIN = 1.15
"""Beyond what is aimed at: a cluster of whole packets does not hit a rate exactly."""

LEAST_PADDING = 0.25
"""Of the rate to try, when media make up nearly all of it: there has to be something to measure."""

MIN_GAIN = 1.05
"""A result below this times the estimate is none."""

UNSATURATED = 0.9
SAFETY = 0.95
"""A cluster that arrives at less than this share of its rate has met the path's limit; stay a little below it."""

CONCLUSIVE = 0.85
"""Less than this share of the rate to try has been sent, because no frame came: that says nothing, and the next
cluster is all padding."""

SAME_LOSS = 0.25
"""Clusters have a dozen packets: so much more loss than otherwise is none of chance's."""

FIRST_INTERVAL_S = 0.5
MIN_BACKOFF_S = 1.0
MAX_BACKOFF_S = 5.0
"""Between clusters: soon after one that has found more, later and later after those that have not. At the most,
probing takes a hundredth of the path, and a path that has become wide again is noticed within this time."""

RESULT_TIMEOUT_S = 1.0
"""A cluster that no feedback has told of by then has failed."""

DOUBTFUL_S = 5.0
"""A reduction so soon after a probe's raise shows that the probe was wrong: shallow queues let bursts through."""

_LABEL_BITS = 4
_LAST_BURST = BURSTS - 1


class Prober:
    """Decide when a cluster may begin, say what to send of it when, and draw the result from its arrival."""

    __slots__ = (
        "_backoff_s",
        "_bold",
        "_burst",
        "_burst_due_at",
        "_cluster",
        "_counts_media",
        "_deadline",
        "_first",
        "_last_raise_at",
        "_lost_octets",
        "_not_before",
        "_octets",
        "_padding_bps",
        "_target_bps",
    )

    def __init__(self) -> None:
        self._cluster = 0
        self._burst: int | None = None  # the next one to send
        self._burst_due_at = math.inf
        self._deadline = math.inf
        self._bold = True
        self._counts_media = True
        self._target_bps = self._padding_bps = 0.0
        self._first: tuple[float, float] | None = None  # sending and arrival of the first burst
        self._octets = 0
        self._lost_octets = 0
        self._not_before = -math.inf
        self._backoff_s = MIN_BACKOFF_S
        self._last_raise_at = -math.inf

    @property
    def label(self) -> int:
        """What to label the current burst's packets with; none of other packets' labels, which is 0."""
        return self._cluster << _LABEL_BITS | (self._burst or 0)

    @property
    def active(self) -> bool:
        """Whether a cluster is under way."""
        return self._deadline < math.inf

    def next_start(self) -> float:
        """Return when the next cluster may begin, at the earliest."""
        return self._deadline if self.active else self._not_before

    def start(
        self, estimate_bps: float, next_bps: float, desired_bps: float, media_bps: float, now: float
    ) -> None:
        """Begin a cluster; its bursts are due from now on.

        It tries `next_bps`, the least that would be of use, or boldly more up to `desired_bps`, and counts on
        `media_bps` being sent as well.
        """
        self._cluster += 1
        self._burst, self._burst_due_at = 0, now
        self._deadline = now + RESULT_TIMEOUT_S
        aim, factor = (desired_bps, BOLD_FACTOR) if self._bold else (next_bps, GENTLE_FACTOR)
        self._target_bps = min(MARGIN * aim, factor * estimate_bps)
        if not self._counts_media:
            media_bps = 0
        self._padding_bps = max(self._target_bps - media_bps, LEAST_PADDING * self._target_bps)
        self._first = None
        self._octets = self._lost_octets = 0

    def due_octets(self, now: float) -> int:
        """Return how many bytes to send now; 0 before `next_timeout`. Tell `burst_sent` afterwards."""
        if self._burst is None or now < self._burst_due_at:
            return 0
        return math.ceil(self._padding_bps * BURST_INTERVAL_S / 8)

    def burst_sent(self, now: float) -> None:
        """Go on to the next burst."""
        assert self._burst is not None  # noqa: S101 - the caller has just asked for its size
        if self._burst == _LAST_BURST:
            self._burst, self._burst_due_at = None, math.inf
        else:
            self._burst += 1
            self._burst_due_at = now + BURST_INTERVAL_S

    def next_timeout(self) -> float:
        """Return when a burst is due, or a cluster is over without a result; infinite when neither."""
        return min(self._burst_due_at, self._deadline)

    def acknowledged(self, arrival: Arrival, usual_loss: float, estimate_bps: float, now: float) -> int | None:
        """Take a batch that has arrived while a cluster is active; the rate it has proved, when it ends one."""
        if self._first is not None:
            self._octets += arrival.untold_octets
        if arrival.probe >> _LABEL_BITS == self._cluster and arrival.arrived_at is not None:
            if self._first is None:
                self._first = (arrival.sent_at, arrival.arrived_at)
            elif arrival.probe & ((1 << _LABEL_BITS) - 1) == _LAST_BURST:
                result = self._measure(arrival.sent_at, arrival.arrived_at, usual_loss)
                return self._conclude(result, estimate_bps, now)
        if self._first is not None:
            self._octets += arrival.octets
            self._lost_octets += arrival.lost_octets
        return None

    def expire(self, now: float) -> None:
        """Give a cluster up that has had no result in time."""
        if now >= self._deadline:
            self._end(now)

    def begin_anew(self, now: float) -> None:
        """Try boldly again as soon as no cluster is under way: the path is another."""
        self._bold = True
        self._backoff_s = MIN_BACKOFF_S
        self._not_before = min(self._not_before, now)

    def reduced(self, now: float) -> None:
        """Take note that the estimate had to be reduced."""
        self._bold = False
        if now - self._last_raise_at < DOUBTFUL_S:
            self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)
            self._last_raise_at = -math.inf
        self._not_before = max(self._not_before, now + self._backoff_s)

    def _measure(self, sent_at: float, arrived_at: float, usual_loss: float) -> tuple[float, float] | None:
        """Return the rates of sending and of arriving, but for the usual loss; `None` when too much was lost."""
        assert self._first is not None  # noqa: S101 - the caller has seen to it
        sending, arriving = sent_at - self._first[0], arrived_at - self._first[1]
        sent, arrived = self._octets * 8, (self._octets - self._lost_octets) * 8 / (1 - usual_loss)
        if sending <= 0 or not sent or self._lost_octets > (usual_loss + SAME_LOSS) * self._octets:
            return None
        return sent / sending, arrived / arriving if arriving > 0 else math.inf

    def _conclude(self, rates: tuple[float, float] | None, estimate_bps: float, now: float) -> int | None:
        if rates is None:
            self._end(now)
            return None
        sent_bps, arrived_bps = rates
        saturated = arrived_bps < UNSATURATED * sent_bps
        if not saturated and sent_bps < CONCLUSIVE * self._target_bps:
            self._counts_media = False
            self._end(now, backoff_s=MIN_BACKOFF_S)
            return None
        self._counts_media = True
        result_bps = SAFETY * arrived_bps if saturated else min(sent_bps, arrived_bps)
        if result_bps < MIN_GAIN * estimate_bps:
            self._end(now)
            return None
        self._last_raise_at = now
        if saturated:
            self._end(now)
        else:
            self._bold = True
            self._backoff_s = MIN_BACKOFF_S
            self._end(now, backoff_s=FIRST_INTERVAL_S)
        return int(result_bps)

    def _end(self, now: float, backoff_s: float | None = None) -> None:
        """End the cluster; without a given time until the next, that grows."""
        self._deadline = self._burst_due_at = math.inf
        self._burst, self._first = None, None
        if backoff_s is None:
            self._bold = False
            backoff_s = self._backoff_s
            self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)
        self._not_before = now + backoff_s
