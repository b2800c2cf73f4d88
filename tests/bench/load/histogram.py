"""A histogram of durations with buckets of about 3 %, as cheap to fill as a dict."""

from collections import Counter
from collections.abc import Mapping

_SUB_BITS = 5
_SUB = 1 << _SUB_BITS


def bucket_of(us: int) -> int:
    """Return the bucket of a duration in microseconds: exact below 32, then 32 buckets to each doubling."""
    if us < _SUB:
        return max(us, 0)
    shift = us.bit_length() - _SUB_BITS - 1
    return (shift << _SUB_BITS) + (us >> shift)


def upper_edge(bucket: int) -> int:
    """Return the longest duration, in microseconds, that falls into a bucket."""
    if bucket < 2 * _SUB:
        return bucket
    shift = (bucket >> _SUB_BITS) - 1
    return ((bucket - (shift << _SUB_BITS) + 1) << shift) - 1


class Histogram:
    """Counts durations in microseconds; `counts` maps buckets to how many."""

    def __init__(self, counts: Mapping[int, int] | None = None, longest_us: int = 0) -> None:
        self.counts: Counter[int] = Counter(counts or {})
        self.longest_us = longest_us

    def add(self, us: int) -> None:
        """Count a duration."""
        self.counts[bucket_of(us)] += 1
        self.longest_us = max(us, self.longest_us)

    def merge(self, other: "Histogram") -> None:
        """Add what another has counted."""
        self.counts.update(other.counts)
        self.longest_us = max(self.longest_us, other.longest_us)

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.counts.values())

    def percentile_ms(self, percent: float) -> float | None:
        """Return an upper bound of a percentile in milliseconds, at most 3 % too high; None if empty."""
        wanted = self.total * percent / 100
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(upper_edge(bucket), self.longest_us) / 1000
        return None
