import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sfu.control import channel as channel_module
from sfu.control.channel import (
    Channel,
    ChannelBusyError,
    ChannelClosedError,
    RequestRefusedError,
    RequestTimeoutError,
)
from shared.frames import FrameDecoder, encode_frame


class FarEnd:
    """The worker's end of the channel, spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._decoder = FrameDecoder()
        self._messages: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        while not self._messages:
            data = await self.reader.read(65536)
            assert data, "the channel was closed"
            self._messages += self._decoder.feed(data)
        return self._messages.pop(0)

    def send(self, message: dict[str, Any]) -> None:
        self.writer.write(encode_frame(message))


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Channel, FarEnd]]:
    ours, theirs = socket.socketpair()
    far_end = FarEnd(*await asyncio.open_connection(sock=theirs))
    channel = await Channel.connect(ours)
    yield channel, far_end
    channel.close()
    far_end.writer.close()
    await far_end.writer.wait_closed()


async def test_answers_find_their_requests_in_whatever_order(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    requests = [asyncio.create_task(channel.request("worker.stats", {"n": n})) for n in range(3)]
    received = [await far_end.receive() for _ in requests]
    assert [message["data"] for message in received] == [{"n": 0}, {"n": 1}, {"n": 2}]
    for message in reversed(received):
        far_end.send({"id": message["id"], "ok": True, "data": {"was": message["data"]["n"]}})
    assert [await request for request in requests] == [{"was": 0}, {"was": 1}, {"was": 2}]


async def test_a_refusal_carries_its_code(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    request = asyncio.create_task(channel.request("transport.connect"))
    message = await far_end.receive()
    far_end.send({"id": message["id"], "ok": False, "code": "ALREADY_CONNECTED", "error": "it is"})
    with pytest.raises(RequestRefusedError) as refused:
        await request
    assert (refused.value.code, refused.value.message) == ("ALREADY_CONNECTED", "it is")


async def test_notifications_are_emitted(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    seen: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
    channel.on("notification", lambda event, data: seen.put_nowait((event, data)))
    far_end.send({"event": "worker.ready", "data": {"pid": 7}})
    far_end.send({"event": "other"})
    assert await seen.get() == ("worker.ready", {"pid": 7})
    assert await seen.get() == ("other", {})


async def test_the_far_ends_death_fails_what_waits_and_is_told_once(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    closed: list[bool] = []
    channel.on("close", lambda: closed.append(True))
    request = asyncio.create_task(channel.request("worker.stats"))
    channel.post("transport.close", {"transportId": "t"})
    await far_end.receive()
    far_end.writer.close()
    with pytest.raises(ChannelClosedError):
        await request
    with pytest.raises(ChannelClosedError):
        await channel.request("worker.stats")
    channel.post("router.close", {"routerId": "r"})
    channel.close()
    assert closed == [True]


async def test_no_answer_in_time_fails_and_a_late_answer_is_ignored(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    with pytest.raises(RequestTimeoutError):
        await channel.request("worker.stats", timeout_s=0)
    late = await far_end.receive()
    far_end.send({"id": late["id"], "ok": True, "data": {"late": True}})
    next_one = asyncio.create_task(channel.request("worker.stats"))
    message = await far_end.receive()
    far_end.send({"id": message["id"], "ok": True})
    assert await next_one == {}


async def test_too_many_waiting_requests_are_refused(
    ends: tuple[Channel, FarEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, far_end = ends
    monkeypatch.setattr(channel_module, "MAX_PENDING_REQUESTS", 2)
    waiting = [asyncio.create_task(channel.request("worker.stats")) for _ in range(2)]
    for _ in waiting:
        await far_end.receive()
    with pytest.raises(ChannelBusyError):
        await channel.request("worker.stats")
    channel.close()
    assert all(
        isinstance(error, ChannelClosedError) for error in await asyncio.gather(*waiting, return_exceptions=True)
    )


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x01{",
        b"\x00\x00\x00\x02\xff\xfe",
    ],
)
async def test_garbage_closes_the_channel(ends: tuple[Channel, FarEnd], garbage: bytes) -> None:
    channel, far_end = ends
    request = asyncio.create_task(channel.request("worker.stats"))
    await far_end.receive()
    far_end.writer.write(garbage)
    with pytest.raises(ChannelClosedError):
        await request
    assert channel.closed


async def test_answers_to_nobody_are_ignored(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    far_end.send({"id": 999, "ok": True})
    far_end.send(json.loads('{"no":"id"}'))
    request = asyncio.create_task(channel.request("worker.stats"))
    message = await far_end.receive()
    far_end.send({"id": message["id"], "ok": True, "data": {"n": 1}})
    assert await request == {"n": 1}


async def test_a_fault_at_one_message_leaves_the_channel_open(ends: tuple[Channel, FarEnd]) -> None:
    channel, far_end = ends
    seen: list[str] = []

    def listen(event: str, _data: dict[str, Any]) -> None:
        seen.append(event)
        if event == "first":
            raise RuntimeError("on purpose")

    channel.on("notification", listen)
    far_end.send({"event": "first", "data": {}})
    far_end.send({"event": "second", "data": {}})
    request = asyncio.create_task(channel.request("m"))
    far_end.send({"id": (await far_end.receive())["id"], "ok": True, "data": {"a": 1}})
    assert await request == {"a": 1}
    assert seen == ["first", "second"]
    assert not channel.closed
