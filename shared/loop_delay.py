"""How late an event loop is: everything that waits in it for its turn waits so long.

A timer is set twice a second; how much too late it comes is counted, as Prometheus counts a histogram. Packets and
requests cost nothing more for it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

EVERY_S = 0.5
"""Often enough to notice what lasts; 1,000 times as rarely as packets come to a busy worker."""

BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper ends. libuv's timers count in milliseconds, so less than two are none."""

Bucket = tuple[str, float]
"""The upper end, as a label has it, and how many delays were not longer."""


class Handle(Protocol):
    """A timer that is set."""

    def cancel(self) -> None:
        """Take it back."""


class Loop(Protocol):
    """The event loop, as far as this needs it."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Handle:
        """Call back after so many seconds."""


class LoopDelay:
    """Measures from `start` to `stop`. `clock` is read for each measurement: a loop's own time may stand still."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.sum_s = 0.0
        self._clock = clock
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._loop: Loop | None = None
        self._handle: Handle | None = None
        self._due = 0.0

    @property
    def counts(self) -> Sequence[int]:
        """How many delays fell into each bucket and into no lower one; the last is for those above all."""
        return tuple(self._counts)

    def start(self, loop: Loop) -> None:
        """Begin to measure."""
        self._loop = loop
        self._set(loop)

    def stop(self) -> None:
        """Set no more timers. Idempotent."""
        self._loop = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _set(self, loop: Loop) -> None:
        self._due = self._clock() + EVERY_S
        self._handle = loop.call_later(EVERY_S, self._came)

    def _came(self) -> None:
        late_s = max(0.0, self._clock() - self._due)
        self.sum_s += late_s
        self._counts[sum(late_s > end for end in BUCKETS_S)] += 1
        if self._loop is not None:
            self._set(self._loop)


def as_buckets(counts: Sequence[int]) -> list[Bucket]:
    """Sum the counts up as an exposed histogram has them."""
    total, buckets = 0, []
    for end, count in zip((*map(str, BUCKETS_S), "+Inf"), counts, strict=True):
        total += count
        buckets.append((end, float(total)))
    return buckets
