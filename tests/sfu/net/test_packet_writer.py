"""What the innermost loop puts on the wire, decrypted at the other end."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pylibsrtp import Policy, Session

from sfu.net.packet_writer import PacketWriter
from sfu.net.srtp import AEAD_AES_128_GCM, OutboundSrtp
from sfu.net.udp_socket import UdpSender, bind_udp
from sfu.rtp.layers import PictureNumbers
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket, StreamNumbers, mid_element

KEY = bytes(range(28))
NUMBERS = StreamNumbers(777, 10, 5, mid_element("3", 1), 0x51)
AUDIO_HEAD = 12 + 4 + 12
VIDEO_HEAD = 12 + 4 + 16


@dataclass
class Wire:
    writer: PacketWriter
    srtp: OutboundSrtp
    there: socket.socket
    inbound: Session

    def write(
        self, batch: MappedBatch, numbers: StreamNumbers = NUMBERS, first: int = 0, last: int | None = None
    ) -> None:
        self.writer.write(batch, numbers, 100, self.srtp, self.there.getsockname(), first, last)

    def received(self) -> list[bytes]:
        packets = []
        while True:
            try:
                packets.append(self.inbound.unprotect(self.there.recv(2048)))
            except BlockingIOError:
                return packets


@pytest.fixture
def wire() -> Iterator[Wire]:
    def session(direction: int) -> Session:
        policy = Policy(key=KEY, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
        policy.window_size = 1024
        return Session(policy)

    with bind_udp("127.0.0.1", 0, 0, 0) as here, bind_udp("127.0.0.1", 0, 0, 0) as there:
        outbound = OutboundSrtp(session(Policy.SSRC_ANY_OUTBOUND), AEAD_AES_128_GCM)
        yield Wire(PacketWriter(UdpSender(here)), outbound, there, session(Policy.SSRC_ANY_INBOUND))


def packet(sequence: int, payload: bytes, *, video: bool = True) -> MappedPacket:
    words = 4 if video else 3
    head = struct.pack("!BBHLLHH", 0x90, 101, 0, 7, 0, 0xBEDE, words) + bytes(4 * words)
    return MappedPacket(head + payload, sequence, 7, len(payload), is_key_frame=False)


def numbers_of(packets: list[bytes]) -> list[int]:
    return [struct.unpack_from("!H", data, 2)[0] for data in packets]


def transport_numbers_of(packets: list[bytes]) -> list[int]:
    return [struct.unpack_from("!H", data, 22)[0] for data in packets]


def test_every_field_of_a_consumer_is_written(wire: Wire) -> None:
    wire.write(MappedBatch([packet(65_530 + n, bytes([n]) * 50) for n in range(8)], is_video=True))
    got = wire.received()
    assert numbers_of(got) == [(65_540 + n) & 0xFFFF for n in range(8)]
    assert {struct.unpack_from("!LL", data, 4) for data in got} == {(12, 777)}
    assert {data[16:22] for data in got} == {b"\x103\0\0\0\x51"}
    assert transport_numbers_of(got) == list(range(100, 108))
    assert [data[VIDEO_HEAD:] for data in got] == [bytes([n]) * 50 for n in range(8)]


@pytest.mark.parametrize("part", [(0, None), (1, 3)])
def test_picture_numbers_are_moved_where_a_payload_has_them(wire: Wire, part: tuple[int, int | None]) -> None:
    first, last = part
    long = packet(1, b"\x90\xe0\x81\x02\xfe\x40long")
    long.picture = PictureNumbers(2, 0x7FFF, 0x0102, 4, 0xFE)
    short = packet(2, b"\x90\x80\x7eshort")
    short.picture = PictureNumbers(2, 0x7F, 0x107E, 0, 0)
    only_index = packet(3, b"\x90\x40\x05index")
    only_index.picture = PictureNumbers(0, 0, 0, 2, 5)
    batch = MappedBatch([long, packet(9, b"none at all"), short, only_index], is_video=True)
    wire.write(batch, NUMBERS._replace(picture_id_offset=3, tl0_offset=2), first, last)
    wire.write(batch, NUMBERS._replace(ssrc=778, picture_id_offset=0x7FFF - 0x0102, tl0_offset=-6), first, last)
    wire.write(batch, NUMBERS._replace(ssrc=779), first, last)
    got = [data[VIDEO_HEAD:].rstrip(b"\0") for data in wire.received()]
    moved = [b"\x90\xe0\x81\x05\x00\x40long", b"none at all", b"\x90\x80\x01short", b"\x90\x40\x07index"]
    again = [b"\x90\xe0\xff\xff\xf8\x40long", b"none at all", b"\x90\x80\x7bshort", b"\x90\x40\xffindex"]
    plain = [b"\x90\xe0\x81\x02\xfe\x40long", b"none at all", b"\x90\x80\x7eshort", b"\x90\x40\x05index"]
    expected = moved[first:last] + again[first:last] + plain[first:last]
    assert [data[: len(want)] for data, want in zip(got, expected, strict=True)] == expected


def test_audio_has_no_transport_wide_number(wire: Wire) -> None:
    wire.write(MappedBatch([packet(1, b"sound", video=False)], is_video=False))
    (got,) = wire.received()
    assert got[16 : 16 + 12] == b"\x103" + bytes(10)
    assert got[AUDIO_HEAD:] == b"sound"


def test_a_consumer_without_transport_wide_numbers_gets_none(wire: Wire) -> None:
    wire.write(
        MappedBatch([packet(1, b"a"), packet(2, b"b")], is_video=True),
        NUMBERS._replace(transport_sequence_header=0),
    )
    assert {data[21:24] for data in wire.received()} == {bytes(3)}


def test_one_batch_serves_consumers_of_both_tag_lengths_in_turn(wire: Wire) -> None:
    policy = Policy(
        key=KEY + bytes(2),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )
    other = OutboundSrtp(Session(policy), "SRTP_AES128_CM_SHA1_80")
    batch = MappedBatch([packet(n, bytes(60)) for n in range(3)], is_video=True)
    with bind_udp("127.0.0.1", 0, 0, 0) as elsewhere:
        wire.write(batch)
        wire.writer.write(batch, NUMBERS, 0, other, elsewhere.getsockname())
        wire.write(MappedBatch([packet(n, bytes(60)) for n in range(3, 6)], is_video=True))
        assert len(elsewhere.recv(2048)) == VIDEO_HEAD + 60 + 10
    assert numbers_of(wire.received()) == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize("part", [(0, None), (0, 5), (1, 5)])
def test_a_packet_that_libsrtp_refuses_is_left_out_alone(wire: Wire, part: tuple[int, int | None]) -> None:
    wire.write(MappedBatch([packet(40_000, b"newest")], is_video=True))
    assert numbers_of(wire.received()) == [40_010]
    too_old = 40_000 - 2000
    batch = MappedBatch([packet(n, b"12345678") for n in (40_001, 40_002, too_old, 40_003, 40_004)], is_video=True)
    wire.write(batch, NUMBERS, *part)
    got = wire.received()
    expected = [40_011, 40_012, 40_013, 40_014][part[0] :]
    assert numbers_of(got) == expected
    assert wire.writer.protect_failures == 1
    places = [0, 1, 3, 4] if part[0] == 0 else [0, 2, 3]
    assert transport_numbers_of(got) == [100 + place for place in places]


def test_nothing_leaves_in_the_clear_when_all_are_refused(wire: Wire) -> None:
    wire.write(MappedBatch([packet(40_000, b"newest")], is_video=True))
    wire.received()
    wire.write(MappedBatch([packet(n, b"12345678") for n in (30_000, 30_001, 30_002)], is_video=True))
    assert wire.received() == []
    assert wire.writer.protect_failures == 3
