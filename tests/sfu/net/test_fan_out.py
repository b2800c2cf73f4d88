"""What many peers get of one batch, decrypted at the other end."""

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy

from sfu.net.fan_out import MAX_PEERS
from sfu.net.srtp import AES128_CM_SHA1_80, OutboundSrtp
from sfu.net.udp_socket import bind_udp
from sfu.rtp.layers import PictureNumbers
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, StreamNumbers, mid_element
from tests.support.fan_out_peers import (
    HEAD,
    NUMBERS,
    PROFILES,
    Here,
    frame,
    numbers_of,
    running,
    session,
)


@pytest.fixture
def here() -> Iterator[Here]:
    with running("127.0.0.1") as here:
        yield here


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
