"""Packets rewritten by what was worked out for the one before are what rewriting each anew comes to."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.header_reader import HeaderReader
from sfu.rtp.packet import ONE_BYTE_PROFILE, parse_rtp_header
from sfu.worker.header_extensions import ExtensionMapper
from shared.rtp_parameters import RtpHeaderExtensionParameters, uris
from tests.support.rtp_packets import build_rtp

PUBLISHED = [
    RtpHeaderExtensionParameters(uri, number)
    for number, uri in enumerate(
        (uris.SSRC_AUDIO_LEVEL, uris.DEPENDENCY_DESCRIPTOR, uris.MID, uris.VIDEO_ORIENTATION), 1
    )
]
ROUTER_IDS = {each.uri: each.id + 5 for each in PUBLISHED} | {uris.ABS_SEND_TIME: 12}
SEND_TIME = b"\1\2\3"
ELEMENTS = st.lists(
    st.builds(
        lambda key, body, pad: bytes([key << 4 | len(body) - 1]) + body + bytes(pad),
        st.integers(1, 6),
        st.binary(min_size=1, max_size=4),
        st.integers(0, 1),
    ),
    max_size=4,
).map(b"".join)
PACKETS = st.builds(
    lambda body, payload, number: build_rtp(
        extension=(ONE_BYTE_PROFILE, body), payload=payload, sequence_number=number, marker=bool(number & 1)
    ),
    ELEMENTS,
    st.binary(max_size=3),
    st.sampled_from([0, 127, 32767, 32768, 65534, 65535]),
)


@given(st.lists(PACKETS, min_size=1, max_size=3), st.booleans())
def test_a_known_shape_is_rewritten_as_any_other(packets: list[bytes], is_video: bool) -> None:
    reader, mapper = HeaderReader(), ExtensionMapper(PUBLISHED, ROUTER_IDS, is_video=is_video)
    for packet in [each for each in packets for _ in range(2)]:
        fresh = ExtensionMapper(PUBLISHED, ROUTER_IDS, is_video=is_video)
        view = memoryview(packet)
        expected = fresh.map_packet(view, parse_rtp_header(view, len(view)), 100, SEND_TIME)
        assert mapper.map_packet(view, reader.read(view, len(view)), 100, SEND_TIME) == expected
        assert mapper.loudness == fresh.loudness
        assert mapper.descriptor == fresh.descriptor


def test_what_was_worked_out_for_one_producer_is_not_anothers() -> None:
    """A stream's SSRC can be another producer's later, with other ids."""
    reader = HeaderReader()
    packet = memoryview(build_rtp(extension=(ONE_BYTE_PROFILE, b"\x10\x90"), payload=b"x"))
    levels = [RtpHeaderExtensionParameters(uris.SSRC_AUDIO_LEVEL, 1)]
    orientations = [RtpHeaderExtensionParameters(uris.VIDEO_ORIENTATION, 1)]
    for published, first in ((levels, 0x60), (orientations, 0x90)):
        mapper = ExtensionMapper(published, ROUTER_IDS, is_video=False)
        data = mapper.map_packet(packet, reader.read(packet, len(packet)), 100, SEND_TIME)
        assert data[25] == first
