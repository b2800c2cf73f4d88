import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.packet import ONE_BYTE_PROFILE, RtpHeader, find_extension, is_rtcp, iter_extensions, parse_rtp_header
from tests.support.rtp_packets import build_rtp


def parse(packet: bytes) -> RtpHeader:
    return parse_rtp_header(memoryview(packet), len(packet))


def elements(packet: bytes) -> list[tuple[int, bytes]]:
    return [(key, packet[at : at + size]) for key, at, size in iter_extensions(packet, parse(packet))]


def test_fixed_header_fields() -> None:
    packet = bytes.fromhex("80e0abcd0102030411223344") + b"payload"
    header = parse(packet)
    assert (header.marker, header.payload_type, header.sequence_number) == (True, 96, 0xABCD)
    assert (header.timestamp, header.ssrc, header.csrc_count) == (0x01020304, 0x11223344, 0)
    assert (header.extension_profile, header.extension_start, header.extension_end) == (0, 12, 12)
    assert (header.payload_start, header.payload_end, header.padding) == (12, 19, 0)
    assert "ssrc=287454020" in repr(header)


def test_every_optional_part_together() -> None:
    packet = bytes.fromhex("b20a000100000002000000030000000400000005bede0001100a0b00") + b"xy" + b"\0\0\3"
    header = parse(packet)
    assert header.csrc_count == 2
    assert (header.extension_profile, header.extension_start, header.extension_end) == (ONE_BYTE_PROFILE, 24, 28)
    assert packet[header.payload_start : header.payload_end] == b"xy"
    assert header.padding == 3


def test_only_length_bytes_of_a_larger_buffer_count() -> None:
    packet = build_rtp(payload=b"abc")
    header = parse_rtp_header(bytearray(packet + bytes(2000)), len(packet))
    assert header.payload_end == len(packet)


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (b"", "RTP packet of 0 bytes is shorter than its 12-byte header"),
        (build_rtp()[:11], "RTP packet of 11 bytes is shorter than its 12-byte header"),
        (b"\x40" + build_rtp()[1:], "RTP version is 1, not 2"),
        (b"\xc0" + build_rtp()[1:], "RTP version is 3, not 2"),
        (b"\x81" + build_rtp()[1:], "RTP list of contributing sources reaches to byte 16 of a packet of 12 bytes"),
        (b"\x90" + build_rtp()[1:], "RTP packet of 12 bytes ends before its header extension"),
        (b"\x90" + build_rtp()[1:] + b"\xbe\xde\0", "RTP packet of 15 bytes ends before its header extension"),
        (
            b"\x90" + build_rtp()[1:] + b"\xbe\xde\0\2" + bytes(7),
            "RTP header extension reaches to byte 24 of a packet of 23 bytes",
        ),
        (b"\xa0" + build_rtp()[1:] + b"\0", "RTP padding of 0 bytes does not fit the 1 bytes after the header"),
        (b"\xa0" + build_rtp()[1:] + b"\2", "RTP padding of 2 bytes does not fit the 1 bytes after the header"),
        (b"\xa0" + build_rtp()[1:], "RTP padding of 1 bytes does not fit the 0 bytes after the header"),
    ],
)
def test_malformed_packets_are_refused_with_a_sentence(packet: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        parse(packet)


def test_every_truncation_of_the_header_is_refused() -> None:
    packet = build_rtp(csrcs=(1, 2, 3), extension=(ONE_BYTE_PROFILE, b"\x12abc"), payload=b"p")
    for length in range(len(packet) - 1):
        with pytest.raises(ValueError, match="RTP"):
            parse(packet[:length])
    assert parse(packet).payload_start == len(packet) - 1


@given(
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    payload_type=st.integers(0, 127),
    sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)),
    padding=st.integers(0, 255),
)
def test_header_says_what_was_built(
    payload: bytes,
    marker: bool,
    payload_type: int,
    sequence_number: int,
    timestamp: int,
    ssrc: int,
    csrcs: tuple[int, ...],
    extension: tuple[int, bytes] | None,
    padding: int,
) -> None:
    packet = build_rtp(
        payload=payload,
        marker=marker,
        payload_type=payload_type,
        sequence_number=sequence_number,
        timestamp=timestamp,
        ssrc=ssrc,
        csrcs=csrcs,
        extension=extension,
        padding=padding,
    )
    header = parse(packet)
    assert (header.marker, header.payload_type, header.sequence_number) == (marker, payload_type, sequence_number)
    assert (header.timestamp, header.ssrc, header.csrc_count) == (timestamp, ssrc, len(csrcs))
    assert packet[header.payload_start : header.payload_end] == payload
    assert header.padding == padding
    if extension:
        assert header.extension_profile == extension[0]
        assert packet[header.extension_start : header.extension_end].startswith(extension[1])


@given(st.binary(max_size=80), st.integers(0, 255))
def test_garbage_raises_nothing_but_value_error(tail: bytes, second: int) -> None:
    for first in (0x80, 0x9F, 0xB0, 0xA0, 0x00):
        packet = bytes([first, second]) + tail
        try:
            header = parse(packet)
        except ValueError:
            continue
        assert 12 <= header.payload_start <= header.payload_end <= len(packet)
        for _, at, size in iter_extensions(packet, header):
            assert header.extension_start < at <= at + size <= header.extension_end


def test_one_byte_elements() -> None:
    body = b"\x12abc\0\x20z\0\0\xe0q"
    assert elements(build_rtp(extension=(0xBEDE, body))) == [(1, b"abc"), (2, b"z"), (14, b"q")]


def test_one_byte_id_15_ends_the_elements() -> None:
    assert elements(build_rtp(extension=(0xBEDE, b"\x10a\xf0b\x20c"))) == [(1, b"a")]


def test_one_byte_truncated_element_ends_the_elements() -> None:
    assert elements(build_rtp(extension=(0xBEDE, b"\x10a\x22b"))) == [(1, b"a")]


def test_two_byte_elements() -> None:
    body = b"\x01\x03abc\0\x14\0\xff\x11" + bytes(range(17))
    expected = [(1, b"abc"), (20, b""), (255, bytes(range(17)))]
    assert elements(build_rtp(extension=(0x1000, body))) == expected
    assert elements(build_rtp(extension=(0x100F, body))) == expected


def test_two_byte_truncated_element_ends_the_elements() -> None:
    assert elements(build_rtp(extension=(0x1000, b"\x01\x01a\x05"))) == [(1, b"a")]
    assert elements(build_rtp(extension=(0x1000, b"\x01\x01a\x05\x04bcd"))) == [(1, b"a")]


def test_other_profiles_have_no_elements() -> None:
    assert elements(build_rtp(extension=(0x1234, b"\x10ab"))) == []
    assert elements(build_rtp()) == []


@pytest.mark.parametrize(
    ("second", "expected"), [(191, False), (192, True), (200, True), (223, True), (224, False)]
)
def test_rtcp_is_told_by_its_second_byte(second: int, expected: bool) -> None:
    assert is_rtcp(0x80, second) is expected
    assert is_rtcp(0x00, second) is False


@given(
    st.sampled_from([ONE_BYTE_PROFILE, 0x1000, 0x1007, 0xABCD]),
    st.binary(max_size=40),
    st.integers(1, 255),
    st.integers(1, 16),
)
def test_an_element_is_found_where_the_list_has_it(profile: int, body: bytes, wanted: int, length: int) -> None:
    packet = build_rtp(extension=(profile, body), payload=bytes(40))
    listed = [at for key, at, size in iter_extensions(packet, parse(packet)) if (key, size) == (wanted, length)]
    assert find_extension(packet, parse(packet), wanted, length) == (listed[0] if listed else 0)


@pytest.mark.parametrize("profile", [ONE_BYTE_PROFILE, 0x1000])
def test_the_first_element_of_an_id_and_length_is_found(profile: int) -> None:
    def element(key: int, value: bytes) -> bytes:
        return bytes([key << 4 | len(value) - 1] if profile == ONE_BYTE_PROFILE else [key, len(value)]) + value

    body = element(3, b"abc") + bytes(2) + element(5, b"x") + element(5, b"yz") + element(5, b"12")
    packet = build_rtp(extension=(profile, body), payload=bytes(40))
    at = find_extension(packet, parse(packet), 5, 2)
    assert packet[at : at + 2] == b"yz"
    assert not find_extension(packet, parse(packet), 4, 2)
    assert not find_extension(build_rtp(payload=bytes(40)), parse(build_rtp(payload=bytes(40))), 5, 2)
