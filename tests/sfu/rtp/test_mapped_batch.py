import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.mapped_batch import (
    MAX_EQUALISING_PADDING,
    MAX_MID_LENGTH,
    MAX_RUN_BYTES,
    MAX_RUN_SEGMENTS,
    MID_ELEMENT_BYTES,
    Layout,
    MappedBatch,
    MappedPacket,
    mid_element,
    padding_packet,
    retransmission,
)
from sfu.rtp.packet import iter_extensions, parse_rtp_header

AUDIO_EXTENSION = bytes(5) + b"\x42abc" + b"\x80\x07" + b"\0"
VIDEO_EXTENSION = bytes(5) + bytes(3) + b"\x42abc" + b"\x80\x07" + b"\0\0"


def mapped(payload: bytes, sequence: int = 1, *, video: bool = True, marker: bool = False) -> MappedPacket:
    extension = VIDEO_EXTENSION if video else AUDIO_EXTENSION
    head = struct.pack("!BBHLLHH", 0x90, marker << 7 | 101, 0, 3000, 0, 0xBEDE, len(extension) // 4)
    return MappedPacket(head + extension + payload, sequence, 3000, len(payload), is_key_frame=False)


HEAD = len(mapped(b"").data)


def packets_of(layout: Layout) -> list[bytes]:
    packets = []
    for row in layout.rows:
        data = bytearray(layout.data[row.at : row.at + row.size])
        struct.pack_into("!H", data, 0, row.first_word)
        header = parse_rtp_header(data, len(data))
        packets.append(bytes(data[header.payload_start : header.payload_end]))
    return packets


@given(
    st.lists(st.integers(0, 1400), min_size=1, max_size=100),
    st.sampled_from([0, 10, 16]),
)
def test_every_packet_is_in_one_run_and_every_run_may_leave_in_one_call(sizes: list[int], tag: int) -> None:
    batch = MappedBatch([mapped(bytes([n % 251]) * size, n) for n, size in enumerate(sizes)], is_video=True)
    layout = batch.layout(tag)
    assert packets_of(layout) == [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    assert [row.sequence_number for row in layout.rows] == list(range(len(sizes)))
    assert [run.first for run in layout.runs] == [0, *[run.last for run in layout.runs[:-1]]]
    assert layout.runs[-1].last == len(sizes)
    for first, last, segment_size in layout.runs:
        rows = layout.rows[first:last]
        assert len(rows) <= MAX_RUN_SEGMENTS
        assert [row.at - rows[0].at for row in rows] == [n * segment_size for n in range(len(rows))]
        assert all(row.size + tag == segment_size for row in rows[:-1])
        assert rows[-1].size + tag <= segment_size
        assert rows[-1].at + rows[-1].size + tag - rows[0].at <= MAX_RUN_BYTES
    spent = sum(row.size - len(packet.data) for row, packet in zip(layout.rows, batch.packets, strict=True))
    assert 0 <= spent <= MAX_EQUALISING_PADDING * len(sizes)


def test_packets_of_nearly_one_size_are_made_equal_by_padding() -> None:
    batch = MappedBatch(
        [mapped(bytes(1000)), mapped(bytes(999)), mapped(bytes(950)), mapped(bytes(300))], is_video=True
    )
    layout = batch.layout(16)
    assert [tuple(run) for run in layout.runs] == [(0, 4, HEAD + 1000 + 16)]
    assert [row.size - HEAD for row in layout.rows] == [1000, 1000, 1000, 300]
    assert [bool(row.first_word & 0x2000) for row in layout.rows] == [False, True, True, False]


def test_a_longer_packet_than_padding_can_make_up_for_begins_a_run() -> None:
    batch = MappedBatch([mapped(bytes(100)), mapped(bytes(101 + MAX_EQUALISING_PADDING))], is_video=True)
    assert [(run.first, run.last) for run in batch.layout(0).runs] == [(0, 1), (1, 2)]


def test_a_batch_is_laid_out_once_for_each_tag() -> None:
    batch = MappedBatch([mapped(b"a", 5), mapped(b"bcd", 3)], is_video=True)
    assert batch.layout(16) is batch.layout(16)
    assert batch.layout(16) is not batch.layout(10)
    assert (batch.lowest, batch.highest, batch.octets) == (3, 5, 4)
    assert batch.newest.data.endswith(b"a")


@pytest.mark.parametrize("video", [True, False])
def test_a_retransmission_repeats_all_but_type_number_and_time(video: bool) -> None:
    original = mapped(b"payload", video=video, marker=True)
    again = retransmission(original, 102, 0xABCD, 7, b"xyz", is_video=video)
    packet, wrapped = original.data, again.data
    assert (again.sequence_number, again.timestamp) == (7, 3000)
    before, after = parse_rtp_header(packet, len(packet)), parse_rtp_header(wrapped, len(wrapped))
    assert (after.payload_type, after.marker, after.timestamp) == (102, True, before.timestamp)
    assert wrapped[after.payload_start : after.payload_end] == b"\xab\xcdpayload"
    elements = {number: wrapped[at : at + size] for number, at, size in iter_extensions(wrapped, after)}
    assert elements == {4: b"xyz", 8: b"\x07"}


@pytest.mark.parametrize(("size", "expected"), [(0, 25), (25, 25), (100, 100), (279, 279), (2000, 279)])
def test_a_packet_of_padding_has_nothing_else_in_it(size: int, expected: int) -> None:
    packet = padding_packet(97, size)
    header = parse_rtp_header(packet, len(packet))
    assert len(packet) == expected
    assert header.payload_type == 97
    assert header.payload_start == header.payload_end
    assert packet[-1] == expected - 24
    assert header.extension_end - header.extension_start == MID_ELEMENT_BYTES + 3


@pytest.mark.parametrize("mid", ["0", "12", "999", "9999"])
def test_a_mid_element_has_one_size_whatever_the_mid(mid: str) -> None:
    element = mid_element(mid, 1)
    assert len(element) == MID_ELEMENT_BYTES
    data = struct.pack("!BBHLLHH", 0x90, 96, 0, 0, 0, 0xBEDE, 2) + element + bytes(3)
    header = parse_rtp_header(data, len(data))
    assert [(number, data[at : at + size]) for number, at, size in iter_extensions(data, header)] == [
        (1, mid.encode())
    ]


@pytest.mark.parametrize("mid", ["", "1" * (MAX_MID_LENGTH + 1), "éé1"])
def test_a_mid_that_does_not_fit_is_refused(mid: str) -> None:
    with pytest.raises(ValueError, match="MID"):
        mid_element(mid, 1)


def test_audio_is_never_padded() -> None:
    packets = [mapped(bytes(size), video=False) for size in (60, 61, 50)]
    layout = MappedBatch(packets, is_video=False).layout(16)
    assert [row.size for row in layout.rows] == [len(each.data) for each in packets]
    assert all(row.first_word == each.first_word for row, each in zip(layout.rows, packets, strict=True))
