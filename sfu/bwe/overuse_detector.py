"""Whether the path is overused, by the trend of the one-way delay.

The trendline filter with an adaptive threshold of Google Congestion Control (draft-ietf-rmcat-gcc-02, 5.3 and 5.4;
the trendline replaced the draft's Kalman filter in browsers). One thing differs: we send a frame at once, without
pacing, so the arrival of a group's last packet tells of the frame's own size. What tells of a queue is the least
delay within a group: that of a packet which found the queue as empty as it got.
"""

import enum
from collections import deque
from operator import mul

GROUP_S = 0.030
"""Batches sent within so long are one group: a video's frame, or one frame of each of several videos."""

WINDOW_GROUPS = 20
MIN_GROUPS = 8
"""Groups that the line is laid through, 0.7 s at 30 frames; fewer at the beginning."""

SMOOTHING = 0.9
GAIN = 4.0
MAX_GAIN_GROUPS = 60
"""Of the trendline filter: weight of the past, and how the slope is scaled, less while groups are few."""

INITIAL_THRESHOLD = 12.5
MIN_THRESHOLD = 6.0
MAX_THRESHOLD = 600.0
UP_PER_MS = 0.0087
DOWN_PER_MS = 0.039
MAX_ADAPT_OFFSET = 15.0
MAX_ADAPT_MS = 100.0
"""Of the adaptive threshold (draft-ietf-rmcat-gcc-02, 5.4): it follows jitter, but not a path that gets narrow."""

OVERUSE_TIME_MS = 10.0
"""So long the trend has to stay above the threshold."""

MIN_QUEUE_MS = 4.0
"""A lesser delay than this above the least one is no queue, whichever way it goes: nothing else is looked at."""

STEEP_GROUPS = 3
STEEP_MS = 10.0
STEEP_QUEUE_MS = 80.0
"""A queue that has grown by so much in each of the last groups, to more than this, needs no statistics: the window
would fill half a second late, and each group of a queue that grows comes later than the one before."""

STANDING_MS = 100.0
STANDING_S = 2.0
MAX_STANDING = 3
"""A queue so long that has not become shorter for so long has no trend, but is to go. If some reductions do not
help, the path has got longer or the queue is others': the delay as it is then counts as the least."""

BASE_WINDOW_S = 10.0
"""The least delay is sought in the last one or two of these: clocks drift by milliseconds, and paths change. While
one that has got longer is taken for a queue, it is not probed."""

RESET_S = 2.0
"""After such a silence, or such a jump of the delay, nothing from before is of use."""


class PathUsage(enum.Enum):
    """What the delay says of the path."""

    NORMAL = "normal"
    OVERUSED = "overused"
    UNDERUSED = "underused"


class OveruseDetector:
    """Watch the delay of groups.

    `usage` is the verdict, `queue_ms` how much above the least the last one was, `groups` their number so far.
    """

    __slots__ = (
        "_adapted_at",
        "_arrivals",
        "_base",
        "_base_since",
        "_delays",
        "_group_arrived_at",
        "_group_delay",
        "_group_sent_at",
        "_next_base",
        "_over_count",
        "_over_ms",
        "_previous_sent_at",
        "_previous_trend",
        "_rising",
        "_smoothed",
        "_standing_count",
        "_standing_ms",
        "_standing_since",
        "_threshold",
        "groups",
        "queue_ms",
        "usage",
    )

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=WINDOW_GROUPS)  # ms
        self._delays: deque[float] = deque(maxlen=WINDOW_GROUPS)  # ms, smoothed
        self.reset()

    def reset(self) -> None:
        """Begin anew, with nothing known of the path."""
        self.usage = PathUsage.NORMAL
        self.queue_ms = 0.0
        self._arrivals.clear()
        self._delays.clear()
        self.groups = 0
        self._group_sent_at = self._previous_sent_at = 0.0
        self._group_arrived_at = 0.0
        self._group_delay: float | None = None  # of the group that is going on; none before the first
        self._smoothed = 0.0
        self._base = self._next_base = float("inf")
        self._base_since = 0.0
        self._threshold = INITIAL_THRESHOLD
        self._adapted_at = 0.0
        self._previous_trend = 0.0
        self._over_ms: float | None = None
        self._over_count = 0
        self._rising = 0
        self._standing_since = 0.0
        self._standing_ms = 0.0
        self._standing_count = 0

    def add(self, sent_at: float, arrived_at: float) -> None:
        """Take a batch's time of sending and the arrival of its first packet, in seconds of either clock."""
        delay = arrived_at - sent_at
        if self._group_delay is not None:
            elapsed = sent_at - self._group_sent_at
            if elapsed < GROUP_S:
                if delay < self._group_delay and elapsed >= 0:
                    self._group_delay, self._group_arrived_at = delay, arrived_at
                return
            if elapsed > RESET_S or abs(delay - self._group_delay) > RESET_S:
                self.reset()
            else:
                self._finish_group()
        self._group_sent_at, self._group_arrived_at, self._group_delay = sent_at, arrived_at, delay

    def _finish_group(self) -> None:
        assert self._group_delay is not None  # noqa: S101 - a group goes on
        delay_ms = self._group_delay * 1000
        if delay_ms < self._next_base or self._group_sent_at - self._base_since > BASE_WINDOW_S:
            self._follow_base(delay_ms)
        queue_ms, before_ms = delay_ms - self._base, self.queue_ms
        level_ms = min(queue_ms, before_ms)  # one late group alone is nothing
        if self.groups:
            level_ms = SMOOTHING * self._smoothed + (1 - SMOOTHING) * level_ms
        self.queue_ms, self._smoothed = queue_ms, level_ms
        self._arrivals.append(self._group_arrived_at * 1000)
        self._delays.append(level_ms)
        self.groups += 1
        self._rising = self._rising + 1 if queue_ms > before_ms + STEEP_MS else 0
        if queue_ms < MIN_QUEUE_MS and level_ms < MIN_QUEUE_MS:
            self._calm()
        else:
            if len(self._delays) >= MIN_GROUPS:
                self._judge(self._slope())
            if (self._rising >= STEEP_GROUPS and queue_ms > STEEP_QUEUE_MS) or self._stands(queue_ms):
                self.usage = PathUsage.OVERUSED
        self._previous_sent_at = self._group_sent_at

    def _follow_base(self, delay_ms: float) -> None:
        """Keep the least delay; a change of it moves the whole window, as if it had been so all the time."""
        base = self._base
        if self._group_sent_at - self._base_since > BASE_WINDOW_S:
            base = min(self._next_base, delay_ms)
            self._base_since, self._next_base = self._group_sent_at, delay_ms
        elif delay_ms < self._next_base:
            self._next_base = delay_ms
        if delay_ms < base:
            base = delay_ms
        if base != self._base:
            moved = 0.0 if self.groups == 0 else self._base - base
            self._base = base
            self._smoothed += moved
            for index in range(len(self._delays)):
                self._delays[index] += moved

    def _stands(self, queue_ms: float) -> bool:
        """Tell whether a long queue has not become shorter."""
        now = self._group_sent_at
        if queue_ms < STANDING_MS:
            self._standing_ms, self._standing_count = 0.0, 0
            return False
        if queue_ms < self._standing_ms * SMOOTHING or not self._standing_ms:
            self._standing_ms, self._standing_since = queue_ms, now
        if now - self._standing_since < STANDING_S:
            return False
        if self._standing_count == MAX_STANDING:
            self.reset()
            return False
        self._standing_ms, self._standing_since = queue_ms, now
        self._standing_count += 1
        return True

    def _calm(self) -> None:
        """Take note that there is no queue."""
        self.usage = PathUsage.NORMAL
        self._threshold = max(MIN_THRESHOLD, self._threshold * SMOOTHING)
        self._adapted_at = self._group_arrived_at
        self._previous_trend = 0.0
        self._over_ms, self._over_count = None, 0
        self._standing_ms, self._standing_count = 0.0, 0

    def _slope(self) -> float:
        """Lay a line through the window: growth of the delay in ms a ms."""
        arrivals, delays = self._arrivals, self._delays
        mean = sum(arrivals) / len(arrivals)
        distances = [arrival - mean for arrival in arrivals]
        square = sum(map(mul, distances, distances))
        return sum(map(mul, distances, delays)) / square if square else self._previous_trend

    def _judge(self, trend: float) -> None:
        scaled = min(self.groups, MAX_GAIN_GROUPS) * trend * GAIN
        if scaled > self._threshold:
            since_ms = (self._group_sent_at - self._previous_sent_at) * 1000
            self._over_ms = since_ms / 2 if self._over_ms is None else self._over_ms + since_ms
            self._over_count += 1
            if self._over_ms > OVERUSE_TIME_MS and self._over_count > 1 and trend >= self._previous_trend:
                self._over_ms, self._over_count = 0.0, 0
                self.usage = PathUsage.OVERUSED
        else:
            self._over_ms, self._over_count = None, 0
            self.usage = PathUsage.UNDERUSED if scaled < -self._threshold else PathUsage.NORMAL
        self._previous_trend = trend
        self._adapt(abs(scaled))

    def _adapt(self, scaled: float) -> None:
        elapsed_ms = min((self._group_arrived_at - self._adapted_at) * 1000, MAX_ADAPT_MS)
        self._adapted_at = self._group_arrived_at
        if elapsed_ms <= 0 or scaled > self._threshold + MAX_ADAPT_OFFSET:
            return
        rate = DOWN_PER_MS if scaled < self._threshold else UP_PER_MS
        self._threshold += min(1.0, rate * elapsed_ms) * (scaled - self._threshold)
        self._threshold = max(MIN_THRESHOLD, min(self._threshold, MAX_THRESHOLD))
