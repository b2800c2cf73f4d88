import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sfu.net.channel import Channel
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
        async with asyncio.timeout(10):
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


def echo(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": message["id"], "ok": True, "data": message.get("data")}


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
    ends.channel.serve(lambda message: {"id": message["id"], "ok": True, "data": data})
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
    ends.writer.write((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    await asyncio.wait_for(ends.ended.wait(), 10)
