"""Key frames as real encoders and packetizers make them."""

import fractions
import itertools
import random

import av
import pytest
from aiortc.codecs.base import Encoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from sfu.codecs import key_frame_detector, vp8

KEY_FRAMES = {0, 5}


def noise(index: int) -> av.VideoFrame:
    generator = random.Random(index)  # noqa: S311 (noise for a picture, nothing secret)
    frame = av.VideoFrame(320, 240, "yuv420p")
    for plane in frame.planes:
        plane.update(generator.randbytes(plane.buffer_size))
    frame.pts = index * 3000
    frame.time_base = fractions.Fraction(1, 90_000)
    return frame


def encode(encoder: Encoder) -> list[list[bytes]]:
    return [encoder.encode(noise(index), index in KEY_FRAMES)[0] for index in range(8)]


@pytest.mark.parametrize(("encoder", "mime_type"), [(Vp8Encoder, "video/VP8"), (H264Encoder, "video/H264")])
def test_exactly_the_key_frames_are_found(encoder: type[Encoder], mime_type: str) -> None:
    is_key_frame = key_frame_detector(mime_type)
    assert is_key_frame is not None
    frames = encode(encoder())
    found = {index for index, payloads in enumerate(frames) if any(map(is_key_frame, payloads))}
    assert found == KEY_FRAMES
    assert all(is_key_frame(frames[index][0]) for index in KEY_FRAMES)
    assert any(len(payloads) > 1 for payloads in frames)


def test_vp8_descriptors_number_the_frames() -> None:
    for payloads in (frames := encode(Vp8Encoder())):
        descriptors = [vp8.parse_descriptor(payload) for payload in payloads]
        assert [descriptor.starts_partition for descriptor in descriptors] == [True] + [False] * (
            len(payloads) - 1
        )
        assert len({descriptor.picture_id for descriptor in descriptors}) == 1
    ids = [vp8.parse_descriptor(payloads[0]).picture_id for payloads in frames]
    assert all(left is not None and right == (left + 1) & 0x7FFF for left, right in itertools.pairwise(ids))
