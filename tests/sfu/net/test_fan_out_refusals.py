"""What becomes of a batch of which libsrtp, the kernel or a full socket refuses a part."""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from sfu.net import message_vector
from sfu.net.fan_out import FanOut
from sfu.net.udp_socket import bind_udp
from sfu.rtp.lanes import Lane
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, MappedBatch
from tests.support.fan_out_peers import (
    NUMBERS,
    Here,
    Owner,
    frame,
    numbers_of,
    packet,
    running,
)

SO_NO_CHECK = 11  # asm-generic/socket.h; the socket module has no name for it


@pytest.fixture
def here() -> Iterator[Here]:
    with running("127.0.0.1") as here:
        yield here


def test_a_packet_that_libsrtp_refuses_is_left_out_and_those_behind_it_are_not(here: Here) -> None:
    here.add(3)
    here.send(frame(100, first=5000))
    batch = MappedBatch(
        [packet(5001, b"a" * 100), packet(5001, b"b" * 100), packet(5002, b"c" * 100)], is_video=True
    )
    for peer in here.peers:
        peer.received()
    assert here.send(batch) == []
    for peer in here.peers:
        assert [data[32:33] for data in peer.received()] == [b"a", b"c"]
    assert here.fan_out.protect_failures == 3
    here.send(frame(100, first=5003))
    assert here.fan_out.protect_failures == 3
    for peer in here.peers:
        peer.received()
        assert peer.link.bytes_sent == sum(entry[2] for entry in peer.log) - (32 + 100 + 16)


def test_what_libsrtp_refuses_alone_is_not_counted_as_sent(here: Here) -> None:
    (peer,) = here.add(1)
    here.send(frame(100, first=5000))
    sent, counted = peer.link.bytes_sent, here.sender.counters.sent
    assert here.send(frame(100, first=100)) == []
    assert (peer.link.bytes_sent, here.sender.counters.sent) == (sent, counted)
    assert here.fan_out.protect_failures == 1
    assert numbers_of(peer.received()) == [5010]


def test_after_a_fault_nothing_of_the_batch_goes_out_with_the_next_one(here: Here) -> None:
    peers = here.add(3)
    broken = Lane(Owner(), None, [], NUMBERS, peers[0].lane.tag_length, 0)
    groups = {(16, NUMBERS): [peers[0].lane, broken, peers[1].lane]}
    for first, sizes in ((100, (100,)), (200, (100, 100))):
        with pytest.raises(AttributeError):
            here.fan_out.send(frame(*sizes, first=first), groups)
        assert here.send(frame(*sizes, first=first + 50)) == []
        assert [numbers_of(peer.received()) for peer in peers] == [[first + 60 + n for n in range(len(sizes))]] * 3


def test_batches_beyond_the_scratch_memory_are_left_to_the_caller(here: Here) -> None:
    (peer,) = here.add(1)
    for sizes in ((5000,), (4096,) * MAX_BATCH_PACKETS, (10,) * (MAX_BATCH_PACKETS + 1)):
        assert here.send(frame(*sizes)) == [peer.lane]
    assert here.send(frame(100, 100)) == []
    assert numbers_of(peer.received()) == [110, 111]


def test_a_closed_sockets_descriptor_is_not_used_for_what_has_it_next(here: Here) -> None:
    (peer,) = here.add(1)
    descriptor = here.sock.fileno()
    here.sock.close()
    with bind_udp("127.0.0.1", 0, 0, 0) as other:
        assert other.fileno() == descriptor
        here.send(frame(100, 100))
    assert peer.received() == []
    assert here.sender.counters.refused == 2


def test_what_the_kernel_refuses_in_runs_goes_singly_and_then_by_itself(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = here.add(3)
    real, runs = here.sock, []

    class Device:
        """A socket whose way to the second peer knows no segmentation."""

        family = real.family

        def sendmsg(self, *_: object) -> None:
            runs.append(1)
            raise OSError(errno.EIO, "no segmentation")

        def sendto(self, data: Any, address: Any) -> None:
            real.sendto(data, address)

    vector = here.fan_out._vector
    sendmmsg = vector._sendmmsg
    assert sendmmsg is not None

    assert peers[1].link.way is not None
    second = peers[1].link.way.name

    def refuse_second(descriptor: int, messages: int, count: int, flags: int) -> int:
        for n in range(count):
            at = messages - vector._messages.address + 64 * n
            if struct.unpack_from("=Q", vector._messages.view, at)[0] == second:
                return sendmmsg(descriptor, messages, n, flags) if n else -1
        return sendmmsg(descriptor, messages, count, flags)

    monkeypatch.setattr(vector, "_sendmmsg", refuse_second)
    monkeypatch.setattr(here.sender, "_sock", Device())
    assert here.send(frame(300, 300)) == []
    assert [numbers_of(peer.received()) for peer in peers] == [[110, 111]] * 3
    assert here.sender.counters.sent == 6
    assert peers[1].link.way is None
    assert here.send(frame(300, 300, first=102)) == [peers[1].lane]
    assert len(runs) == 1


def test_a_peer_that_gets_several_refused_runs_in_one_call_is_served_and_so_are_the_others(here: Here) -> None:
    here.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)  # Linux takes no runs of such a socket (EIO)
    peers = here.add(3)
    twice = Lane(Owner(), peers[0].link, peers[0].log, NUMBERS._replace(ssrc=778), peers[0].lane.tag_length, 0)
    groups = {
        (16, NUMBERS): [peer.lane for peer in peers],
        (16, twice.numbers): [twice],
    }
    sizes = (300, 300, 900, 900)
    assert here.fan_out.send(frame(*sizes), groups) == []
    assert [numbers_of(peer.received()) for peer in peers] == [
        [110, 111, 112, 113] * 2,
        *[[110, 111, 112, 113]] * 2,
    ]
    assert [peer.link.way for peer in peers] == [None] * 3
    assert here.sender.counters.sent == 16
    assert here.fan_out.send(frame(*sizes, first=104), groups) == [*(peer.lane for peer in peers), twice]
    assert [peer.received() for peer in peers] == [[]] * 3


def test_a_full_socket_queues_in_order_and_nothing_is_lost(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    peers, sendmmsg, room = here.add(5), here.fan_out._vector._sendmmsg, [2]
    assert sendmmsg is not None

    class Full:
        """A socket that takes nothing more for the moment."""

        family = here.sock.family

        def sendmsg(self, *_: object) -> None:
            raise BlockingIOError

        sendto = sendmsg

    def some(descriptor: int, messages: int, count: int, flags: int) -> int:
        taken = min(count, room[0])
        room[0] -= taken
        return sendmmsg(descriptor, messages, taken, flags) if taken else -1

    monkeypatch.setattr(here.fan_out._vector, "_sendmmsg", some)
    monkeypatch.setattr(here.sender, "_sock", Full())
    for first in (100, 103):
        assert here.send(frame(300, 300, 200, first=first)) == []
    assert [len(peer.received()) for peer in peers] == [3, 3, 0, 0, 0]
    assert here.sender.wants_write
    monkeypatch.setattr(here.sender, "_sock", here.sock)
    here.sender.flush()
    assert [len(peer.received()) for peer in peers] == [3, 3, 6, 6, 6]
    assert here.sender.counters.sent == 30


def test_no_way_where_the_system_lacks_what_it_takes(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_vector.sys, "platform", "darwin")
    here.fan_out = FanOut(here.sock, here.sender, lambda: 0.0)
    assert not here.knows_a_way()
    monkeypatch.undo()
    here.fan_out = FanOut(here.sock, here.sender, lambda: 0.0)
    assert here.knows_a_way()
    here.sender.segmentation = False
    assert not here.knows_a_way()
