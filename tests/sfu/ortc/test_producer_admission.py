"""What a worker need not fear from a producer."""

from typing import Any

import pytest

from sfu.ortc import InvalidParametersError, check_producer, producer_type
from shared.rtp_parameters import RtpParameters, load_rtp_parameters, uris

VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}
VP9 = {"mimeType": "video/VP9", "payloadType": 98, "clockRate": 90000}
RTX = {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}}
OPUS = {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}
TONES = {"mimeType": "audio/telephone-event", "payloadType": 110, "clockRate": 48000}


def parameters(
    *codecs: dict[str, Any], encodings: list[dict[str, Any]] | None = None, **more: Any
) -> RtpParameters:
    return load_rtp_parameters(
        {"mid": "0", "codecs": list(codecs), "encodings": [{}] if encodings is None else encodings, **more}
    )


@pytest.mark.parametrize(
    ("encodings", "expected"),
    [
        ([{}], "simple"),
        ([{"scalabilityMode": "L1T1"}], "simple"),
        ([{"scalabilityMode": "L1T3"}], "svc"),
        ([{"scalabilityMode": "L3T1"}], "svc"),
        ([{"rid": "a"}, {"rid": "b"}], "simulcast"),
        ([{"rid": "a", "scalabilityMode": "L1T3"}, {"rid": "b"}], "simulcast"),
    ],
)
def test_types(encodings: list[dict[str, Any]], expected: str) -> None:
    params = parameters(VP8, encodings=encodings)
    assert producer_type(params) == expected
    assert check_producer("video", params) == expected


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("audio", parameters(OPUS)),
        ("audio", parameters(OPUS, TONES, mid=None, encodings=[{"ssrc": 1}])),
        ("video", parameters(VP8, RTX, VP9, encodings=[{"codecPayloadType": 98}])),
        ("video", parameters(VP9, encodings=[{"scalabilityMode": "L3T3"}])),
        ("video", parameters(VP8, mid=None, encodings=[{"rid": "a"}])),
        ("video", parameters(VP8, headerExtensions=[{"uri": uris.RTP_STREAM_ID, "id": 10}])),
        ("video", parameters(VP8, encodings=[{"codecPayloadType": 0}])),
    ],
)
def test_accepted(kind: Any, params: RtpParameters) -> None:
    assert check_producer(kind, params) == producer_type(params)


@pytest.mark.parametrize(
    ("kind", "params", "fault"),
    [
        ("video", parameters(), "no media codec"),
        ("video", parameters(RTX), "no media codec"),
        ("audio", parameters(TONES), "no media codec"),
        ("video", parameters(VP8, {**VP9, "payloadType": 96}), "twice"),
        ("audio", parameters(VP8), "not audio"),
        ("video", parameters(VP8, OPUS), "not video"),
        ("video", parameters(VP8, encodings=[]), "no encoding"),
        ("video", parameters(VP8, encodings=[{"rid": "a"}, {}]), "ssrc or a rid"),
        ("video", parameters(VP8, mid=None), "needs a mid"),
        ("video", parameters(VP8, encodings=[{"rid": "a", "scalabilityMode": "L2T1"}, {"rid": "b"}]), "spatial"),
        ("video", parameters(VP8, RTX, encodings=[{"codecPayloadType": 97}]), "97"),
        ("video", parameters(VP8, encodings=[{"codecPayloadType": 50}]), "50"),
        ("video", parameters(VP9, encodings=[{"rid": "a"}, {"rid": "b"}]), "simulcast"),
        ("audio", parameters(OPUS, encodings=[{"ssrc": 1}, {"ssrc": 2}]), "simulcast"),
        ("audio", parameters(OPUS, encodings=[{"scalabilityMode": "L1T3"}]), "svc"),
        ("video", parameters(VP8, headerExtensions=[{"uri": "urn:x", "id": 1}]), "urn:x"),
    ],
)
def test_refused(kind: Any, params: RtpParameters, fault: str) -> None:
    with pytest.raises(InvalidParametersError, match=fault):
        check_producer(kind, params)
