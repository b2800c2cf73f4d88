"""What many peers get of one batch, decrypted at the other end."""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from sfu.net import message_vector
from sfu.net.fan_out import MAX_PEERS, FanOut
from sfu.net.srtp import AEAD_AES_128_GCM, AES128_CM_SHA1_80, OutboundSrtp
from sfu.net.udp_socket import UdpSender, bind_udp
from sfu.net.way import Way
from sfu.rtp.lanes import Lane, LaneGroups, LogEntry
from sfu.rtp.layers import PictureNumbers
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, MappedBatch, MappedPacket, StreamNumbers, mid_element

NUMBERS = StreamNumbers(777, 10, 5, mid_element("3", 1), 0x51)
PROFILES = {
    AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    AES128_CM_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}
HEAD = struct.Struct("!BBHLLHH5sBH")
SO_NO_CHECK = 11  # asm-generic/socket.h; the socket module has no name for it


class Owner:
    """Stands for the consumer."""

    def step_out(self) -> None:
        raise AssertionError("nobody who sends asks for that")


def session(key: bytes, direction: int, profile: str) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=PROFILES[profile][0])
    policy.window_size = 1024
    return Session(policy)


class Link:
    """What the fan-out needs of an endpoint."""

    def __init__(self, peer: "Peer") -> None:
        self.address: Any = peer.sock.getsockname()
        self.outbound: OutboundSrtp | None = peer.outbound
        self.fan_out: FanOut | None = None
        self.way: Way | None = None
        self.transport_sequence = 65_534
        self.bytes_sent = 0

    def find_way(self) -> None:
        assert self.fan_out is not None
        self.way = self.fan_out.find_way(self.address, self.outbound)


class Peer:
    """A socket with keys, and the lane that leads there."""

    def __init__(self, profile: str = AEAD_AES_128_GCM, ip: str = "127.0.0.1", numbers: StreamNumbers = NUMBERS):
        key = os.urandom(PROFILES[profile][1])
        self.sock = bind_udp(ip, 0, 0, 0)
        self.inbound = session(key, Policy.SSRC_ANY_INBOUND, profile)
        self.outbound = OutboundSrtp(session(key, Policy.SSRC_ANY_OUTBOUND, profile), profile)
        self.log: list[LogEntry] = []
        self.link = Link(self)
        self.lane = Lane(Owner(), self.link, self.log, numbers, self.outbound.tag_length, 0)

    def received(self) -> list[bytes]:
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(self.inbound.unprotect(self.sock.recv(2048)))
        return packets


class Here:
    """The sending side."""

    def __init__(self, ip: str = "127.0.0.1") -> None:
        self.sock = bind_udp(ip, 0, 0, 0)
        self.sender = UdpSender(self.sock)
        self.fan_out = FanOut(self.sock, self.sender, lambda: 4.5)
        self.peers: list[Peer] = []

    def add(self, count: int, **options: Any) -> list[Peer]:
        peers = [Peer(**options) for _ in range(count)]
        for peer in peers:
            if self.sock.family == socket.AF_INET6 and "." in peer.link.address[0]:
                peer.link.address = (f"::ffff:{peer.link.address[0]}", peer.link.address[1], 0, 0)
            peer.link.fan_out = self.fan_out
            peer.link.find_way()
        self.peers += peers
        return peers

    def knows_a_way(self) -> bool:
        outbound = OutboundSrtp(session(bytes(28), Policy.SSRC_ANY_OUTBOUND, AEAD_AES_128_GCM), AEAD_AES_128_GCM)
        return self.fan_out.find_way(self.sock.getsockname(), outbound) is not None

    def send(self, batch: MappedBatch) -> list[Lane]:
        groups: LaneGroups = {}
        for peer in self.peers:
            groups.setdefault((peer.lane.tag_length, peer.lane.numbers), []).append(peer.lane)
        return self.fan_out.send(batch, groups)


@pytest.fixture
def here() -> Iterator[Here]:
    with running("127.0.0.1") as here:
        yield here


@contextlib.contextmanager
def running(ip: str) -> Iterator[Here]:
    here = Here(ip)
    try:
        assert here.knows_a_way(), "this system knows no sendmmsg or no UDP_SEGMENT"
        yield here
    finally:
        for sock in [here.sock, *(peer.sock for peer in here.peers)]:
            sock.close()


def packet(sequence: int, payload: bytes, *, video: bool = True) -> MappedPacket:
    words = 4 if video else 3
    head = struct.pack("!BBHLLHH", 0x90, 101, 0, 7, 0, 0xBEDE, words) + bytes(4 * words)
    return MappedPacket(head + payload, sequence, 7, len(payload), is_key_frame=False)


def frame(*sizes: int, first: int = 100, video: bool = True) -> MappedBatch:
    packets = [packet(first + n, bytes([n]) * size, video=video) for n, size in enumerate(sizes)]
    return MappedBatch(packets, is_video=video)


def numbers_of(packets: list[bytes]) -> list[int]:
    return [HEAD.unpack_from(data)[2] for data in packets]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("count", [1, MAX_PEERS, 2 * MAX_PEERS + 3])
def test_everybody_gets_the_whole_batch_under_its_lanes_numbers(here: Here, profile: str, count: int) -> None:
    peers = here.add(count, profile=profile)
    sizes = (1000, 1000, 990, 1000, 1000, 400)
    for first in (100, 106):
        assert here.send(frame(*sizes, first=first)) == []
        for peer in peers:
            got = peer.received()
            heads = [HEAD.unpack_from(data) for data in got]
            assert numbers_of(got) == list(range(first + 10, first + 16))
            assert {head[3:5] for head in heads} == {(12, 777)}
            assert {head[7:9] for head in heads} == {(b"\x103\0\0\0", 0x51)}
            start = 65_534 + first - 100
            assert [head[9] for head in heads] == [(start + n) & 0xFFFF for n in range(6)]
            bare = [data[: -data[-1]] if data[0] & 0x20 else data for data in got]
            assert [data[32:] for data in bare] == [bytes([n]) * size for n, size in enumerate(sizes)]
    octets = sum(1000 + 32 + peers[0].outbound.tag_length for _ in range(5)) + 432 + peers[0].outbound.tag_length
    for peer in peers:
        assert peer.log == [(65_534, 65_540, octets, 4.5, 0), (65_540, 65_546, octets, 4.5, 0)]
        assert peer.link.bytes_sent == 2 * octets
    assert here.sender.counters.sent == 12 * count
    assert here.sender.counters.sent_bytes == 2 * octets * count


def test_lanes_of_several_groups_and_profiles_share_a_batch(here: Here) -> None:
    other = StreamNumbers(888, 30_000, 1000, mid_element("11", 1), 0)
    here.add(2)
    here.add(2, numbers=other)
    here.add(2, profile=AES128_CM_SHA1_80, numbers=other)
    here.add(1, profile=AES128_CM_SHA1_80)
    assert here.send(frame(500, 500, 500)) == []
    for n, peer in enumerate(here.peers):
        heads = [HEAD.unpack_from(data) for data in peer.received()]
        expected = other if n in {2, 3, 4, 5} else NUMBERS
        assert [head[2] for head in heads] == [100 + k + expected.sequence_offset for k in range(3)]
        assert {head[3:5] for head in heads} == {(7 + expected.timestamp_offset, expected.ssrc)}
        assert {head[7] for head in heads} == {expected.mid_element}
        tracked = expected is NUMBERS
        assert [head[8:] for head in heads] == [
            (0x51, (65_534 + k) & 0xFFFF) if tracked else (0, 0) for k in range(3)
        ]
        [(first, end, octets, _, _)] = peer.log
        assert (first, end) == ((65_534, 65_537) if tracked else (0, 0))
        assert octets == sum(32 + 500 + peer.outbound.tag_length for _ in range(3))


def test_pictures_are_renumbered_for_some_and_not_for_others(here: Here) -> None:
    moved = NUMBERS._replace(picture_id_offset=3, tl0_offset=2)
    here.add(1, numbers=moved)
    here.add(1)
    here.add(1, numbers=moved._replace(ssrc=5))
    batch = frame(20, 20)
    batch.packets[0].picture = PictureNumbers(2, 0x7FFF, 0x0102, 4, 0xFE)
    assert here.send(batch) == []
    pictures = [peer.received()[0][34:37] for peer in here.peers]
    assert pictures == [bytes((0x81, 0x05, 0x00)), bytes((0x81, 0x02, 0xFE)), bytes((0x81, 0x05, 0x00))]


@pytest.mark.parametrize("video", [True, False])
@given(sizes=st.lists(st.integers(1, 1400), min_size=1, max_size=MAX_BATCH_PACKETS))
@settings(max_examples=25, deadline=None)
def test_batches_of_any_sizes_arrive_whole(video: bool, sizes: list[int]) -> None:
    with running("127.0.0.1") as here:
        here.add(3)
        assert here.send(frame(*sizes, video=video)) == []
        head = 32 if video else 28
        for peer in here.peers:
            got = peer.received()
            assert numbers_of(got) == [110 + n for n in range(len(sizes))]
            bare = [data[: -data[-1]] if data[0] & 0x20 else data for data in got]
            assert [data[head:] for data in bare] == [bytes([n]) * size for n, size in enumerate(sizes)]
        assert here.sender.counters.sent == 3 * len(sizes)


def test_who_cannot_be_reached_is_named_and_the_others_are_served(here: Here) -> None:
    lost, keyless, renewed, fine = here.add(4)
    lost.link.address = None
    keyless.link.outbound = None
    renewed.link.outbound = OutboundSrtp(
        session(os.urandom(30), Policy.SSRC_ANY_OUTBOUND, AES128_CM_SHA1_80), AES128_CM_SHA1_80
    )
    for peer in here.peers:
        peer.link.find_way()
    assert here.send(frame(100, 100)) == [lost.lane, keyless.lane, renewed.lane]
    assert [len(peer.received()) for peer in here.peers] == [0, 0, 0, 2]
    assert (lost.link.transport_sequence, lost.link.bytes_sent, lost.log) == (65_534, 0, [])
    assert fine.link.transport_sequence == 65_536


def test_a_peer_that_moves_is_followed_and_one_that_loses_its_keys_gets_nothing(here: Here) -> None:
    peer, _ = here.add(2)
    here.send(frame(100))
    there = bind_udp("127.0.0.1", 0, 0, 0)
    old, peer.sock = peer.sock, there
    peer.link.address = there.getsockname()
    peer.link.find_way()
    with old:
        assert here.send(frame(100, first=101)) == []
        assert numbers_of(peer.received()) == [111]
        peer.link.outbound = None
        peer.link.find_way()
        assert here.send(frame(100, first=102)) == [peer.lane]
        assert peer.received() == []
    assert numbers_of(here.peers[1].received()) == [110, 111, 112]


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


def test_segments_larger_than_the_path_takes_go_by_themselves(here: Here) -> None:
    (peer,) = here.add(1)
    assert here.send(frame(1450, 1450)) == [peer.lane]
    assert peer.link.transport_sequence == 65_534


@pytest.mark.parametrize("ip", ["::1", "::"])
def test_ipv6_and_mapped_ipv4(ip: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("THIS MACHINE HAS NO ::1, so IPv6 is not tested here")
    with running(ip) as here:
        (new,) = here.add(1, ip="::1")
        assert here.send(frame(100, 100, 100)) == []
        assert numbers_of(new.received()) == [110, 111, 112]
        if ip == "::":
            (old,) = here.add(1)
            assert here.send(frame(100, 100, first=103)) == []
            assert numbers_of(old.received()) == [113, 114]
