import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs.h264 import is_key_frame


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6588", True),  # IDR
        ("6742", True),  # SPS
        ("68ce", False),  # PPS
        ("419a", False),  # non-IDR slice
        ("09f0", False),  # access unit delimiter
        ("7c85", True),  # FU-A, start of an IDR
        ("7c05", False),  # FU-A, middle of an IDR
        ("7c45", False),  # FU-A, end of an IDR
        ("5c81", False),  # FU-A, start of a slice
        ("7c87", True),  # FU-A, start of an SPS
        ("7d85", True),  # FU-B, start of an IDR
        ("7c", False),
        ("78 0002 6742 0002 68ce", True),  # STAP-A: SPS, PPS
        ("78 0002 68ce 0002 6588", True),  # STAP-A: PPS, IDR
        ("78 0002 68ce 0002 06aa", False),  # STAP-A: PPS, SEI
        ("78 0000 0001 67", True),
        ("78 0000 0001", False),
        ("78 ffff 68", False),
        ("78 00", False),
        ("79 0001 0002 6742", True),  # STAP-B: SPS
        ("79 0001 0002 68ce", False),
        ("", False),
    ],
)
def test_key_frames(text: str, expected: bool) -> None:
    payload = bytes.fromhex(text)
    assert is_key_frame(payload) is expected
    assert is_key_frame(memoryview(payload)) is expected


@given(st.binary(max_size=40))
def test_garbage_never_raises(payload: bytes) -> None:
    assert is_key_frame(payload) in {True, False}
    assert is_key_frame(b"\x78" + payload) in {True, False}
