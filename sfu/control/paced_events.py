"""Events of which only the latest counts, such as scores and layers: told at a bounded rate.

A bad network changes the scores and layers of hundreds of consumers many times a second. Whoever follows the
events gets of each object and event the first change at once and then at most one every `gap_s`, always the
latest; and of all objects together at most `MOST_PER_TICK` a tick, the rest in the order it came.
"""

import asyncio
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sfu.control.event_log import EventLog
from sfu.control.peer_timeouts import FixedDelayQueue

LAYERS_GAP_S = 0.25
"""A client acts on layers: it stops or starts to send them, or tells its user."""
SCORE_GAP_S = 1.0
"""Scores are for graphs and logs."""
TICK_S = 0.1
MOST_PER_TICK = 50
"""500 events a second of each sort: a backend digests tens of thousands, and beside them whatever else happens."""

Key = tuple[str, str]


class Source(Protocol):
    """A producer or consumer that events are about."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def closed(self) -> bool:
        """Whether it is gone; then nothing is told of it any more."""


@dataclass(frozen=True, slots=True)
class PacedEvent:
    """One event of one object."""

    source: Source
    name: str
    room_id: str
    data: dict[str, Any]

    @property
    def key(self) -> Key:
        """What it replaces an earlier one of."""
        return self.source.id, self.name


class Pacer:
    """Decides when which event is told. Sans-IO: after each `offer`, and at `next_timeout()`, call `take(now)`."""

    def __init__(self, gap_s: float, most_per_tick: int = MOST_PER_TICK) -> None:
        self._most_per_tick = most_per_tick
        self._ready: dict[Key, PacedEvent] = {}
        self._resting = FixedDelayQueue[Key](gap_s)
        self._told: dict[Key, PacedEvent] = {}
        self._held: dict[Key, PacedEvent] = {}
        self._tick_ends = float("-inf")
        self._left = 0

    def offer(self, event: PacedEvent) -> None:
        """Have an event told, instead of an earlier one of its key that has not been told yet."""
        (self._held if event.key in self._told else self._ready)[event.key] = event

    def take(self, now: float) -> list[PacedEvent]:
        """Return what is to be told now."""
        for key in self._resting.pop_due(now):
            told, held = self._told.pop(key), self._held.pop(key, None)
            if held is not None and held.data != told.data:
                self._ready[key] = held
        if now >= self._tick_ends:
            self._tick_ends, self._left = now + TICK_S, self._most_per_tick
        events = [self._ready[key] for key in list(self._ready)[: self._left]]
        for event in events:
            del self._ready[event.key]
            self._told[event.key] = event
            self._resting.add(event.key, now)
        self._left -= len(events)
        return events

    def next_timeout(self) -> float | None:
        """Return when `take` has something to do, if ever."""
        times = [self._tick_ends] if self._ready else []
        if (due := self._resting.next_due()) is not None:
            times.append(due)
        return min(times, default=None)


class PacedEvents:
    """Publishes paced events; layers and scores each at their own pace, so that neither delays the other."""

    def __init__(self, events: EventLog) -> None:
        layers, scores = _PacedLog(events, LAYERS_GAP_S), _PacedLog(events, SCORE_GAP_S)
        self._logs: Final = {
            "consumer-layers": layers,
            "producer-layers": layers,
            "consumer-score": scores,
            "producer-score": scores,
        }

    def publish(self, room_id: str, source: Source, name: str, data: dict[str, Any]) -> None:
        """Publish the event, or a later one of its name and source, when it is its turn."""
        self._logs[name].publish(PacedEvent(source, name, room_id, data))

    def close(self) -> None:
        """Publish nothing more."""
        for log in self._logs.values():
            log.close()


class _PacedLog:
    """Runs one pacer on the loop's clock."""

    def __init__(self, events: EventLog, gap_s: float) -> None:
        self._events = events
        self._pacer = Pacer(gap_s)
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # not `when()`: uvloop has none for what is due at once
        self._closed = False

    def publish(self, event: PacedEvent) -> None:
        self._pacer.offer(event)
        self._tell()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        for event in self._pacer.take(loop.time()):
            if not event.source.closed:
                self._events.publish(event.name, event.room_id, event.data)
        due = self._pacer.next_timeout()
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        # In a context of its own: what is told later belongs to no request.
        self._due = due
        self._timer = loop.call_at(due, self._handle_timeout, context=Context())

    def _handle_timeout(self) -> None:
        self._timer = None
        self._tell()
