"""Payload types of a router."""

from dataclasses import replace

import pytest

from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    InvalidParametersError,
    UnsupportedError,
    generate_router_rtp_capabilities,
)
from sfu.ortc.supported import SUPPORTED_HEADER_EXTENSIONS
from shared.rtp_parameters import RtcpFeedback, RtpCodecCapability

OPUS = RtpCodecCapability("audio", "audio/opus", 48000, channels=2)
VP8 = RtpCodecCapability("video", "video/VP8", 90000)


def numbering(*media_codecs: RtpCodecCapability) -> list[tuple[str, int | None]]:
    codecs = generate_router_rtp_capabilities(media_codecs).codecs
    return [(codec.mime_type, codec.preferred_payload_type) for codec in codecs]


def test_payload_types_run_from_100_and_video_gets_retransmission() -> None:
    assert numbering(OPUS, VP8) == [("audio/opus", 100), ("video/VP8", 101), ("video/rtx", 102)]


def test_a_router_without_codecs() -> None:
    capabilities = generate_router_rtp_capabilities([])
    assert capabilities.codecs == []
    assert capabilities.header_extensions == list(SUPPORTED_HEADER_EXTENSIONS)


def test_a_wished_payload_type_is_kept_and_not_given_out_again() -> None:
    wished = replace(VP8, preferred_payload_type=100)
    assert numbering(wished, OPUS) == [("video/VP8", 100), ("video/rtx", 101), ("audio/opus", 102)]


def test_a_fixed_payload_type_is_kept() -> None:
    assert numbering(RtpCodecCapability("audio", "audio/pcmu", 8000, channels=1)) == [("audio/PCMU", 0)]


def test_supported_and_wished_parameters_are_merged() -> None:
    wished = RtpCodecCapability("video", "video/h264", 90000, parameters={"packetization-mode": 1})
    h264, rtx = generate_router_rtp_capabilities([wished]).codecs
    assert h264.mime_type == "video/H264"
    assert h264.parameters == {"level-asymmetry-allowed": 1, "packetization-mode": 1}
    assert RtcpFeedback("nack", "pli") in h264.rtcp_feedback
    assert rtx.parameters == {"apt": h264.preferred_payload_type}
    assert rtx.rtcp_feedback == []


def test_a_wished_parameter_prevails() -> None:
    wished = RtpCodecCapability("video", "video/H264", 90000, parameters={"level-asymmetry-allowed": 0})
    assert generate_router_rtp_capabilities([wished]).codecs[0].parameters == {"level-asymmetry-allowed": 0}


@pytest.mark.parametrize(
    "codec",
    [
        RtpCodecCapability("video", "video/H265", 90000),
        RtpCodecCapability("video", "video/VP8", 8000),
        RtpCodecCapability("audio", "audio/opus", 48000, channels=1),
        RtpCodecCapability("audio", "audio/multiopus", 48000, channels=6, parameters={"num_streams": 1}),
        RtpCodecCapability("video", "video/rtx", 90000),
    ],
)
def test_unsupported_codecs(codec: RtpCodecCapability) -> None:
    with pytest.raises(UnsupportedError):
        generate_router_rtp_capabilities([codec])


def test_a_payload_type_asked_for_twice() -> None:
    with pytest.raises(InvalidParametersError, match="101"):
        generate_router_rtp_capabilities([OPUS, VP8, replace(VP8, preferred_payload_type=101)])


def test_payload_types_run_out() -> None:
    assert len(numbering(*[VP8] * 16)) == 32
    with pytest.raises(InvalidParametersError, match="dynamic payload types"):
        generate_router_rtp_capabilities([VP8] * 17)


def test_our_default_codecs_can_be_routed() -> None:
    codecs = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS).codecs
    assert [codec.mime_type for codec in codecs if codec.parameters.get("apt") is None] == [
        "audio/opus",
        "video/VP8",
        "video/VP9",
        "video/VP9",
        "video/H264",
        "video/H264",
        "video/H264",
        "video/AV1",
    ]
