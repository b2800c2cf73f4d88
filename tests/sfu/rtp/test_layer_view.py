"""Parts of streams: whatever is lost, late or out of order, receivers of a part can read its numbers."""

import itertools
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs import vp8
from sfu.codecs.picture_ids import PictureIds
from sfu.rtp.layer_view import LayerPart, LayerView, emptied
from sfu.rtp.layers import Layers
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket
from tests.support.layered_video import SYNC_PATTERN, TEMPORAL_PATTERN, vp8_payload
from tests.support.rtp_packets import BOUNDARIES

HEAD = struct.pack("!BBHLLHH", 0x90, 101, 0, 0, 0, 0xBEDE, 3) + bytes(12)


def packets(pictures: int, each: int = 2, start: int = 0, picture_id: int = 0) -> Iterator[MappedPacket]:
    ids, number = PictureIds(), start + 65_536
    for n in range(pictures):
        tid = TEMPORAL_PATTERN[n % 4]
        for part in range(each):
            payload = vp8_payload(
                picture_id + n & 0x7FFF, n // 4, tid, key=n == 0, sync=SYNC_PATTERN[n % 4], start=part == 0
            )
            layers = vp8.read_layers(payload, n == 0 and part == 0, ids)
            assert layers is not None
            yield MappedPacket(
                HEAD + payload, number, 3000 * n, len(payload), n == 0 and part == 0, layers, layers.picture
            )
            number += 1


def picture_id_of(packet: MappedPacket) -> int:
    return struct.unpack_from("!H", packet.data, packet.payload_at + 2)[0] & 0x7FFF


def part_of(temporal: int) -> LayerPart:
    return LayerPart(Layers(0, temporal), renumbers_pictures=True)


@pytest.mark.parametrize("start", BOUNDARIES)
@pytest.mark.parametrize("temporal", [0, 1, 2])
def test_a_part_has_no_gaps(start: int, temporal: int) -> None:
    picked = part_of(temporal).pick(list(packets(100, start=start, picture_id=0x7FC0)))
    numbers = [packet.sequence_number for packet in picked]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    found = [picture_id_of(packet) for packet in picked[::2]]
    assert all((after - before) & 0x7FFF == 1 for before, after in itertools.pairwise(found))
    assert {packet.layers.temporal for packet in picked if packet.layers} == set(range(temporal + 1))
    for packet in picked:
        assert packet.picture is not None
        assert packet.picture.picture_id & 0x7FFF == picture_id_of(packet)


@given(st.randoms(use_true_random=False), st.integers(0, 2), st.integers(0, 4))
def test_out_of_order_every_number_is_used_once_and_in_the_order_of_the_stream(
    rng: object, temporal: int, disorder: int
) -> None:
    source = list(packets(60))
    shuffled = sorted(source, key=lambda packet: packet.sequence_number + rng.uniform(0, disorder))  # type: ignore[attr-defined]
    part, picked = part_of(temporal), []
    while shuffled:
        size = rng.randint(1, 5)  # type: ignore[attr-defined]
        picked += part.pick(shuffled[:size])
        shuffled = shuffled[size:]
    numbers = [packet.sequence_number for packet in picked]
    assert len(set(numbers)) == len(numbers)
    assert sorted(numbers) == list(range(min(numbers), max(numbers) + 1)), "nothing is waited for in vain"
    in_order = sorted(picked, key=lambda packet: packet.sequence_number)
    assert [packet.origin for packet in in_order] == sorted(packet.origin for packet in picked)
    full = [packet for packet in in_order if packet.payload_size]
    wanted = [packet for packet in source if packet.layers and packet.layers.temporal <= temporal]
    first = min(packet.origin for packet in picked)
    assert {packet.origin for packet in full} == {packet.sequence_number for packet in wanted} - set(
        range(source[0].sequence_number, first)
    )
    ids = [packet.picture.picture_id for packet in full if packet.picture]
    assert ids == sorted(ids)


def test_what_does_not_belong_but_has_left_a_gap_comes_empty() -> None:
    source = list(packets(8, each=1))
    part = part_of(0)
    assert [packet.origin for packet in part.pick([source[0]])] == [source[0].origin]
    (fourth,) = part.pick([source[4]])
    assert fourth.sequence_number == source[4].sequence_number, "the three between may all belong"
    late = part.pick([source[1], source[2], source[3]])
    assert [packet.payload_size for packet in late] == [0, 0, 0]
    assert [packet.sequence_number for packet in late] == [packet.sequence_number for packet in source[1:4]]
    assert all(len(packet.data) == packet.payload_at for packet in late)


def test_positions_say_where_a_part_goes_on() -> None:
    source = list(packets(9, each=1))
    part = part_of(0)
    picked = part.pick(source)
    assert [packet.origin for packet in picked] == [source[n].origin for n in (0, 4, 8)]
    for n, packet in enumerate(source):
        following = next(each for each in picked if each.origin >= packet.origin)
        assert part.position(packet.origin) == following.sequence_number
        assert packet.picture is not None
        assert following.picture is not None
        assert part.picture_position(packet.picture.picture_id) == following.picture.picture_id, n


def test_a_view_keeps_what_it_took_until_it_retires() -> None:
    view = LayerView(part_of(0), use_store=True)
    source = list(packets(9, each=1))
    view.take(MappedBatch(source[:4], is_video=True), 1.0)
    view.take(MappedBatch(source[4:], is_video=True), 1.1)
    assert view.newest is not None
    assert (view.newest.origin, view.newest_at) == (source[8].origin, 1.1)
    assert view.store is not None
    assert view.store.get(view.newest.sequence_number, 1.2) is view.newest
    view.take(MappedBatch([next(packets(1, start=20, each=1))], is_video=True), 1.2)
    assert view.batch is not None
    view.take(MappedBatch(source[1:2], is_video=True), 1.3)
    assert view.batch is None, "nothing of the batch was for it"
    view.retire()
    assert view.store.size_bytes == 0


def test_a_whole_view_is_the_stream_itself() -> None:
    view = LayerView(None, use_store=False)
    batch = MappedBatch(list(packets(4)), is_video=True)
    view.take(batch, 1.0)
    assert view.batch is batch
    assert view.store is None
    assert (view.position(77), view.picture_position(5)) == (77, 5)


def test_an_emptied_packet_has_its_head_only() -> None:
    packet = next(packets(1))
    empty = emptied(packet, 9)
    assert (empty.data, empty.sequence_number, empty.payload_size, empty.origin) == (HEAD, 9, 0, packet.origin)


class Framed:
    """A packet of a spatial layer, as VP9 has them."""

    temporal, picture = 0, None

    def __init__(self, spatial: int) -> None:
        self.spatial, self.starts_picture = spatial, spatial == 0

    def belongs_to(self, layers: Layers) -> bool:
        return self.spatial <= layers.spatial

    def completes(self, layers: Layers) -> bool:
        return self.spatial == layers.spatial

    def allows_switch(self, current: Layers, wanted: Layers) -> bool:
        return self.starts_picture


def test_the_last_packet_of_the_highest_layer_gets_the_marker() -> None:
    source = [MappedPacket(HEAD + b"x", n, 0, 1, False, Framed(n)) for n in range(3)]
    picked = LayerPart(Layers(1, 0), renumbers_pictures=False).pick(source)
    assert [packet.marker for packet in picked] == [False, True]
    assert [packet.data[1] >> 7 for packet in picked] == [0, 1]
    assert picked[0].data is source[0].data, "nothing is copied that stays as it is"
