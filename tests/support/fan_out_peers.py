"""A fan-out over real sockets, and peers that decrypt what they get of it."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from pylibsrtp import Policy, Session

from sfu.net.fan_out import FanOut
from sfu.net.srtp import AEAD_AES_128_GCM, AES128_CM_SHA1_80, OutboundSrtp
from sfu.net.udp_socket import UdpSender, bind_udp
from sfu.net.way import Way
from sfu.rtp.lanes import Lane, LaneGroups, LogEntry
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket, StreamNumbers, mid_element

NUMBERS = StreamNumbers(777, 10, 5, mid_element("3", 1), 0x51)
PROFILES = {
    AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    AES128_CM_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}
HEAD = struct.Struct("!BBHLLHH5sBH")


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
