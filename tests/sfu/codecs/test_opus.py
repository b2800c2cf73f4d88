import pytest

from sfu.codecs.opus import is_dtx


@pytest.mark.parametrize(
    ("payload", "expected"), [(b"", False), (b"\xf8", True), (b"\xf8\x00", True), (b"\xf8\xff\xfe", False)]
)
def test_dtx(payload: bytes, expected: bool) -> None:
    assert is_dtx(payload) is expected
