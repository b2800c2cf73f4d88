"""Wakes the live classes when the next seat's grace is over."""

import asyncio
from collections.abc import Callable

from backend.domain.live_classes import LiveClasses

UNCERTAIN_S = 1.0
"""How long to wait before it is asked again whether it is certain who sits here."""


class SeatTimer:
    """One timer for all waiting seats: the domain says when, this says that it is time.

    While `certain` says no, who waits here may be back in the seat at another backend: nobody's grace ends then.
    """

    def __init__(self, classes: LiveClasses, certain: Callable[[], bool]) -> None:
        self._classes = classes
        self._certain = certain
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0  # not `when()`: uvloop has none for what is due at once
        classes.on_waiting_changed = self._reschedule

    def close(self) -> None:
        """Wake nobody any more."""
        self._classes.on_waiting_changed = lambda: None
        self._cancel()

    def _reschedule(self) -> None:
        at = self._classes.waiting.next_timeout()
        if self._handle is not None and self._at == at:
            return
        self._cancel()
        if at is not None:
            self._at = at
            self._handle = self._loop.call_at(at, self._wake)

    def _wake(self) -> None:
        if not self._certain():
            self._handle = self._loop.call_later(UNCERTAIN_S, self._wake)
            return
        self._handle = None
        # The loop may wake a little early, by its clock's resolution; the timer is then set again.
        self._classes.handle_timeout(self._loop.time())
        self._reschedule()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
