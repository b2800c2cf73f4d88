"""RTP objects on the wire: what is read, what is overlooked, what is refused, and that writing gives it back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.rtp_parameters import (
    RtcpFeedback,
    RtcpParameters,
    RtpCodecMapping,
    RtpCodecParameters,
    RtpEncodingMapping,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpMapping,
    RtpParameters,
    RtpRtxParameters,
    dump_rtp_capabilities,
    dump_rtp_codec_capability,
    dump_rtp_mapping,
    dump_rtp_parameters,
    load_rtp_capabilities,
    load_rtp_codec_capability,
    load_rtp_mapping,
    load_rtp_parameters,
    schemas,
    uris,
)
from shared.wire_schema import MAX_TEXT_BYTES
from tests.support.rtp_samples import CLIENTS, native_capabilities, producer_parameters, receiver_capabilities

OPUS = {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000}
OPUS_CAPABILITY = {"mimeType": "audio/opus", "clockRate": 48000}


def parameters(**fields: Any) -> dict[str, Any]:
    return {"codecs": [OPUS], **fields}


def codec(**fields: Any) -> RtpCodecParameters:
    return load_rtp_parameters(parameters(codecs=[{**OPUS, **fields}])).codecs[0]


def encoding(**fields: Any) -> RtpEncodingParameters:
    return load_rtp_parameters(parameters(encodings=[fields])).encodings[0]


FULL_WIRE = {
    "mid": "0",
    "codecs": [
        {
            "mimeType": "video/VP8",
            "payloadType": 96,
            "clockRate": 90000,
            "parameters": {"x-google-start-bitrate": 1000, "text": "a", "fraction": 1.5},
            "rtcpFeedback": [{"type": "nack", "parameter": "pli"}, {"type": "transport-cc", "parameter": ""}],
        }
    ],
    "headerExtensions": [{"uri": uris.MID, "id": 4, "encrypt": False, "parameters": {}}],
    "encodings": [
        {
            "ssrc": 2**32 - 1,
            "rid": "r0",
            "codecPayloadType": 96,
            "rtx": {"ssrc": 5},
            "dtx": True,
            "scalabilityMode": "L1T3",
            "maxBitrate": 900000,
        }
    ],
    "rtcp": {"cname": "name", "reducedSize": True},
    "msid": "stream track",
}
FULL = RtpParameters(
    codecs=[
        RtpCodecParameters(
            "video/VP8",
            96,
            90000,
            parameters={"x-google-start-bitrate": 1000, "text": "a", "fraction": 1.5},
            rtcp_feedback=[RtcpFeedback("nack", "pli"), RtcpFeedback("transport-cc")],
        )
    ],
    mid="0",
    header_extensions=[RtpHeaderExtensionParameters(uris.MID, 4)],
    encodings=[
        RtpEncodingParameters(
            ssrc=2**32 - 1,
            rid="r0",
            codec_payload_type=96,
            rtx=RtpRtxParameters(5),
            dtx=True,
            scalability_mode="L1T3",
            max_bitrate=900000,
        )
    ],
    rtcp=RtcpParameters("name"),
    msid="stream track",
)


def test_full_parameters_are_read_and_written() -> None:
    assert load_rtp_parameters(FULL_WIRE) == FULL
    assert dump_rtp_parameters(FULL) == FULL_WIRE


def test_absent_fields_are_left_out() -> None:
    bare = RtpParameters([RtpCodecParameters("video/VP8", 96, 90000)], encodings=[RtpEncodingParameters(ssrc=7)])
    assert dump_rtp_parameters(bare) == {
        "codecs": [
            {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {}, "rtcpFeedback": []}
        ],
        "headerExtensions": [],
        "encodings": [{"ssrc": 7}],
        "rtcp": {"reducedSize": True},
    }


def test_defaults() -> None:
    loaded = load_rtp_parameters({"codecs": [OPUS], "encodings": [{}]})
    assert loaded == RtpParameters(
        [RtpCodecParameters("audio/opus", 111, 48000, channels=1)], encodings=[RtpEncodingParameters(dtx=False)]
    )
    assert load_rtp_capabilities({}).codecs == []
    assert load_rtp_capabilities({}).header_extensions == []


@pytest.mark.parametrize("client", CLIENTS)
def test_what_clients_send_survives_a_round_trip(client: str) -> None:
    for wire in (native_capabilities(client), receiver_capabilities(client)):
        capabilities = load_rtp_capabilities(wire)
        assert len(capabilities.codecs) == len(wire["codecs"])
        assert load_rtp_capabilities(dump_rtp_capabilities(capabilities)) == capabilities
    for kind in ("audio", "video"):
        loaded = load_rtp_parameters(producer_parameters(client, kind, mid="0", encodings=[{"ssrc": 1}]))
        assert load_rtp_parameters(dump_rtp_parameters(loaded)) == loaded


def test_mapping_round_trip() -> None:
    mapping = RtpMapping(
        [RtpCodecMapping(96, 101)], [RtpEncodingMapping(5, ssrc=1), RtpEncodingMapping(6, rid="r1")]
    )
    wire = dump_rtp_mapping(mapping)
    assert wire == {
        "codecs": [{"payloadType": 96, "mappedPayloadType": 101}],
        "encodings": [{"mappedSsrc": 5, "ssrc": 1}, {"mappedSsrc": 6, "rid": "r1"}],
    }
    assert load_rtp_mapping(wire) == mapping


def test_codec_capability_round_trip() -> None:
    wire = {**OPUS_CAPABILITY, "preferredPayloadType": 100, "channels": 2, "parameters": {"useinbandfec": 1}}
    loaded = load_rtp_codec_capability(wire)
    assert dump_rtp_codec_capability(loaded) == {**wire, "kind": "audio", "rtcpFeedback": []}


@pytest.mark.parametrize("nothing", [None, "", False, 0])
def test_what_is_false_to_javascript_is_absent(nothing: Any) -> None:
    wire = parameters(mid=nothing, msid=nothing, headerExtensions=nothing, encodings=nothing, rtcp=nothing)
    assert load_rtp_parameters(wire) == load_rtp_parameters(parameters())
    assert encoding(rid=nothing, rtx=nothing, dtx=nothing, scalabilityMode=nothing) == encoding()
    assert load_rtp_parameters(parameters(rtcp={"cname": nothing})).rtcp == RtcpParameters()


def test_zero_is_a_number() -> None:
    assert encoding(ssrc=0).ssrc == 0
    assert codec(payloadType=0).payload_type == 0
    assert codec(channels=0).channels == 0
    assert codec(parameters={"profile-id": 0}).parameters == {"profile-id": 0}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("channels", "2"),
        ("channels", True),
        ("parameters", "a=1"),
        ("parameters", 5),
        ("rtcpFeedback", "nack"),
        ("rtcpFeedback", {}),
    ],
)
def test_fields_whose_wrong_types_are_overlooked(field: str, wrong: Any) -> None:
    assert codec(**{field: wrong}) == codec()


def test_reduced_size_stays_on() -> None:
    assert load_rtp_parameters(parameters(rtcp={"reducedSize": False})).rtcp.reduced_size is True


def test_unknown_fields_are_ignored() -> None:
    assert load_rtp_parameters(parameters(fecMechanisms=[], rtcp={"mux": True})) == load_rtp_parameters(
        parameters()
    )


def test_null_format_parameters_are_absent_and_whole_floats_are_integers() -> None:
    assert codec(parameters={"a": None, "b": 1.0, "c": ""}).parameters == {"b": 1, "c": ""}
    assert isinstance(codec(parameters={"b": 1.0}).parameters["b"], int)
    assert codec(payloadType=111.0).payload_type == 111


@pytest.mark.parametrize(
    ("mime_type", "kind", "channels"),
    [("audio/opus", "audio", 2), ("AUDIO/opus", "audio", 2), ("Video/VP8", "video", None)],
)
def test_kind_follows_the_media_type_and_only_audio_has_channels(
    mime_type: str, kind: str, channels: int | None
) -> None:
    loaded = load_rtp_codec_capability(
        {"mimeType": mime_type, "clockRate": 90000, "channels": 2, "kind": "nonsense"}
    )
    assert (loaded.kind, loaded.channels) == (kind, channels)


REFUSED_CODECS: list[tuple[str, Any]] = [
    ("mimeType", None),
    ("mimeType", 5),
    ("mimeType", "text/plain"),
    ("mimeType", "xaudio/opus"),
    ("mimeType", "audio/"),
    ("mimeType", "audio/\nopus"),
    ("mimeType", "video/" + "x" * MAX_TEXT_BYTES),
    ("payloadType", None),
    ("payloadType", "111"),
    ("payloadType", True),
    ("payloadType", -1),
    ("payloadType", 128),
    ("payloadType", 1.5),
    ("clockRate", None),
    ("clockRate", "48000"),
    ("clockRate", -1),
    ("clockRate", 2**32),
    ("channels", 256),
    ("parameters", []),
    ("parameters", {"a": True}),
    ("parameters", {"a": {}}),
    ("parameters", {"a": [1]}),
    ("parameters", {"a": float("nan")}),
    ("parameters", {"a": float("inf")}),
    ("parameters", {"a": 2**53}),
    ("parameters", {"a": "\ud800"}),
    ("parameters", {"apt": "96"}),
    ("parameters", {str(n): n for n in range(schemas.MAX_FORMAT_PARAMETERS + 1)}),
    ("rtcpFeedback", [{}]),
    ("rtcpFeedback", [None]),
    ("rtcpFeedback", [{"type": 5}]),
    ("rtcpFeedback", [{"type": "nack"}] * (schemas.MAX_RTCP_FEEDBACK + 1)),
]


@pytest.mark.parametrize(("field", "wrong"), REFUSED_CODECS)
def test_refused_codecs(field: str, wrong: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        codec(**{field: wrong})
    messages: Any = refusal.value.messages
    assert list(messages["codecs"][0]) == [field]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("ssrc", -1),
        ("ssrc", 2**32),
        ("ssrc", "1"),
        ("rid", 5),
        ("rid", "r" * (schemas.MAX_STREAM_ID_BYTES + 1)),
        ("rid", "é" * 128),
        ("codecPayloadType", 128),
        ("rtx", True),
        ("rtx", {}),
        ("rtx", {"ssrc": "1"}),
        ("scalabilityMode", 3),
        ("maxBitrate", -1),
        ("maxBitrate", "much"),
    ],
)
def test_refused_encodings(field: str, wrong: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        encoding(**{field: wrong})
    messages: Any = refusal.value.messages
    assert list(messages["encodings"][0]) == [field]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("mid", 5),
        ("mid", ["0"]),
        ("mid", "0" * (schemas.MAX_STREAM_ID_BYTES + 1)),
        ("codecs", None),
        ("codecs", {}),
        ("codecs", "opus"),
        ("codecs", [None]),
        ("codecs", [OPUS] * (schemas.MAX_CODECS + 1)),
        ("headerExtensions", {}),
        ("headerExtensions", [{"uri": uris.MID}]),
        ("headerExtensions", [{"uri": uris.MID, "id": 0}]),
        ("headerExtensions", [{"uri": uris.MID, "id": 256}]),
        ("headerExtensions", [{"uri": uris.MID, "id": 1, "encrypt": "yes"}]),
        ("headerExtensions", [{"id": 1}]),
        ("headerExtensions", [{"uri": uris.MID, "id": 1}] * (schemas.MAX_HEADER_EXTENSIONS + 1)),
        ("encodings", "all"),
        ("encodings", [{}] * (schemas.MAX_ENCODINGS + 1)),
        ("rtcp", "name"),
        ("rtcp", {"cname": 5}),
        ("rtcp", {"cname": "n" * (schemas.MAX_CNAME_BYTES + 1)}),
        ("msid", 5),
    ],
)
def test_refused_parameters(field: str, wrong: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        load_rtp_parameters(parameters(**{field: wrong}))
    messages: Any = refusal.value.messages
    assert list(messages) == [field]


EXTENSION = {"kind": "audio", "uri": uris.MID, "preferredId": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "text"},
        {"kind": None},
        {"uri": None},
        {"preferredId": "1"},
        {"preferredId": 0},
        {"preferredId": 256},
        {"preferredEncrypt": 1},
        {"direction": 5},
    ],
)
def test_refused_header_extensions_of_capabilities(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        load_rtp_capabilities({"headerExtensions": [{**EXTENSION, **wrong}]})
    messages: Any = refusal.value.messages
    assert list(messages["headerExtensions"][0]) == list(wrong)


def test_header_extension_of_capabilities_is_read() -> None:
    (loaded,) = load_rtp_capabilities(
        {"headerExtensions": [{**EXTENSION, "direction": "recvonly"}]}
    ).header_extensions
    assert loaded == RtpHeaderExtension("audio", uris.MID, 1, direction="recvonly")


@pytest.mark.parametrize("wrong", [None, [], "parameters", 5])
def test_what_is_no_object_is_refused(wrong: Any) -> None:
    for load in (load_rtp_parameters, load_rtp_capabilities, load_rtp_mapping, load_rtp_codec_capability):
        with pytest.raises(ValidationError):
            load(wrong)


NAMES = ("mid", "codecs", "mimeType", "payloadType", "clockRate", "parameters", "encodings", "ssrc", "rtcp", "apt")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("audio/opus"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_refused(wire: Any) -> None:
    try:
        loaded = load_rtp_parameters(wire)
    except ValidationError:
        return
    assert load_rtp_parameters(dump_rtp_parameters(loaded)) == loaded
