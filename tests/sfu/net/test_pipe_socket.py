"""The sockets between workers: records whole and in order, and nobody ever waits."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from sfu.net import pipe_socket
from sfu.net.pipe_socket import RECORD_ROOM_BYTES, PassedPipes, PipeSocket
from tests.support.sfu import eventually


class Ear:
    """What came in."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.ended = 0
        self.reads = 0
        self.faults: list[str] = []
        self.on_each: Callable[[], None] = lambda: None

    def on_record(self, record: memoryview, now: float) -> None:
        assert now == pytest.approx(asyncio.get_running_loop().time(), abs=60)
        self.records.append(bytes(record))
        self.on_each()

    def on_end(self) -> None:
        self.ended += 1

    def read(self) -> None:
        self.reads += 1


class Ends:
    """Both ends of a socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        loop = asyncio.get_running_loop()
        self.ear, self.deaf = Ear(), Ear()
        self.reader = PipeSocket(theirs, loop, self.ear, self.ear.read, self.ear.faults.append)
        self.writer = PipeSocket(ours, loop, self.deaf, self.deaf.read, self.deaf.faults.append)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ends = Ends()
    yield ends
    ends.reader.close()
    ends.writer.close()


async def test_records_come_whole_and_in_order(ends: Ends) -> None:
    sent = [bytes([n]) * (1 + 900 * n) for n in range(70)]
    for record in sent:
        assert ends.writer.send(record)
    await eventually(lambda: len(ends.ear.records) == len(sent))
    assert ends.ear.records == sent
    await eventually(lambda: ends.ear.reads >= 3)


async def test_records_wait_for_room_in_order(ends: Ends) -> None:
    sent = [bytes([n]) * 60_000 for n in range(30)]
    assert all(ends.writer.send(record) for record in sent)
    assert ends.writer.post(b"last")
    await eventually(lambda: len(ends.ear.records) == 31)
    assert ends.ear.records == [*sent, b"last"]
    assert ends.writer.send(b"again")
    await eventually(lambda: ends.ear.records[-1] == b"again")


async def test_what_waits_is_bounded_and_less_for_what_may_be_lost(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe_socket, "MAX_WAITING_BYTES", 100_000)
    monkeypatch.setattr(pipe_socket, "MAX_POSTED_BYTES", 10)
    sent = 0
    while ends.writer.send(bytes(50_000)):
        sent += 1
    assert sent < 100
    assert ends.writer.post(bytes(10))
    assert not ends.writer.post(b"x")
    assert not ends.writer.send(b"x")
    await eventually(lambda: len(ends.ear.records) == sent + 1)
    assert ends.writer.send(b"x")


async def test_the_other_end_is_missed_once(ends: Ends) -> None:
    ends.writer.close()
    await eventually(lambda: ends.ear.ended == 1)
    assert not ends.reader.send(b"x")
    assert ends.reader.post(b"x"), "nobody is left to miss it"


async def test_a_record_that_is_too_long_is_dropped(ends: Ends) -> None:
    assert ends.writer.send(bytes(RECORD_ROOM_BYTES + 1))
    assert ends.writer.send(b"fine")
    await eventually(lambda: ends.ear.records == [b"fine"])


async def test_a_fault_harms_no_other_record(ends: Ends) -> None:
    def fail() -> None:
        ends.ear.on_each = lambda: None
        raise RuntimeError("a bug")

    ends.ear.on_each = fail
    ends.writer.send(b"bad")
    ends.writer.send(b"good")
    await eventually(lambda: len(ends.ear.records) == 2)
    assert ends.ear.faults == ["pipe_fault"]


async def test_a_listener_may_close_it_while_reading(ends: Ends) -> None:
    ends.ear.on_each = ends.reader.close
    ends.writer.send(b"one")
    ends.writer.send(b"two")
    await eventually(lambda: ends.deaf.ended == 1)
    assert ends.ear.records == [b"one"]


async def test_sockets_are_passed_with_whose_they_are() -> None:
    control, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ear = Ear()
    passed = PassedPipes(worker, asyncio.get_running_loop(), ear.read, ear.faults.append)
    assert passed.take() == []
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    for index, (ours, _) in enumerate(pairs, 6):
        socket.send_fds(control, [index.to_bytes(2, "big")], [ours.fileno()])
    taken = passed.take()
    assert [index for index, _ in taken] == [6, 7]
    opened = [open_socket(ear) for _, open_socket in taken]
    pairs[1][1].send(b"by the second")
    await eventually(lambda: ear.records == [b"by the second"])
    for each in opened:
        each.close()
    control.close()
    assert passed.take() == [], "the control process is gone"
    for sock in (worker, *(each for pair in pairs for each in pair)):
        sock.close()
