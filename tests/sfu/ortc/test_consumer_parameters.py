"""What one receiver gets of a producer."""

import itertools
from typing import Any

import pytest

from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    UnsupportedError,
    can_consume,
    generate_router_rtp_capabilities,
    get_consumer_rtp_parameters,
    negotiate_producer,
)
from shared.rtp_parameters import (
    RtcpFeedback,
    RtpCapabilities,
    RtpEncodingParameters,
    RtpParameters,
    RtpRtxParameters,
    load_rtp_capabilities,
    load_rtp_parameters,
    uris,
)
from tests.support.rtp_samples import CLIENTS, producer_parameters, receiver_capabilities

ROUTER = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)
NACK, PLI = RtcpFeedback("nack"), RtcpFeedback("nack", "pli")
REMB, TRANSPORT_CC = RtcpFeedback("goog-remb"), RtcpFeedback("transport-cc")


def produced(kind: Any = "video", client: str = "chromium", **fields: Any) -> RtpParameters:
    params = load_rtp_parameters(producer_parameters(client, kind, mid="0", **fields))
    return negotiate_producer(kind, params, ROUTER).consumable_rtp_parameters


def receiver(*without: str, client: str = "chromium") -> RtpCapabilities:
    wire = receiver_capabilities(client)
    wire["headerExtensions"] = [
        extension for extension in wire["headerExtensions"] if extension["uri"] not in without
    ]
    return load_rtp_capabilities(wire)


def consumed(consumable: RtpParameters, caps: RtpCapabilities | None = None, **options: Any) -> RtpParameters:
    counter = itertools.count(1000, 100)
    return get_consumer_rtp_parameters(consumable, caps or receiver(), ssrc=lambda: next(counter), **options)


def feedback_of(consumer: RtpParameters) -> list[RtcpFeedback]:
    return consumer.codecs[0].rtcp_feedback


@pytest.mark.parametrize("publisher", CLIENTS)
@pytest.mark.parametrize("watcher", CLIENTS)
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_every_client_can_consume_every_other(publisher: str, watcher: str, kind: str) -> None:
    consumable, caps = produced(kind, publisher), receiver(client=watcher)
    assert can_consume(consumable, caps) is True
    first = consumed(consumable, caps).codecs[0]
    assert first.payload_type == {"audio": 100, "video": 101}[kind]


@pytest.mark.parametrize("codecs", [[], ["audio/opus"], ["video/rtx"]])
def test_who_has_none_of_the_codecs_cannot_consume(codecs: list[str]) -> None:
    caps = RtpCapabilities([codec for codec in receiver().codecs if codec.mime_type in codecs])
    assert can_consume(produced(), caps) is False
    with pytest.raises(UnsupportedError):
        consumed(produced(), caps)


def test_codecs_are_those_that_both_have_with_their_retransmission() -> None:
    codecs = consumed(produced(client="firefox"), receiver(client="aiortc")).codecs
    assert [(codec.mime_type, codec.payload_type) for codec in codecs] == [
        ("video/VP8", 101),
        ("video/rtx", 102),
        ("video/H264", 107),
        ("video/rtx", 108),
    ]


def test_one_encoding_with_retransmission() -> None:
    consumer = consumed(produced())
    assert consumer.encodings == [RtpEncodingParameters(1000, rtx=RtpRtxParameters(1001))]
    assert NACK in feedback_of(consumer)


def test_without_retransmission_there_is_no_nack_but_pli() -> None:
    consumer = consumed(produced(), enable_rtx=False)
    assert consumer.encodings == [RtpEncodingParameters(1000)]
    assert all(codec.mime_type != "video/rtx" for codec in consumer.codecs)
    assert NACK not in feedback_of(consumer)
    assert PLI in feedback_of(consumer)


def test_extensions_are_matched_by_id_and_uri_and_never_by_kind() -> None:
    # Chromium's MID and abs-send-time stand under one kind, and audio needs them all the same.
    assert {ext.kind for ext in receiver().header_extensions if ext.uri == uris.MID} == {"video"}
    consumer = consumed(produced("audio"))
    assert {extension.uri: extension.id for extension in consumer.header_extensions}[uris.MID] == 1


def test_an_extension_under_another_id_does_not_count() -> None:
    caps = receiver_capabilities("chromium")
    caps["headerExtensions"] = [{"kind": "video", "uri": uris.MID, "preferredId": 9}]
    assert consumed(produced(), load_rtp_capabilities(caps)).header_extensions == []


@pytest.mark.parametrize(
    ("without", "kept", "dropped"),
    [
        ((), {TRANSPORT_CC}, {REMB}),
        ((uris.TRANSPORT_WIDE_CC,), {REMB}, {TRANSPORT_CC}),
        ((uris.TRANSPORT_WIDE_CC, uris.ABS_SEND_TIME), set(), {REMB, TRANSPORT_CC}),
    ],
)
def test_one_way_to_report_bandwidth(
    without: tuple[str, ...], kept: set[RtcpFeedback], dropped: set[RtcpFeedback]
) -> None:
    feedback = set(feedback_of(consumed(produced(), receiver(*without))))
    assert kept <= feedback
    assert not dropped & feedback


@pytest.mark.parametrize(
    ("encodings", "mode", "bitrate"),
    [
        ([{"rid": "a", "maxBitrate": 3}, {"rid": "b", "maxBitrate": 5}, {"rid": "c"}], "L3T1", 5),
        ([{"rid": "a"}, {"rid": "b", "scalabilityMode": "L1T3"}], "L2T3", None),
        ([{"ssrc": 1, "scalabilityMode": "L3T3_KEY"}], "L3T3_KEY", None),
        ([{"ssrc": 1}], None, None),
        ([], None, None),
    ],
)
def test_layers_and_bitrate_of_the_one_encoding(
    encodings: list[dict[str, Any]], mode: str | None, bitrate: int | None
) -> None:
    (encoding,) = consumed(produced(encodings=encodings)).encodings
    assert (encoding.scalability_mode, encoding.max_bitrate) == (mode, bitrate)


def test_a_pipe_keeps_all_encodings() -> None:
    encodings = [{"rid": "a", "maxBitrate": 3}, {"rid": "b", "scalabilityMode": "L1T3"}]
    consumer = consumed(produced(encodings=encodings), pipe=True)
    assert consumer.encodings == [
        RtpEncodingParameters(1000, rtx=RtpRtxParameters(1100), dtx=False, max_bitrate=3),
        RtpEncodingParameters(1001, rtx=RtpRtxParameters(1101), dtx=False, scalability_mode="L1T3"),
    ]


def test_cname_and_msid_are_the_producers_and_the_mid_is_left_to_the_caller() -> None:
    consumer = consumed(produced(rtcp={"cname": "name"}, msid="stream track"))
    assert (consumer.rtcp.cname, consumer.msid, consumer.mid) == ("name", "stream track", None)
