"""How many bits a second something carries, over a sliding window."""

_BUCKETS = 25
"""The window moves in steps of a 25th: 40 ms of a second, finer than any consumer of the figure looks."""


class RateCalculator:
    """Sum bytes over the last `window_s` seconds in a ring of buckets. A call costs the same, however busy it is.

    Until the first window has passed the rate is what came so far, spread over the whole window.
    """

    __slots__ = ("_buckets", "_buckets_per_s", "_current", "_total", "_window_s")

    def __init__(self, window_s: float = 1.0) -> None:
        self._window_s = window_s
        self._buckets_per_s = _BUCKETS / window_s
        self._buckets = [0] * _BUCKETS
        self._current = 0
        self._total = 0

    def update(self, size_bytes: int, now: float) -> None:
        """Count `size_bytes` at `now`; a `now` before an earlier call's counts as that one's."""
        index = int(now * self._buckets_per_s)
        if index > self._current:
            self._advance(index)
        self._buckets[self._current % _BUCKETS] += size_bytes
        self._total += size_bytes

    def rate_bps(self, now: float) -> int:
        """Return the bits per second of the window that ends at `now`."""
        index = int(now * self._buckets_per_s)
        if index > self._current:
            self._advance(index)
        return int(self._total * 8 / self._window_s)

    def _advance(self, index: int) -> None:
        for step in range(max(self._current + 1, index - _BUCKETS + 1), index + 1):
            self._total -= self._buckets[step % _BUCKETS]
            self._buckets[step % _BUCKETS] = 0
        self._current = index
