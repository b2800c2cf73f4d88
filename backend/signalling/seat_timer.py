"""Wakes the live classes when the next seat's grace is over."""

import asyncio

from backend.domain.live_classes import LiveClasses


class SeatTimer:
    """One timer for all waiting seats: the domain says when, this says that it is time."""

    def __init__(self, classes: LiveClasses) -> None:
        self._classes = classes
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
        self._handle = None
        # The loop may wake a little early, by its clock's resolution; the timer is then set again.
        self._classes.handle_timeout(self._loop.time())
        self._reschedule()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
