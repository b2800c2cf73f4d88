"""A publisher's numbers and the router's."""

from typing import Any

import pytest

from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    InvalidParametersError,
    UnsupportedError,
    generate_router_rtp_capabilities,
    get_consumable_rtp_parameters,
    get_producer_rtp_parameters_mapping,
    settle_producer_codecs,
)
from shared.rtp_parameters import (
    RtpCodecMapping,
    RtpEncodingMapping,
    RtpEncodingParameters,
    RtpMapping,
    RtpParameters,
    load_rtp_parameters,
    uris,
)
from tests.support.rtp_samples import CLIENTS, producer_parameters

ROUTER = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)
VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}


def rtx(payload_type: int, apt: Any) -> dict[str, Any]:
    return {
        "mimeType": "video/rtx",
        "payloadType": payload_type,
        "clockRate": 90000,
        "parameters": {} if apt is None else {"apt": apt},
    }


def published(*codecs: dict[str, Any], **fields: Any) -> RtpParameters:
    return load_rtp_parameters({"codecs": list(codecs), **fields})


def mapping_of(params: RtpParameters) -> RtpMapping:
    return get_producer_rtp_parameters_mapping(params, ROUTER, ssrc=lambda: 1000)


def consumable_of(params: RtpParameters, kind: Any = "video") -> RtpParameters:
    return get_consumable_rtp_parameters(kind, settle_producer_codecs(params, ROUTER), ROUTER, mapping_of(params))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_clients_fit_our_routers(client: str, kind: str) -> None:
    params = load_rtp_parameters(producer_parameters(client, kind, mid="0", encodings=[{"ssrc": 1}]))
    payload_types = {codec.payload_type for codec in params.codecs}
    assert {entry.payload_type for entry in mapping_of(params).codecs} == payload_types


def test_media_codecs_are_mapped_before_their_retransmission() -> None:
    params = published(rtx(97, 96), VP8)
    assert mapping_of(params).codecs == [RtpCodecMapping(96, 101), RtpCodecMapping(97, 102)]


def test_encodings_get_consecutive_ssrcs() -> None:
    params = published(VP8, encodings=[{"rid": "low"}, {"ssrc": 7}, {}])
    assert mapping_of(params).encodings == [
        RtpEncodingMapping(1000, rid="low"),
        RtpEncodingMapping(1001, ssrc=7),
        RtpEncodingMapping(1002),
    ]


def test_ssrcs_are_random_unless_told_otherwise() -> None:
    params = published(VP8, encodings=[{}])
    drawn = {get_producer_rtp_parameters_mapping(params, ROUTER).encodings[0].mapped_ssrc for _ in range(20)}
    assert len(drawn) > 1
    assert all(100_000_000 <= ssrc < 1_000_000_000 for ssrc in drawn)


@pytest.mark.parametrize(
    "codec",
    [
        {"mimeType": "video/H265", "payloadType": 96, "clockRate": 90000},
        {"mimeType": "video/H264", "payloadType": 96, "clockRate": 90000},
        {"mimeType": "video/VP9", "payloadType": 96, "clockRate": 90000, "parameters": {"profile-id": 1}},
        {"mimeType": "audio/opus", "payloadType": 96, "clockRate": 48000},
    ],
)
def test_codecs_that_are_not_routed(codec: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="96"):
        mapping_of(published(codec))
    with pytest.raises(UnsupportedError, match="96"):
        settle_producer_codecs(published(codec), ROUTER)


@pytest.mark.parametrize(
    ("codecs", "refusal"),
    [
        ([VP8, rtx(97, None)], InvalidParametersError),
        ([VP8, rtx(97, 98)], InvalidParametersError),
        ([VP8, rtx(97, 97)], InvalidParametersError),
        ([VP8, rtx(97, 96), rtx(98, 97)], UnsupportedError),
        ([VP8, rtx(98, 97), rtx(97, 96)], InvalidParametersError),
    ],
)
def test_retransmission_of_what_is_not_there(codecs: list[dict[str, Any]], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        mapping_of(published(*codecs))


def test_retransmission_that_the_router_does_not_have() -> None:
    without_rtx = generate_router_rtp_capabilities([])
    without_rtx.codecs.extend(codec for codec in ROUTER.codecs if codec.mime_type != "video/rtx")
    with pytest.raises(UnsupportedError, match="without retransmission"):
        get_producer_rtp_parameters_mapping(published(VP8, rtx(97, 96)), without_rtx)


def test_consumable_codecs_are_the_routers_with_the_publishers_parameters() -> None:
    media, retransmission = consumable_of(published({**VP8, "parameters": {"x": 1}})).codecs
    assert (media.payload_type, media.mime_type, media.parameters) == (101, "video/VP8", {"x": 1})
    assert len(media.rtcp_feedback) == 5
    assert (retransmission.payload_type, retransmission.parameters) == (102, {"apt": 101})


def test_h264_is_consumed_at_the_settled_level() -> None:
    params = {"packetization-mode": 1, "profile-level-id": "42c034", "level-asymmetry-allowed": 0}
    codec = {"mimeType": "video/H264", "payloadType": 96, "clockRate": 90000, "parameters": params}
    media = consumable_of(published(codec)).codecs[0]
    assert media.parameters["profile-level-id"] == "42e01f"


def test_consumable_extensions_are_those_that_a_router_sends_for_the_kind() -> None:
    video = [extension.uri for extension in consumable_of(published(VP8)).header_extensions]
    assert uris.MID in video
    assert uris.TRANSPORT_WIDE_CC in video
    assert uris.RTP_STREAM_ID not in video
    assert uris.SSRC_AUDIO_LEVEL not in video
    opus = {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}
    audio = [extension.uri for extension in consumable_of(published(opus), "audio").header_extensions]
    assert uris.SSRC_AUDIO_LEVEL in audio
    assert uris.TRANSPORT_WIDE_CC not in audio


@pytest.mark.parametrize("sent", [True, False])
def test_capture_times_are_announced_only_if_the_publisher_sends_them(sent: bool) -> None:
    extensions = [{"uri": uris.ABS_CAPTURE_TIME, "id": 3}] if sent else []
    consumable = consumable_of(published(VP8, headerExtensions=extensions))
    assert [
        extension.id for extension in consumable.header_extensions if extension.uri == uris.ABS_CAPTURE_TIME
    ] == ([10] if sent else [])


def test_consumable_encodings_keep_what_concerns_consumers() -> None:
    wire = {"rid": "r0", "codecPayloadType": 96, "rtx": {"ssrc": 5}, "scalabilityMode": "L1T3", "maxBitrate": 9}
    consumable = consumable_of(
        published(VP8, encodings=[wire], rtcp={"cname": "name"}, msid="stream track", mid="0")
    )
    assert consumable.encodings == [
        RtpEncodingParameters(ssrc=1000, dtx=False, scalability_mode="L1T3", max_bitrate=9)
    ]
    assert (consumable.rtcp.cname, consumable.msid, consumable.mid) == ("name", "stream track", None)


@pytest.mark.parametrize(
    "mapping",
    [
        RtpMapping([], [RtpEncodingMapping(1)]),
        RtpMapping([RtpCodecMapping(96, 50)], [RtpEncodingMapping(1)]),
        RtpMapping([RtpCodecMapping(96, 101)], []),
    ],
)
def test_a_mapping_of_something_else(mapping: RtpMapping) -> None:
    with pytest.raises(InvalidParametersError):
        get_consumable_rtp_parameters("video", published(VP8, encodings=[{}]), ROUTER, mapping)
