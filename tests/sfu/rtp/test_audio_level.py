import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.audio_level import dbov, loudness, read_loudness
from sfu.rtp.packet import ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, parse_rtp_header
from tests.support.rtp_packets import build_rtp


def read(extension: tuple[int, bytes] | None, extension_id: int = 1) -> int | None:
    packet = build_rtp(payload=b"\x78", extension=extension)
    return read_loudness(packet, parse_rtp_header(packet, len(packet)), extension_id)


@pytest.mark.parametrize(("octet", "expected"), [(0, 0), (0x80, 0), (30, -30), (0x80 | 30, -30), (0xFF, -127)])
def test_a_level_is_minus_dbov_whatever_the_voice_bit_says(octet: int, expected: int) -> None:
    assert dbov(loudness(octet)) == expected
    assert loudness(octet) == 127 + expected


def test_the_level_is_found_among_other_elements_in_both_forms() -> None:
    assert read((ONE_BYTE_PROFILE, bytes([0x42, 1, 2, 3, 0, 0x10, 0x80 | 40]))) == 87
    assert read((TWO_BYTE_PROFILE, bytes([4, 3, 1, 2, 3, 1, 1, 40]))) == 87
    assert read((TWO_BYTE_PROFILE, bytes([1, 2, 40, 0]))) == 87, "the form has room for padding (RFC 6464 3)"


@pytest.mark.parametrize(
    "extension",
    [
        None,
        (ONE_BYTE_PROFILE, bytes([0x20, 40])),
        (ONE_BYTE_PROFILE, b""),
        (ONE_BYTE_PROFILE, bytes([0xF0, 0x10, 40, 0])),
        (TWO_BYTE_PROFILE, bytes([1, 0])),
        (0x1234, bytes([0x10, 40])),
    ],
)
def test_where_no_level_is_none_is_read(extension: tuple[int, bytes] | None) -> None:
    assert read(extension) is None


@given(st.sampled_from([ONE_BYTE_PROFILE, TWO_BYTE_PROFILE]), st.binary(max_size=64), st.integers(1, 14))
def test_any_extension_is_read_or_left(profile: int, body: bytes, extension_id: int) -> None:
    level = read((profile, body), extension_id)
    assert level is None or 0 <= level <= 127
