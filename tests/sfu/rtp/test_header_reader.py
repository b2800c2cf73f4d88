"""Headers read by the shape of the packet before are what parsing them anew comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.header_reader import MAX_SHAPES, MAX_TELLING_BYTES, HeaderReader
from sfu.rtp.packet import ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, RtpHeader, find_extension, parse_rtp_header
from tests.support.rtp_packets import build_rtp

ELEMENTS = st.lists(
    st.tuples(st.integers(0, 15), st.binary(min_size=1, max_size=4), st.integers(0, 2)), max_size=5
).map(lambda found: b"".join(bytes([key << 4 | len(body) - 1]) + body + bytes(pad) for key, body, pad in found))
EXTENSIONS = st.one_of(
    st.none(),
    st.tuples(st.sampled_from([ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, 0x1234]), st.one_of(ELEMENTS, st.binary())),
)
PACKETS = st.builds(
    lambda extension, **fields: build_rtp(extension=extension, **fields),
    extension=EXTENSIONS,
    payload=st.binary(max_size=4),
    sequence_number=st.sampled_from([0, 127, 32767, 32768, 65534, 65535]),
    ssrc=st.sampled_from([1, 2]),
    marker=st.booleans(),
    padding=st.integers(0, 2),
    csrcs=st.lists(st.integers(0, 9), max_size=2),
)
LIKE_ONE = (ONE_BYTE_PROFILE, b"\x10\x90\x22abc\0\0")


def fields(header: RtpHeader) -> list[object]:
    return [getattr(header, name) for name in RtpHeader.__slots__ if name != "shape"]


@given(st.lists(PACKETS, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=12), st.data())
def test_reading_is_parsing(packets: list[bytes], order: list[int], data: st.DataObject) -> None:
    """The same packets by turns, now and then one that is cut short."""
    reader = HeaderReader()
    for index in order:
        packet = packets[index % len(packets)]
        length = data.draw(st.sampled_from([len(packet), max(0, len(packet) - 5)]))
        try:
            expected = parse_rtp_header(packet, length)
        except ValueError:
            with pytest.raises(ValueError, match="RTP"):
                reader.read(packet, length)
            continue
        header = reader.read(packet, length)
        assert fields(header) == fields(expected)
        for wanted in range(16):
            for size in range(1, 6):
                found = find_extension(packet, header, wanted, size)
                assert found == find_extension(packet, expected, wanted, size)


def test_packets_of_one_kind_share_their_shape() -> None:
    reader = HeaderReader()
    first, second = (build_rtp(extension=LIKE_ONE, sequence_number=n, payload=bytes(n)) for n in (1, 2))
    shape = reader.read(first, len(first)).shape
    assert shape is not None
    assert reader.read(second, len(second)).shape is shape
    other = build_rtp(extension=(ONE_BYTE_PROFILE, b"\x20\x90\x12abc\0\0"))
    assert reader.read(other, len(other)).shape not in {None, shape}
    assert reader.read(first, len(first)).shape not in {None, shape}


@pytest.mark.parametrize(
    "extension",
    [
        None,
        (TWO_BYTE_PROFILE, b"\1\2ab"),
        (ONE_BYTE_PROFILE, b"\x10\x90\xf0\1"),
        (ONE_BYTE_PROFILE, b"\x1fa\0\0"),
        (ONE_BYTE_PROFILE, bytes(MAX_TELLING_BYTES)),
    ],
    ids=["none", "two-byte", "stopped", "too long an element", "too many bytes to compare"],
)
def test_other_headers_have_no_shape(extension: tuple[int, bytes] | None) -> None:
    packet = build_rtp(extension=extension)
    assert HeaderReader().read(packet, len(packet)).shape is None


def test_shapes_are_remembered_for_so_many_streams() -> None:
    reader = HeaderReader()
    for ssrc in range(MAX_SHAPES + 1):
        packet = build_rtp(extension=LIKE_ONE, ssrc=ssrc)
        shape = reader.read(packet, len(packet)).shape
        assert (shape is None) is (ssrc == MAX_SHAPES)
