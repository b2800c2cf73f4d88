"""Where transports of a large room go."""

import asyncio
from collections import Counter
from typing import Any, cast

import pytest
from pyee.base import EventEmitter

from sfu.control.media_worker import MediaWorker
from sfu.control.room_parts import RoomParts
from sfu.errors import NotAvailable


class StandIn(EventEmitter):
    """A media worker as far as the parts of a room know it."""

    def __init__(self, load: int = 0) -> None:
        super().__init__()
        self.is_ready = True
        self.load = load
        self.requests: list[str] = []
        self.failing = False

    async def request(self, method: str, data: Any) -> dict[str, Any]:
        self.requests.append(method)
        if self.failing:
            raise NotAvailable("gone")
        return {}

    def post(self, method: str, data: Any) -> None:
        self.requests.append(method)


def workers(*stand_ins: StandIn) -> list[MediaWorker]:
    return [cast("MediaWorker", each) for each in stand_ins]


def parts(*all_workers: StandIn, spread_after: int = 10) -> RoomParts:
    return RoomParts(
        "router", *workers(all_workers[0]), lambda: workers(*all_workers), spread_after, lambda *_: None
    )


async def fill(room: RoomParts, transports: int, each: int) -> list[MediaWorker]:
    """Place transports one by one, each with so many consumers."""
    consumers: Counter[MediaWorker] = Counter()
    placed = []
    for _ in range(transports):
        worker = await room.place(consumers, each)
        consumers[worker] += each
        worker.load += each
        placed.append(worker)
    return placed


async def test_home_is_filled_first_then_the_others_then_all_alike() -> None:
    home, one, two = StandIn(), StandIn(), StandIn()
    placed = await fill(parts(home, one, two), 30, 2)
    names = "".join("h12"[[home, one, two].index(cast("StandIn", worker))] for worker in placed)
    assert names[:15] == "hhhhh1111122222"
    assert {names.count(name) for name in "h12"} == {10}


async def test_who_comes_at_once_is_shared_out_before_the_first_is_there() -> None:
    home, one = StandIn(), StandIn()
    room = parts(home, one)
    await room.reach(room.home)
    placed = await asyncio.gather(*(room.place({room.home: 10}, 2) for _ in range(20)))
    assert 5 <= placed.count(room.home) <= 15


async def test_a_busier_worker_is_left_alone() -> None:
    home, busy = StandIn(), StandIn(load=1000)
    assert set(await fill(parts(home, busy), 20, 2)) == set(workers(home))
    assert busy.requests == []


async def test_a_worker_that_is_not_ready_gets_nothing() -> None:
    home, one, two = StandIn(), StandIn(), StandIn()
    room = parts(home, one, two)
    await room.reach(*workers(one))
    one.is_ready = False
    two.load = 50
    assert set(await fill(room, 8, 2)) == set(workers(home))


async def test_one_router_for_all_who_wait_for_it() -> None:
    home, one = StandIn(), StandIn()
    room = parts(home, one)
    await asyncio.gather(*(room.reach(*workers(one)) for _ in range(5)))
    assert one.requests == ["router.create"]
    assert room.workers == workers(home, one)
    room.close()
    assert [each.requests[-1] for each in (home, one)] == ["router.close", "router.close"]
    assert (home.load, one.load) == (0, 0)


async def test_a_router_that_fails_is_tried_again() -> None:
    home, one = StandIn(), StandIn()
    one.failing = True
    room = parts(home, one)
    with pytest.raises(NotAvailable):
        await room.reach(*workers(one))
    assert room.workers == workers(home)
    assert one.load == 0
    one.failing = False
    await room.reach(*workers(one))
    assert room.workers == workers(home, one)


async def test_a_part_that_is_lost_is_forgotten_once() -> None:
    home, one = StandIn(), StandIn()
    room = parts(home, one)
    await room.reach(*workers(one))
    assert room.lose(*workers(one))
    assert not room.lose(*workers(one))
    assert room.workers == workers(home)
    assert one.load == 0


async def test_a_room_that_is_closed_at_once_leaves_no_router() -> None:
    home = StandIn()
    room = parts(home)
    room.close()
    with pytest.raises(NotAvailable):
        await room.reach(*workers(home))
    assert "router.create" not in home.requests
    assert home.load == 0
