import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.stream_frames import MAX_FRAME_BYTES, FrameReader, frame_run

FRAMES = st.lists(st.binary(max_size=300), max_size=12)


def framed(frames: list[bytes]) -> bytes:
    return b"".join(struct.pack("!H", len(frame)) + frame for frame in frames)


@given(FRAMES, st.data())
def test_frames_come_out_however_the_stream_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream, reader, got = framed(frames), FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += [bytes(frame) for frame in reader.feed(memoryview(stream[:size]))]
        stream = stream[size:]
    assert got == [frame for frame in frames if frame]


@pytest.mark.parametrize("length", [MAX_FRAME_BYTES + 1, 65535])
def test_a_frame_that_is_too_long_is_refused_before_it_comes(length: int) -> None:
    with pytest.raises(ValueError, match=str(length)):
        FrameReader().feed(memoryview(struct.pack("!H", length)))


def test_the_longest_frame_passes_and_no_more_than_one_is_kept() -> None:
    reader = FrameReader()
    longest = framed([bytes(MAX_FRAME_BYTES)])
    assert reader.feed(memoryview(longest[:-1])) == []
    assert len(reader._partial) == len(longest) - 1
    [frame] = reader.feed(memoryview(longest[-1:] + b"\0"))
    assert len(frame) == MAX_FRAME_BYTES
    assert reader._partial == b"\0"


@given(st.binary(max_size=500))
def test_garbage_gives_frames_or_value_error(data: bytes) -> None:
    try:
        frames = FrameReader().feed(memoryview(data))
    except ValueError:
        return
    assert sum(len(frame) + 2 for frame in frames) <= len(data)


@pytest.mark.parametrize(("size", "segment"), [(0, 10), (10, 10), (25, 10), (30, 10), (7, 10)])
def test_a_run_is_framed_packet_by_packet(size: int, segment: int) -> None:
    run = bytes(range(size))
    frames = frame_run(memoryview(run), segment)
    assert frames == [framed([run[at : at + segment]]) for at in range(0, size, segment)]
