"""Which layers packets belong to, and where receivers may change among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs import LayerReader, layer_reader, vp8, vp9
from sfu.codecs.layer_ids import LayerIds
from sfu.codecs.picture_ids import MAX_LATE_PICTURES, PictureIds
from sfu.rtp.layers import Layers, PacketLayers
from tests.sfu.codecs.test_vp8 import DESCRIPTORS as VP8_DESCRIPTORS
from tests.sfu.codecs.test_vp9 import DESCRIPTORS as VP9_DESCRIPTORS
from tests.support.descriptors import L1T3, L2T1, L2T1_KEY, Templates, descriptor
from tests.support.rtp_packets import captured


def read(reader: LayerReader, data: bytes) -> PacketLayers:
    found = reader.read(b"payload", data, False)
    assert found is not None
    return found


def reader_of(templates: Templates) -> LayerReader:
    reader = layer_reader("video/AV1", key_only=False, has_descriptors=True)
    assert reader is not None
    read(reader, descriptor(0, 0, structure=templates))
    return reader


# --- picture ids ---


@pytest.mark.parametrize("mask", [0x7F, 0x7FFF])
@pytest.mark.parametrize("first", [0, 100, 127])
def test_picture_ids_are_unwrapped(mask: int, first: int) -> None:
    ids = PictureIds()
    start = ids.unwrap(first, mask, starts_anew=True)
    found = [ids.unwrap(first + n & mask, mask, starts_anew=False) for n in range(1, 3 * (mask + 1), 7)]
    assert found == [start + n for n in range(1, 3 * (mask + 1), 7)]


def test_a_late_picture_lies_behind_and_a_key_frame_far_back_begins_anew() -> None:
    ids = PictureIds()
    first = ids.unwrap(5000, 0x7FFF, starts_anew=True)
    assert ids.unwrap(4990, 0x7FFF, starts_anew=False) == first - 10
    assert ids.unwrap(4990, 0x7FFF, starts_anew=True) == first - 10, "a key frame that comes late"
    assert ids.unwrap(5000 - MAX_LATE_PICTURES - 1, 0x7FFF, starts_anew=True) > first


# --- VP8 and VP9 ---


@pytest.mark.parametrize("case", VP8_DESCRIPTORS, ids=[case[0] for case in VP8_DESCRIPTORS])
def test_vp8_layers_agree_with_the_descriptor(case: tuple[str, str, vp8.Vp8Descriptor]) -> None:
    payload = bytes.fromhex(case[1]) + b"\x01vp8"
    parsed, found = vp8.parse_descriptor(payload), vp8.read_layers(payload, False, PictureIds())
    assert found is not None
    assert found.temporal == (parsed.tid or 0)
    assert found.switches_up == parsed.y
    assert found.starts_picture is (parsed.starts_partition and parsed.partition == 0)
    picture = found.picture
    assert (picture is None) is (parsed.picture_id is None and parsed.tl0_pic_idx is None)
    if picture is not None:
        assert picture.id_mask == (1 << parsed.picture_id_bits) - 1
        assert picture.tl0_at == parsed.tl0_pic_idx_at
        if parsed.picture_id is not None:
            assert (picture.id_at, picture.picture_id & picture.id_mask) == (
                parsed.picture_id_at,
                parsed.picture_id,
            )


@pytest.mark.parametrize("case", VP9_DESCRIPTORS, ids=[case[0] for case in VP9_DESCRIPTORS])
def test_vp9_layers_agree_with_the_descriptor(case: tuple[str, str, vp9.Vp9Descriptor, bool]) -> None:
    payload = bytes.fromhex(case[1]) + b"vp9"
    parsed = vp9.parse_descriptor(payload)
    found = vp9.read_layers(payload, case[3], PictureIds(), key_only=False)
    assert found is not None
    assert (found.spatial, found.temporal) == (parsed.sid or 0, parsed.tid or 0)
    assert (found.starts_frame, found.ends_frame) == (parsed.starts_frame, parsed.ends_frame)
    assert found.is_intra is not parsed.inter_picture
    assert found.switches_up == parsed.switching_up
    if parsed.picture_id is not None:
        assert found.picture is not None
        assert (found.picture.id_at, found.picture.picture_id & found.picture.id_mask) == (1, parsed.picture_id)
        assert payload[found.picture.tl0_at] == parsed.tl0_pic_idx or parsed.tl0_pic_idx is None


@given(st.binary(max_size=12), st.booleans())
def test_garbage_has_no_layers_or_some(payload: bytes, is_key_frame: bool) -> None:
    for found in (
        vp8.read_layers(payload, is_key_frame, PictureIds()),
        vp9.read_layers(payload, is_key_frame, PictureIds(), key_only=True),
    ):
        if found is not None and found.picture is not None:
            assert found.picture.id_at + (found.picture.id_mask > 0x7F) < len(payload) + (
                not found.picture.id_mask
            )
            assert found.picture.tl0_at < len(payload)


def test_what_chromium_sends_as_l3t3_has_all_layers() -> None:
    reader = layer_reader("video/VP9", key_only=False, has_descriptors=False)
    assert reader is not None
    for packet in captured("chromium_vp9_l3t3.bin"):
        if packet[1] & 0x7F == 98 and len(packet) > 12:
            header = 12 + 4 * (packet[0] & 15)
            start = header + 4 + 4 * int.from_bytes(packet[header + 2 : header + 4], "big")
            payload = packet[start:]
            reader.read(payload, None, vp9.is_key_frame(payload))
    assert reader.top == Layers(1, 2), "the third waits for bandwidth"
    assert reader.is_everything(Layers(1, 2))
    assert not reader.is_everything(Layers(0, 2))
    assert not reader.is_everything(Layers(1, 1))


def ids(spatial: int, temporal: int, *, start: bool = True, **fields: bool) -> LayerIds:
    return LayerIds(
        spatial,
        temporal,
        start,
        fields.get("end", False),
        fields.get("intra", False),
        fields.get("up", False),
        fields.get("key_only", False),
        None,
    )


def test_layers_that_refer_to_each_other_in_key_pictures_only_go_alone_in_between() -> None:
    assert ids(0, 0, intra=True, key_only=True).belongs_to(Layers(2, 0))
    assert not ids(0, 0, key_only=True).belongs_to(Layers(2, 0))
    assert ids(2, 0, key_only=True).belongs_to(Layers(2, 0))
    assert ids(0, 0).belongs_to(Layers(2, 0))
    assert not ids(2, 0).belongs_to(Layers(1, 7))
    assert not ids(0, 2).belongs_to(Layers(1, 1))


def test_where_numbered_layers_may_change() -> None:
    low, middle, high = Layers(0, 2), Layers(1, 2), Layers(2, 2)
    assert ids(0, 0, intra=True).allows_switch(low, high), "a key picture opens everything"
    assert not ids(0, 0, intra=True, start=False).allows_switch(low, high)
    assert ids(0, 1).allows_switch(high, low), "nothing of a lower layer refers to a higher one"
    assert not ids(0, 1, key_only=True).allows_switch(high, low)
    assert not ids(0, 0).allows_switch(low, high)
    assert ids(1, 0, intra=True).allows_switch(low, middle), "refers to the layer below only"
    assert not ids(1, 0, intra=True).allows_switch(low, high)
    assert not ids(2, 0, intra=True).allows_switch(low, high)
    assert ids(0, 1, up=True).allows_switch(Layers(0, 0), Layers(0, 1))
    assert not ids(0, 1).allows_switch(Layers(0, 0), Layers(0, 1))
    assert not ids(0, 2, up=True).allows_switch(Layers(0, 0), Layers(0, 2)), "the one below is not there"
    assert ids(0, 2).allows_switch(Layers(0, 2), Layers(0, 0))


# --- dependency descriptors ---


def test_temporal_layers_of_a_descriptor() -> None:
    reader = reader_of(L1T3)
    assert reader.top == Layers(0, 2)
    assert reader.is_everything(Layers(0, 2))
    assert not reader.is_everything(Layers(0, 1))
    base, middle, top = (read(reader, descriptor(n, 1)) for n in (1, 2, 3))
    assert [each.belongs_to(Layers(0, 0)) for each in (base, middle, top)] == [True, False, False]
    assert [each.belongs_to(Layers(0, 1)) for each in (base, middle, top)] == [True, True, False]
    assert [each.belongs_to(Layers(7, 7)) for each in (base, middle, top)] == [True, True, True]
    assert base.allows_switch(Layers(0, 0), Layers(0, 1)), "a switch indication"
    assert not middle.allows_switch(Layers(0, 0), Layers(0, 1))
    assert middle.allows_switch(Layers(0, 2), Layers(0, 0)), "down at any picture"
    assert not read(reader, descriptor(1, 1, start=False)).allows_switch(Layers(0, 0), Layers(0, 1))
    assert not reader.needs_key_frame(Layers(0, 0), Layers(0, 2))


def test_spatial_layers_of_a_descriptor() -> None:
    reader = reader_of(L2T1)
    lower, upper = read(reader, descriptor(1, 1)), read(reader, descriptor(3, 2))
    assert upper.belongs_to(Layers(1, 0))
    assert not upper.belongs_to(Layers(0, 0))
    assert lower.belongs_to(Layers(1, 0))
    assert lower.allows_switch(Layers(1, 0), Layers(0, 0))
    assert not lower.allows_switch(Layers(0, 0), Layers(1, 0))
    assert read(reader, descriptor(0, 3, structure=L2T1)).allows_switch(Layers(0, 0), Layers(1, 0))
    assert reader.needs_key_frame(Layers(0, 0), Layers(1, 0))
    assert not reader.needs_key_frame(Layers(1, 0), Layers(0, 0))
    assert (lower.completes(Layers(0, 0)), lower.completes(Layers(1, 0)), upper.completes(Layers(1, 0))) == (
        True,
        False,
        True,
    )
    assert not upper.starts_picture


def test_spatial_layers_that_go_alone_need_a_key_frame_both_ways() -> None:
    reader = reader_of(L2T1_KEY)
    lower, upper = read(reader, descriptor(1, 1)), read(reader, descriptor(3, 2))
    assert not reader.is_everything(Layers(1, 0)), "pictures of the lower layer are nothing to the upper one"
    assert not lower.belongs_to(Layers(1, 0))
    assert upper.belongs_to(Layers(1, 0))
    assert not lower.allows_switch(Layers(1, 0), Layers(0, 0))
    assert reader.needs_key_frame(Layers(1, 0), Layers(0, 0))
    assert reader.needs_key_frame(Layers(0, 0), Layers(1, 0))


def test_a_structure_that_comes_late_does_not_replace_a_newer_one() -> None:
    reader = reader_of(L1T3)
    read(reader, descriptor(0, 100, structure=L2T1))
    assert reader.top == Layers(1, 0)
    assert read(reader, descriptor(0, 50, structure=L1T3)).temporal == 0
    assert reader.top == Layers(1, 0)
    assert read(reader, descriptor(3, 101)).spatial == 1


def test_packets_that_tell_nothing_are_for_everybody() -> None:
    reader = layer_reader("video/H264", key_only=False, has_descriptors=True)
    assert reader is not None
    assert reader.read(b"payload", None, False) is None
    assert reader.read(b"payload", descriptor(0, 1), False) is None
    assert reader.is_everything(Layers(0, 0))
    assert reader.top == Layers(0, 0)


@pytest.mark.parametrize(("mime_type", "has"), [("video/H264", False), ("video/AV1", False), ("audio/opus", True)])
def test_streams_without_layers_have_no_reader(mime_type: str, has: bool) -> None:
    assert layer_reader(mime_type, key_only=False, has_descriptors=has) is None
