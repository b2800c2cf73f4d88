import asyncio
import json
from typing import Any

import pytest

from sfu.control.event_log import EventLog
from sfu.errors import LimitReached


def nothing() -> None:
    pass


def decoded(batch: list[str]) -> list[dict[str, Any]]:
    return [json.loads(event) for event in batch]


async def test_events_are_numbered_and_reach_everyone_in_order() -> None:
    log = EventLog()
    log.publish("room-closed", "early", {"reason": "empty"})
    first, second = log.subscribe(nothing), log.subscribe(nothing)
    log.publish("peer-closed", "math", {"peerId": "anna", "reason": "left"})
    log.publish("worker-died", data={"workerPid": 7})
    expected = [
        {"event": "peer-closed", "seq": 2, "roomId": "math", "peerId": "anna", "reason": "left"},
        {"event": "worker-died", "seq": 3, "workerPid": 7},
    ]
    assert decoded(await first.next_batch()) == expected
    assert decoded(await second.next_batch()) == expected
    assert log.seq == 3


async def test_a_waiting_subscriber_is_woken() -> None:
    log = EventLog()
    subscription = log.subscribe(nothing)
    waiting = asyncio.create_task(subscription.next_batch())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.publish("room-closed", "math", {"reason": "empty"})
    assert len(await waiting) == 1


async def test_who_does_not_read_is_cut_off_and_stops_nobody() -> None:
    log = EventLog(max_queued=3)
    cut: list[str] = []
    lazy, keen = log.subscribe(lambda: cut.append("lazy")), log.subscribe(lambda: cut.append("keen"))
    for number in range(5):
        log.publish("room-closed", f"room-{number}")
        assert len(await keen.next_batch()) == 1
    assert cut == ["lazy"]
    assert lazy.overflowed
    assert await lazy.next_batch() == []
    assert log.subscribers == 1


async def test_closing_lets_subscribers_finish_what_is_queued() -> None:
    log = EventLog()
    subscription = log.subscribe(nothing)
    log.publish("room-closed", "math", {"reason": "shutdown"})
    log.close()
    assert len(await subscription.next_batch()) == 1
    assert await subscription.next_batch() == []
    assert not subscription.overflowed
    log.publish("room-closed", "late")
    assert await subscription.next_batch() == []


async def test_subscribers_are_bounded_and_leave_room_when_they_go() -> None:
    log = EventLog(max_subscribers=2)
    first = log.subscribe(nothing)
    log.subscribe(nothing)
    with pytest.raises(LimitReached):
        log.subscribe(nothing)
    first.close()
    first.close()
    log.subscribe(nothing)
    assert log.subscribers == 2


def test_every_run_has_an_epoch_of_its_own() -> None:
    assert EventLog().epoch != EventLog().epoch
