from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs.av1 import is_key_frame


def test_a_new_coded_video_sequence_is_a_key_frame() -> None:
    assert is_key_frame(b"\x08\x0a")
    assert is_key_frame(memoryview(b"\x58\x0a\x0b"))
    assert not is_key_frame(b"\x00\x0a")
    assert not is_key_frame(b"\x88\x0a"), "the rest of an OBU begins nothing"
    assert not is_key_frame(b"\x08")
    assert not is_key_frame(b"")


@given(st.binary(max_size=4))
def test_any_bytes_are_one_or_the_other(payload: bytes) -> None:
    assert is_key_frame(payload) is (len(payload) > 1 and payload[0] & 0x88 == 0x08)
