"""Counting attempts in a sliding window. Pure: the moment is an argument."""

import math
from collections import OrderedDict, deque

MAX_KEYS = 100_000
"""Keys remembered at once. The least recently used goes first; it takes that many others within a window."""


class SlidingWindow:
    """At most `limit` hits a key within any `window_s` seconds. Times are seconds of one steady clock."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hits)

    def hit(self, key: str, now: float) -> None:
        """Count an attempt."""
        hits = self._hits.setdefault(key, deque(maxlen=self._limit))
        self._hits.move_to_end(key)
        hits.append(now)
        self._forget(now)

    def remaining(self, key: str, now: float) -> int:
        """Return how many more hits fit into the window now."""
        return self._limit - sum(1 for hit in self._hits.get(key, ()) if hit > now - self._window_s)

    def retry_after_s(self, key: str, now: float) -> int:
        """Return after how many whole seconds the next attempt is free; 0 when it is free now."""
        hits = self._hits.get(key)
        if hits is None or len(hits) < self._limit or hits[0] <= now - self._window_s:
            return 0
        return max(1, math.ceil(hits[0] + self._window_s - now))

    def _forget(self, now: float) -> None:
        """Drop from the least recently used end what is over, and what is too much."""
        while self._hits:
            key, hits = next(iter(self._hits.items()))
            if len(self._hits) <= MAX_KEYS and hits[-1] > now - self._window_s:
                return
            del self._hits[key]
