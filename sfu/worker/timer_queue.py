"""The deadlines of many, of which the event loop has to know only the soonest.

Sans-IO. What is due once a second or so goes by steps of `STEP_S`, so that one wake-up serves many: with two
hundred transports each of their own, waking up costs several times what is done then.
"""

import math
from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

STEPS_PER_S = 50
"""Of times that need not be exact. A class of 200 has four transports a step: who waits for them waits shortly."""

_TOLERANCE = 1e-3
"""Of a step: a time that is on one, but for the rounding of floats, stays there."""

_SPARE_ENTRIES = 64
"""Overtaken entries that do no harm, besides as many as there are deadlines."""

_NEVER = float("inf")

T = TypeVar("T", bound=Hashable)


def next_step(when: float) -> float:
    """Return the first time from `when` on that is a step; it is less than 1 / `STEPS_PER_S` seconds later."""
    return math.ceil(when * STEPS_PER_S - _TOLERANCE) / STEPS_PER_S


class TimerQueue(Generic[T]):
    """At most one deadline each, taken in their order."""

    __slots__ = ("_due", "_entries", "_number")

    def __init__(self) -> None:
        self._due: dict[T, tuple[float, int]] = {}
        # Deadline, number and whom; those that `_due` does not have any more have been overtaken.
        self._entries: list[tuple[float, int, T]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._due)

    def arm(self, whom: T, when: float) -> None:
        """Let `whom` be due at `when`, unless that is sooner already."""
        armed = self._due.get(whom)
        if armed is not None and armed[0] <= when:
            return
        self._number = number = self._number + 1
        self._due[whom] = when, number
        heappush(self._entries, (when, number, whom))
        if len(self._entries) > 2 * len(self._due) + _SPARE_ENTRIES:
            self._entries = [(*due, each) for each, due in self._due.items()]
            heapify(self._entries)

    def disarm(self, whom: T) -> None:
        """Let `whom` not be due any more; safe to call twice."""
        if self._due.pop(whom, None) is not None:
            self._drop_overtaken()

    def next_due(self) -> float:
        """Return the soonest deadline; infinite without any."""
        return self._entries[0][0] if self._entries else _NEVER

    def take(self, now: float) -> T | None:
        """Return who has been due for longest, and is not any more; `None` when nobody is due by `now`."""
        entries = self._entries
        if not entries or entries[0][0] > now:
            return None
        whom = heappop(entries)[2]
        del self._due[whom]
        self._drop_overtaken()
        return whom

    def _drop_overtaken(self) -> None:
        """Have the first entry be a deadline that counts."""
        entries, due = self._entries, self._due
        while entries:
            _, number, whom = entries[0]
            armed = due.get(whom)
            if armed is not None and armed[1] == number:
                return
            heappop(entries)
