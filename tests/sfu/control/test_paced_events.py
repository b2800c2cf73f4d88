"""Events of which only the latest counts: how often they are told."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from sfu.control.event_log import EventLog
from sfu.control.paced_events import TICK_S, PacedEvent, PacedEvents, Pacer, _PacedLog
from tests.support.sfu import eventually

GAP_S = 1.0


@dataclass
class Something:
    """What events are about."""

    id: str
    closed: bool = False


def score(number: int, of: str = "c", name: str = "consumer-score") -> PacedEvent:
    return PacedEvent(Something(of), name, "room", {"score": number})


def told(pacer: Pacer, now: float) -> list[Any]:
    return [(event.source.id, event.data["score"]) for event in pacer.take(now)]


def test_the_first_change_is_told_at_once_and_the_latest_after_the_gap() -> None:
    pacer = Pacer(GAP_S)
    pacer.offer(score(10))
    assert told(pacer, 100.0) == [("c", 10)]
    for number in (9, 8, 7):
        pacer.offer(score(number))
        assert told(pacer, 100.5) == []
    assert pacer.next_timeout() == 101.0
    assert told(pacer, 101.0) == [("c", 7)]


def test_what_came_back_to_what_was_told_is_not_told_again() -> None:
    pacer = Pacer(GAP_S)
    for number in (10, 3, 10):
        pacer.offer(score(number))
        pacer.take(0.0)
    assert told(pacer, GAP_S) == []
    assert pacer.next_timeout() is None
    pacer.offer(score(3))
    assert told(pacer, GAP_S) == [("c", 3)]


def test_objects_and_names_do_not_wait_for_each_other() -> None:
    pacer = Pacer(GAP_S)
    pacer.offer(score(10))
    assert told(pacer, 0.0) == [("c", 10)]
    pacer.offer(score(9, of="d"))
    pacer.offer(score(8, name="consumer-layers"))
    assert told(pacer, 0.1) == [("d", 9), ("c", 8)]


def test_a_storm_is_spread_over_ticks_in_the_order_it_came_with_the_latest_values() -> None:
    pacer = Pacer(GAP_S, most_per_tick=2)
    for consumer in "abcde":
        pacer.offer(score(10, of=consumer))
    assert told(pacer, 0.0) == [("a", 10), ("b", 10)]
    assert pacer.next_timeout() == TICK_S
    pacer.offer(score(1, of="d"))
    assert told(pacer, TICK_S / 2) == []
    assert told(pacer, TICK_S) == [("c", 10), ("d", 1)]
    assert told(pacer, 2 * TICK_S) == [("e", 10)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10), st.floats(0, 0.4)), max_size=60))
def test_whatever_happens_the_last_value_is_told_and_no_gap_is_shorter(
    steps: list[tuple[str, int, float]],
) -> None:
    pacer = Pacer(GAP_S, most_per_tick=1)
    now, seen, last = 0.0, dict[str, tuple[float, int]](), dict[str, int]()

    def take() -> None:
        for event in pacer.take(now):
            before = seen.get(event.source.id)
            assert before is None or now - before[0] >= GAP_S - 1e-9
            seen[event.source.id] = (now, event.data["score"])

    for consumer, number, pause in steps:
        now += pause
        pacer.offer(score(number, of=consumer))
        last[consumer] = number
        take()
    while (due := pacer.next_timeout()) is not None:
        now = max(now, due)
        take()
    assert {consumer: number for consumer, (_, number) in seen.items()} == last


async def test_nothing_is_told_of_what_is_gone() -> None:
    events = EventLog()
    paced = PacedEvents(events)
    staying, leaving = Something("staying"), Something("leaving")
    for number in (10, 5):
        for source in (staying, leaving):
            paced.publish("room", source, "consumer-score", {"score": number})
    assert events.seq == 2
    leaving.closed = True
    await eventually(lambda: events.seq == 3)
    paced.publish("room", leaving, "consumer-score", {"score": 1})
    paced.publish("room", staying, "producer-layers", {"spatialLayer": 1})
    assert events.seq == 4
    paced.close()


async def test_a_closed_pace_tells_nothing_more() -> None:
    events = EventLog()
    paced = PacedEvents(events)
    paced.close()
    paced.publish("room", Something("c"), "consumer-layers", {"spatialLayer": 1})
    assert events.seq == 0


def test_what_is_due_at_once_is_told_by_uvloop_too() -> None:
    """uvloop makes no timer for what is due within half a millisecond, but a handle that knows no time."""

    async def publish() -> list[Any]:
        log = EventLog()
        subscription = log.subscribe(lambda: None)
        paced = _PacedLog(log, gap_s=0.0001)
        source, scores = Something("c"), []
        for number in (10, 9, 8, 7):
            paced.publish(PacedEvent(source, "consumer-score", "room", {"score": number}))
        while not scores or scores[-1] != 7:
            scores += [json.loads(event)["score"] for event in await subscription.next_batch()]
        paced.close()
        return scores

    assert uvloop.run(asyncio.wait_for(publish(), 10))[0] == 10
