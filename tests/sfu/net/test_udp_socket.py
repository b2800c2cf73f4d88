import errno
import socket
from typing import Any

import pytest

from sfu.net.udp_socket import MAX_QUEUED_BYTES, MAX_REFUSING_PEERS, NoFreePortError, UdpSender, bind_udp

PEER = ("127.0.0.1", 9)


class Refusing:
    """A socket whose segmented sends fail, as on a device without UDP_SEGMENT."""

    family = socket.AF_INET

    def __init__(self, error: int | None = None, room: int = 1 << 30) -> None:
        self.error = error
        self.room = room
        self.datagrams: list[bytes] = []
        self.segmented = 0

    def getsockopt(self, _level: int, _name: int) -> int:
        if self.error == errno.ENOPROTOOPT:
            raise OSError(self.error, "unknown option")
        return 0

    def sendto(self, data: bytes | memoryview, _address: object) -> None:
        if self.room <= 0:
            raise BlockingIOError
        self.room -= 1
        self.datagrams.append(bytes(data))

    def sendmsg(self, buffers: Any, ancillary: Any, _flags: int, _address: object) -> None:
        self.segmented += 1
        if self.error is not None:
            raise OSError(self.error, "refused")
        size = int.from_bytes(ancillary[0][2], "little")
        if self.room <= 0:
            raise BlockingIOError
        self.room -= 1
        data = bytes(buffers[0])
        self.datagrams += [data[at : at + size] for at in range(0, len(data), size)]


def sender(sock: Refusing) -> UdpSender:
    made: Any = UdpSender
    result: UdpSender = made(sock)
    return result


def run(count: int, size: int, last: int) -> memoryview:
    return memoryview(b"".join(bytes([n]) * (size if n < count - 1 else last) for n in range(count)))


def test_a_run_arrives_as_its_packets() -> None:
    with bind_udp("127.0.0.1", 0, 0, 0) as here, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(5)
        UdpSender(here).send_run(run(5, 1200, 300), 1200, there.getsockname(), video=True)
        got = [there.recv(2048) for _ in range(5)]
    assert [len(packet) for packet in got] == [1200] * 4 + [300]
    assert [packet[0] for packet in got] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [errno.EIO, errno.EINVAL, errno.EMSGSIZE])
def test_a_refused_run_is_sent_singly_and_not_tried_again_for_that_peer(error: int) -> None:
    sock = Refusing(error)
    out = sender(sock)
    out.send_run(run(4, 100, 50), 100, PEER, video=True)
    out.send_run(run(4, 100, 50), 100, PEER, video=True)
    assert sock.segmented == 1
    assert [len(packet) for packet in sock.datagrams] == [100, 100, 100, 50] * 2
    assert out.counters.sent == 8


def test_a_blocked_socket_queues_and_flush_sends_the_urgent_first_and_in_order() -> None:
    sock = Refusing(room=0)
    out = sender(sock)
    out.send_run(run(3, 100, 100), 100, PEER, video=True)
    out.send(b"audio", PEER)
    out.send(b"rtcp", PEER)
    assert out.wants_write
    sock.room = 1 << 30
    out.flush()
    assert not out.wants_write
    assert sock.datagrams[:2] == [b"audio", b"rtcp"]
    assert [packet[0] for packet in sock.datagrams[2:]] == [0, 1, 2]


def test_what_is_queued_is_not_overtaken() -> None:
    sock = Refusing(room=0)
    out = sender(sock)
    out.send(b"first", PEER)
    sock.room = 1
    out.send(b"second", PEER)
    out.flush()
    assert sock.datagrams == [b"first"]
    sock.room = 1
    out.flush()
    assert sock.datagrams == [b"first", b"second"]


def test_a_partly_sent_run_goes_on_where_it_stopped() -> None:
    sock = Refusing(errno.EIO, room=2)
    out = sender(sock)
    out.send_run(run(4, 100, 100), 100, PEER, video=True)
    assert out.wants_write
    sock.room = 10
    out.flush()
    assert [packet[0] for packet in sock.datagrams] == [0, 1, 2, 3]


def test_a_full_queue_drops_the_oldest_video_and_counts_it() -> None:
    sock = Refusing(room=0)
    out = sender(sock)
    out.send(b"audio", PEER)
    video = run(50, 1200, 1200)
    for _ in range(MAX_QUEUED_BYTES // len(video) + 2):
        out.send_run(video, 1200, PEER, video=True)
    assert out.counters.queue_full >= 50
    sock.room = 1 << 30
    out.flush()
    assert sock.datagrams[0] == b"audio"
    assert sum(map(len, sock.datagrams)) <= MAX_QUEUED_BYTES


def test_a_kernel_without_segmentation_is_not_even_asked() -> None:
    sock = Refusing(errno.ENOPROTOOPT)
    sender(sock).send_run(run(4, 100, 50), 100, PEER, video=True)
    assert sock.segmented == 0
    assert [len(packet) for packet in sock.datagrams] == [100, 100, 100, 50]


def test_refusing_peers_are_remembered_up_to_a_number_and_forgotten_when_they_go() -> None:
    sock = Refusing(errno.EINVAL)
    out = sender(sock)
    for port in range(MAX_REFUSING_PEERS + 1):
        out.send_run(run(2, 100, 50), 100, ("127.0.0.1", port), video=True)
    assert sock.segmented == MAX_REFUSING_PEERS + 1
    assert len(out._refusing) == MAX_REFUSING_PEERS
    out.send_run(run(2, 100, 50), 100, ("127.0.0.1", MAX_REFUSING_PEERS), video=True)
    assert sock.segmented == MAX_REFUSING_PEERS + 1
    out.forget(("127.0.0.1", MAX_REFUSING_PEERS))
    out.forget(("127.0.0.1", MAX_REFUSING_PEERS))
    sock.error = None
    out.send_run(run(2, 100, 50), 100, ("127.0.0.1", MAX_REFUSING_PEERS), video=True)
    assert sock.segmented == MAX_REFUSING_PEERS + 2


@pytest.mark.parametrize("error", [errno.EACCES, errno.EINVAL, errno.ENOMEM, errno.EBADF, errno.EADDRNOTAVAIL])
def test_no_error_of_one_destination_stops_the_others(error: int) -> None:
    class Failing(Refusing):
        def sendto(self, data: bytes | memoryview, address: object) -> None:
            if address == PEER:
                raise OSError(error, "refused")
            super().sendto(data, address)

    sock = Failing(error)
    out = sender(sock)
    out.send_run(run(3, 100, 100), 100, PEER, video=True)
    out.send(b"x", ("127.0.0.1", 10))
    assert out.counters.refused == 3
    assert sock.datagrams == [b"x"]


def test_an_unreachable_peer_is_counted_and_disturbs_nobody() -> None:
    class Unreachable(Refusing):
        def sendto(self, data: bytes | memoryview, _address: object) -> None:
            raise OSError(errno.EHOSTUNREACH, "unreachable")

    out = sender(Unreachable())
    out.send(b"x", PEER)
    assert (out.counters.refused, out.counters.sent, out.wants_write) == (1, 0, False)


def test_ports_are_taken_in_order_and_an_exhausted_range_is_said() -> None:
    with bind_udp("127.0.0.1", 0, 0, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(NoFreePortError, match=str(port)):
            bind_udp("127.0.0.1", port, port, port)
