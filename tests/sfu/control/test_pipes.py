"""Pipes of a room as the control process keeps them."""

import asyncio
from typing import Any, cast

import pytest

from sfu.control.media_worker import MediaWorker
from sfu.control.pipe_links import PipeLinks
from sfu.control.pipes import Pipe, Pipes
from sfu.control.producer import Producer
from sfu.errors import NotAvailable, NotFound


class StandIn:
    """A media worker as far as pipes know it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.load = 0
        self.failing = False
        self.requests: list[str] = []

    async def request(self, method: str, _data: Any) -> dict[str, Any]:
        self.requests.append(method)
        if self.failing:
            raise NotAvailable("gone")
        return {}

    def post(self, method: str, _data: Any) -> None:
        self.requests.append(method)


class Source:
    """A producer as far as pipes know it."""

    id = "producer"
    closed = False

    def __init__(self, worker: StandIn) -> None:
        self.worker = worker
        self.pipes: list[Pipe] = []

    def attach(self, pipe: Pipe) -> None:
        self.pipes.append(pipe)

    def detach(self, pipe: Pipe) -> None:
        self.pipes.remove(pipe)

    def to_pipe_request(self) -> dict[str, Any]:
        return {}

    def not_found(self) -> NotFound:
        return NotFound.producer(self.id)

    def close(self) -> None:
        self.closed = True
        for pipe in list(self.pipes):
            pipe.close(tell_worker=False)


class Links:
    """Links that are there."""

    async def ensure(self, *_workers: MediaWorker) -> None:
        await asyncio.sleep(0)


class Spread:
    """A producer at home, and another worker."""

    def __init__(self) -> None:
        self.home, self.away = StandIn(0), StandIn(1)
        self.source = Source(self.home)
        self.pipes = Pipes("router", cast("PipeLinks", Links()))

    def hold(self) -> asyncio.Task[Pipe]:
        held = self.pipes.hold(cast("Producer", self.source), cast("MediaWorker", self.away))
        return asyncio.create_task(held)


async def test_all_share_one_pipe() -> None:
    room = Spread()
    pipes = await asyncio.gather(*(room.hold() for _ in range(3)))
    assert len(set(pipes)) == 1
    assert pipes[0].users == 3
    assert room.away.requests == ["pipe.produce"]
    assert room.home.requests == ["pipe.open"]
    room.source.close()
    assert room.away.requests[-1] == "pipe.close"
    assert (room.home.load, room.away.load) == (0, 0)


async def test_a_producer_that_is_closed_just_when_its_pipe_is_open_is_not_found() -> None:
    room = Spread()
    held = room.hold()
    await asyncio.sleep(0)
    [pipe] = room.source.pipes
    pipe.opened.add_done_callback(lambda _: room.source.close())
    with pytest.raises(NotFound) as raised:
        await held
    assert raised.value.code == "PRODUCER_NOT_FOUND"
    assert pipe.users == 0
    assert room.away.load == 0


@pytest.mark.parametrize("where", ["home", "away"])
async def test_a_pipe_that_cannot_be_made_is_made_anew_for_the_next(where: str) -> None:
    room = Spread()
    worker: StandIn = getattr(room, where)
    worker.failing = True
    with pytest.raises(NotAvailable):
        await room.hold()
    assert worker.requests[-1] == "pipe.close"
    assert room.source.pipes == []
    worker.failing = False
    pipe = await room.hold()
    assert (pipe.closed, pipe.users, room.away.load) == (False, 1, 1)
    pipe.close()


async def test_a_consumer_that_gives_up_leaves_the_pipe_to_the_others() -> None:
    room = Spread()
    one, other = room.hold(), room.hold()
    await asyncio.sleep(0)
    one.cancel()
    pipe = await other
    assert (pipe.closed, pipe.users) == (False, 1)
    pipe.close()
