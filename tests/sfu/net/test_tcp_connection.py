"""What a TCP connection sends when its socket takes little, nothing, or fails."""

import asyncio
import errno
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.send_counters import SendCounters
from sfu.net.tcp_connection import MAX_QUEUED_BYTES, STALLED_AFTER_S, TcpConnection


class Narrow:
    """A socket that takes as much as it has room for."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self.closed = False
        self.error: OSError | None = None

    def send(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.taken += taken
        return len(taken)

    def getpeername(self) -> tuple[str, int]:
        return ("192.0.2.1", 5000)

    def setblocking(self, _blocking: bool) -> None: ...

    def setsockopt(self, *_option: int) -> None: ...

    def close(self) -> None:
        self.closed = True


class Turns:
    """The part of an event loop that a connection uses, turned by hand."""

    def __init__(self) -> None:
        self.writer: Callable[[], None] | None = None
        self.soon: list[Callable[[], None]] = []

    def add_writer(self, _sock: Any, callback: Callable[[], None]) -> None:
        self.writer = callback

    def remove_writer(self, _sock: Any) -> None:
        self.writer = None

    def remove_reader(self, _sock: Any) -> None: ...

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        self.soon.append(lambda: callback(*args))


class Rig:
    def __init__(self, room: int = 0) -> None:
        self.sock = Narrow(room)
        self.loop = Turns()
        self.counters = SendCounters()
        self.lost: list[TcpConnection] = []
        made: Any = TcpConnection
        self.connection: TcpConnection = made(self.sock, self.loop, self.counters, self.lost.append)

    def send(self, *packets: bytes, video: bool = False) -> None:
        for packet in packets:
            self.connection.send_run(packet, len(packet), video=video)

    def give(self, room: int) -> None:
        """Let the socket take so many bytes more."""
        self.sock.room += room
        if self.loop.writer is not None:
            self.loop.writer()

    def packets(self) -> list[bytes]:
        data, found = self.sock.taken, []
        while data:
            (length,) = struct.unpack_from("!H", data)
            assert len(data) >= 2 + length, "the stream ends within a frame"
            found.append(data[2 : 2 + length])
            data = data[2 + length :]
        return found


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.lists(st.integers(0, 3000), max_size=30))
def test_whatever_the_socket_takes_frames_stay_whole_and_in_order(sizes: list[int], rooms: list[int]) -> None:
    rig = Rig()
    packets = [bytes([n]) * size for n, size in enumerate(sizes)]
    for n, packet in enumerate(packets):
        rig.send(packet, video=bool(n % 3))
        if n < len(rooms):
            rig.give(rooms[n])
    rig.give(1 << 20)
    assert sorted(rig.packets()) == sorted(packets)
    for urgent in (True, False):
        part = [packet for packet in rig.packets() if (packet[0] % 3 == 0) is urgent]
        assert part == [packet for n, packet in enumerate(packets) if (n % 3 == 0) is urgent]
    assert rig.loop.writer is None
    assert (rig.counters.sent, rig.counters.sent_bytes) == (len(packets), len(rig.sock.taken))
    assert rig.connection._queued_bytes == 0


def test_a_run_leaves_in_one_call_and_nothing_waits() -> None:
    rig = Rig(1 << 20)
    rig.connection.send_run(memoryview(bytes(2500)), 1000, video=True)
    assert [len(packet) for packet in rig.packets()] == [1000, 1000, 500]
    assert rig.loop.writer is None


def test_what_is_urgent_overtakes_video_but_no_frame_that_was_begun() -> None:
    rig = Rig(50)
    rig.send(b"v" * 100, b"w" * 100, video=True)
    rig.send(b"audio")
    rig.give(1 << 20)
    assert [packet[:1] for packet in rig.packets()] == [b"v", b"a", b"w"]


def test_a_full_queue_drops_the_oldest_video_and_keeps_the_rest() -> None:
    rig = Rig()
    rig.send(b"audio")
    count = MAX_QUEUED_BYTES // 1002 + 20
    rig.send(*(n.to_bytes(2, "big") + bytes(998) for n in range(count)), video=True)
    assert rig.connection._queued_bytes <= MAX_QUEUED_BYTES
    dropped = rig.counters.queue_full
    assert dropped > 0
    rig.give(1 << 20)
    assert rig.packets()[0] == b"audio"
    assert [int.from_bytes(packet[:2], "big") for packet in rig.packets()[1:]] == list(range(dropped, count))
    assert not rig.connection.closed


def test_who_does_not_even_read_what_is_urgent_is_closed_once() -> None:
    rig = Rig()
    rig.send(*([bytes(1000)] * (MAX_QUEUED_BYTES // 1000 + 2)))
    assert rig.connection.closed
    assert rig.sock.closed
    assert rig.lost == [], "whoever sends is not interrupted"
    for call in rig.loop.soon:
        call()
    assert rig.lost == [rig.connection]
    assert rig.loop.writer is None
    rig.send(b"more")
    assert rig.counters.refused > 0


def test_a_stalled_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("sfu.net.tcp_connection.time.monotonic", lambda: now)
    rig = Rig()
    rig.send(b"first", video=True)
    now += STALLED_AFTER_S
    rig.send(b"second")
    assert not rig.connection.closed
    rig.give(3)  # it moves on
    now += STALLED_AFTER_S
    rig.send(b"third")
    assert not rig.connection.closed
    now += 0.1
    rig.send(b"fourth")
    assert rig.connection.closed


def test_an_idle_connection_is_not_taken_for_a_stalled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("sfu.net.tcp_connection.time.monotonic", lambda: now)
    rig = Rig(1 << 10)
    rig.send(b"first")
    now += 10 * STALLED_AFTER_S
    rig.sock.room = 0
    rig.send(b"second", b"third")
    assert not rig.connection.closed


@pytest.mark.parametrize("code", [errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT])
def test_an_error_loses_the_connection(code: int) -> None:
    rig = Rig()
    rig.sock.error = OSError(code, "gone")
    rig.send(b"x")
    assert rig.connection.closed
    assert len(rig.loop.soon) == 1


async def test_closing_twice_does_no_harm() -> None:
    rig = Rig()
    rig.send(b"x")
    rig.connection.close()
    rig.connection.close()
    rig.connection.fail()
    await asyncio.sleep(0)
    assert rig.lost == []
    assert rig.loop.soon == []
