import asyncio
import socket
import time
from collections.abc import AsyncIterator, Generator, Mapping
from typing import Any

import pytest

from sfu.net.channel import BUDGET_S, MAX_UNREAD_BYTES, Channel
from shared.frames import MAX_FRAME_BYTES, FrameDecoder, encode_frame


class Ends:
    """A worker's channel and the other end, spoken by hand."""

    def __init__(self, channel: Channel, ended: asyncio.Event, reader: Any, writer: Any) -> None:
        self.channel = channel
        self.ended = ended
        self.writer = writer
        self._reader = reader
        self._decoder = FrameDecoder()
        self._messages: list[dict[str, Any]] = []

    def send(self, *messages: dict[str, Any]) -> None:
        self.writer.write(b"".join(map(encode_frame, messages)))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while not self._messages:
                data = await self._reader.read(65536)
                assert data, "the channel was closed"
                self._messages += self._decoder.feed(data)
        return self._messages.pop(0)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    ended = asyncio.Event()
    channel = await Channel.open(ours, ended.set)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield Ends(channel, ended, reader, writer)
    channel.close()
    writer.close()
    await writer.wait_closed()


def steps_of(message: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
    """Take as many steps as the message says, a moment each, and tell when they were."""
    turns = []
    for _ in range(message.get("steps", 0)):
        turns.append(message["turn"]())
        until = time.perf_counter() + BUDGET_S
        while time.perf_counter() < until:
            pass
        yield
    return {"id": message["id"], "ok": True, "data": turns or message.get("data")}


def echo(message: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
    return steps_of(message)


async def test_requests_wait_until_they_are_served_and_keep_their_order(ends: Ends) -> None:
    ends.send({"id": 1}, {"id": 2})
    ends.channel.notify("worker.ready", {})
    assert await ends.receive() == {"event": "worker.ready", "data": {}}
    ends.channel.serve(echo)
    ends.send({"id": 3})
    assert [(await ends.receive())["id"] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "data", [{"n": 1 << 70, "x": object()}, {"x": "y" * MAX_FRAME_BYTES}], ids=["type", "size"]
)
async def test_an_answer_that_cannot_be_sent_becomes_an_error(ends: Ends, data: dict[str, Any]) -> None:
    ends.channel.serve(lambda message: echo({**message, "data": data}))
    ends.send({"id": 5, "method": "m"})
    answer = await ends.receive()
    assert (answer["id"], answer["ok"], answer["code"]) == (5, False, "INTERNAL_ERROR")
    ends.channel.serve(echo)
    ends.send({"id": 6})
    assert (await ends.receive())["ok"]


async def test_the_end_of_the_other_side_is_told(ends: Ends) -> None:
    ends.writer.close()
    await asyncio.wait_for(ends.ended.wait(), 10)
    ends.channel.notify("transport.state", {})


async def test_garbage_ends_it(ends: Ends) -> None:
    ends.channel.serve(echo)
    ends.writer.write((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    await asyncio.wait_for(ends.ended.wait(), 10)


async def test_the_loop_turns_between_the_steps_of_a_long_request_and_others_wait(ends: Ends) -> None:
    turns = 0
    loop = asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    turn()
    ends.channel.serve(lambda message: steps_of({**message, "turn": lambda: turns}))
    ends.send({"id": 1, "steps": 5}, {"id": 2})
    first, second = await ends.receive(), await ends.receive()
    assert (first["id"], second["id"]) == (1, 2)
    assert len(set(first["data"])) == 5, "each step has a turn of the loop to itself"


async def test_many_short_requests_share_turns_with_others(ends: Ends) -> None:
    served: list[int] = []

    def slow(message: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
        served.append(message["id"])
        until = time.perf_counter() + BUDGET_S
        while time.perf_counter() < until:
            pass
        return (yield from steps_of(message))

    ends.channel.serve(slow)
    ends.send(*({"id": number} for number in range(50)))
    seen = set()
    async with asyncio.timeout(10):
        while len(served) < 50:
            seen.add(len(served))
            await asyncio.sleep(0)
    assert len(seen) > 40
    assert [(await ends.receive())["id"] for _ in range(50)] == list(range(50))


async def test_requests_that_are_not_served_yet_stop_being_read(ends: Ends) -> None:
    message = {"id": 1, "data": "x" * (MAX_UNREAD_BYTES // 4)}
    for _ in range(64):
        ends.send(message)
    async with asyncio.timeout(10):
        while not ends.channel._paused:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    assert len(ends.channel._decoder) < 2 * MAX_UNREAD_BYTES + MAX_FRAME_BYTES
    ends.channel.serve(echo)
    for _ in range(64):
        assert (await ends.receive())["ok"]
    assert not ends.channel._paused


async def test_what_is_under_way_ends_with_the_channel(ends: Ends) -> None:
    taken: list[int] = []

    def endless(_message: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
        while True:
            taken.append(len(taken))
            until = time.perf_counter() + BUDGET_S
            while time.perf_counter() < until:
                pass
            yield

    ends.channel.serve(endless)
    ends.send({"id": 1}, {"id": 2})
    async with asyncio.timeout(10):
        while len(taken) < 3:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    ends.channel.close()
    steps = len(taken)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(taken) == steps
