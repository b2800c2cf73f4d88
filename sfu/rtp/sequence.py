"""Counters that wrap, made into plain growing ints at the edge."""


class Unwrapper:
    """Unwrap a 16- or 32-bit counter, taking each value for the one nearest to the highest seen.

    The first value comes back one cycle up, so that what was sent before it and arrives after it stays positive.
    A value exactly half a cycle away is taken for an older one.
    """

    __slots__ = ("_cycle", "_half", "_highest", "_mask")

    def __init__(self, bits: int = 16) -> None:
        self._cycle = 1 << bits
        self._half = self._cycle >> 1
        self._mask = self._cycle - 1
        self._highest = -1

    @property
    def highest(self) -> int:
        """The highest unwrapped value so far; -1 before the first."""
        return self._highest

    def unwrap(self, value: int) -> int:
        """Unwrap `value`, and move `highest` if it is ahead of it."""
        highest = self._highest
        if highest < 0:
            self._highest = value + self._cycle
            return self._highest
        ahead = (value - highest) & self._mask
        if ahead < self._half:
            self._highest = highest + ahead
            return self._highest
        return highest + ahead - self._cycle
