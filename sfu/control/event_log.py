"""What the backend must learn without asking: numbered events, handed to every subscriber in order."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sfu.errors import LimitReached
from shared.ids import new_id

MAX_SUBSCRIBERS = 32
"""Backends and probes that follow the events at one time; a handful is usual."""

MAX_QUEUED_EVENTS = 20_000
"""What a subscriber may have unread: a few thousand consumers closed at once, several times over.

One who lets this fill is cut off. It connects again and reads the rooms anew, as after any gap in `seq`.
"""


class Subscription:
    """One subscriber's queue of encoded events. Closed by the log when it overflows or the service stops."""

    def __init__(self, log: "EventLog", max_queued: int, on_overflow: Callable[[], None]) -> None:
        self._log = log
        self._on_overflow = on_overflow
        self._queue: deque[str] = deque()
        self._max_queued = max_queued
        self._wakeup = asyncio.Event()
        self.overflowed = False
        self.closed = False

    async def next_batch(self) -> list[str]:
        """Wait for events and take all that are there, in order; an empty list means that it is over."""
        if not self._queue and not self.closed:
            await self._wakeup.wait()
        self._wakeup.clear()
        batch = list(self._queue)
        self._queue.clear()
        return batch

    def put(self, event: str) -> None:
        """Add an encoded event; never waits. Overflowing closes the subscription and drops what it held."""
        if self.closed:
            return
        if len(self._queue) >= self._max_queued:
            self.overflowed = True
            self._queue.clear()
            self.close()
            self._on_overflow()
            return
        self._queue.append(event)
        self._wakeup.set()

    def close(self) -> None:
        """End the subscription; what is queued can still be taken. Idempotent."""
        self.closed = True
        self._log.forget(self)
        self._wakeup.set()


class EventLog:
    """Numbers events and hands them out. `epoch` names this run of the service, `seq` its latest event."""

    def __init__(self, max_subscribers: int = MAX_SUBSCRIBERS, max_queued: int = MAX_QUEUED_EVENTS) -> None:
        self.epoch = new_id()
        self.seq = 0
        self._max_subscribers = max_subscribers
        self._max_queued = max_queued
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: str, room_id: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Give the event the next number and queue it for every subscriber."""
        self.seq += 1
        if not self._subscriptions:
            return
        message: dict[str, Any] = {"event": event, "seq": self.seq}
        if room_id is not None:
            message["roomId"] = room_id
        message.update(data or {})
        encoded = json.dumps(message, separators=(",", ":"))
        for subscription in tuple(self._subscriptions):
            subscription.put(encoded)

    @property
    def subscribers(self) -> int:
        """How many follow the events."""
        return len(self._subscriptions)

    def subscribe(self, on_overflow: Callable[[], None]) -> Subscription:
        """Start to queue events from now on; `on_overflow` is called when the subscriber is cut off.

        Raises:
            LimitReached: there are too many subscribers already.
        """
        if len(self._subscriptions) >= self._max_subscribers:
            raise LimitReached(f"there are {self._max_subscribers} subscribers already")
        subscription = Subscription(self, self._max_queued, on_overflow)
        self._subscriptions.add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Queue nothing more for it."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription after what it has queued."""
        for subscription in tuple(self._subscriptions):
            subscription.close()
