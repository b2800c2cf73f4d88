"""The beginning of a VP8 key frame, with every form of descriptor."""

import pytest

from tests.bench.load.vp8 import begins_key_frame

KEY, DELTA = b"\x10\x02\x00\x9d\x01\x2a", b"\x11\x02\x00"


@pytest.mark.parametrize(
    "descriptor",
    [
        b"\x10",
        b"\x90\x80\x55",
        b"\x90\x80\x80\x55",
        b"\x90\xc0\x80\x55\x07",
        b"\x90\xe0\x80\x55\x07\x40",
        b"\x90\x20\x40",
        b"\x90\x00",
    ],
)
def test_a_key_frame_is_told_from_another(descriptor: bytes) -> None:
    assert begins_key_frame(descriptor + KEY)
    assert not begins_key_frame(descriptor + DELTA)


@pytest.mark.parametrize("payload", [b"", b"\x00" + KEY, b"\x11" + KEY, b"\x10", b"\x90\x80\x80", b"\x90\xe0"])
def test_what_is_no_first_packet_or_too_short_begins_nothing(payload: bytes) -> None:
    assert not begins_key_frame(payload)
