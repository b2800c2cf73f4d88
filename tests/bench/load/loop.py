"""The event loop of a load process: bare epoll, and timers that are kept to some ten microseconds if asked to."""

import heapq
import math
import select
import time
from collections.abc import Callable

now = time.monotonic


class Loop:
    """Calls readers and timers. `exact`: sleeps the last millisecond before a timer by `clock_nanosleep`."""

    def __init__(self, *, exact: bool) -> None:
        self.lag_us = 0
        """The longest that a timer was late; set it to 0 to begin anew."""
        self._exact = exact
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._stopped = False

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Call when a descriptor can be read, as long as it can."""
        self._readers[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)

    def remove_reader(self, fd: int) -> None:
        """Stop calling."""
        if self._readers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, due: float, callback: Callable[[], None]) -> None:
        """Call once, not before `due` (monotonic seconds)."""
        self._count += 1
        heapq.heappush(self._timers, (due, self._count, callback))

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped = True

    def run(self) -> None:
        """Run until stopped."""
        poll, readers = self._epoll.poll, self._readers
        while not self._stopped:
            for fd, _ in poll(self._timeout(), 512):
                reader = readers.get(fd)
                if reader is not None:
                    reader()
            self._run_timers()

    def _timeout(self) -> float:
        if not self._timers:
            return -1
        left = self._timers[0][0] - now()
        if left <= 0:
            return 0
        # epoll counts in milliseconds and rounds up, which is too late for a packet that is due.
        return math.floor(left * 1000) / 1000 if self._exact else left

    def _run_timers(self) -> None:
        timers = self._timers
        while timers:
            left = timers[0][0] - now()
            if left > 0.001 or (left > 0 and not self._exact):
                return
            if left > 0:
                time.sleep(left)
            else:
                self.lag_us = max(self.lag_us, int(-left * 1e6))
            heapq.heappop(timers)[2]()
