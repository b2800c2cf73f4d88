"""A producer's negotiation in one step."""

from typing import Any

import pytest

from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    InvalidParametersError,
    UnsupportedError,
    generate_router_rtp_capabilities,
    negotiate_producer,
)
from shared.rtp_parameters import RtpEncodingMapping, RtpEncodingParameters, load_rtp_parameters
from tests.support.rtp_samples import producer_parameters

ROUTER = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)


def negotiate(kind: Any = "video", cname: str | None = None, **fields: Any) -> Any:
    params = load_rtp_parameters(producer_parameters("chromium", kind, **{"mid": "0", **fields}))
    return negotiate_producer(kind, params, ROUTER, cname=cname, ssrc=lambda: 1000)


def test_chromiums_simulcast() -> None:
    negotiated = negotiate(
        encodings=[{"rid": f"r{n}", "scalabilityMode": "L1T3"} for n in range(3)], rtcp={"cname": ""}
    )
    assert negotiated.type == "simulcast"
    assert [entry.mapped_ssrc for entry in negotiated.rtp_mapping.encodings] == [1000, 1001, 1002]
    assert [encoding.ssrc for encoding in negotiated.consumable_rtp_parameters.encodings] == [1000, 1001, 1002]
    assert [encoding.rid for encoding in negotiated.rtp_parameters.encodings] == ["r0", "r1", "r2"]


def test_a_single_encoding_with_temporal_layers_is_svc() -> None:
    assert negotiate(encodings=[{"ssrc": 1, "scalabilityMode": "L1T3"}]).type == "svc"


def test_without_encodings_there_is_one_known_by_its_mid() -> None:
    negotiated = negotiate(encodings=None)
    assert negotiated.rtp_parameters.encodings == [RtpEncodingParameters()]
    assert negotiated.rtp_mapping.encodings == [RtpEncodingMapping(1000)]


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [(None, "theirs", "theirs"), ("earlier", "theirs", "earlier"), ("earlier", "", "earlier")],
)
def test_one_cname_for_a_publisher(known: str | None, given: str, expected: str) -> None:
    negotiated = negotiate(cname=known, rtcp={"cname": given})
    assert negotiated.rtp_parameters.rtcp.cname == expected
    assert negotiated.consumable_rtp_parameters.rtcp.cname == expected


@pytest.mark.parametrize("rtcp", [None, {}, {"cname": ""}, {"cname": None}])
def test_a_missing_cname_is_made(rtcp: Any) -> None:
    made = {negotiate(rtcp=rtcp).rtp_parameters.rtcp.cname for _ in range(3)}
    assert len(made) == 3
    assert all(len(cname) == 8 for cname in made)


def test_levels_are_settled_for_publisher_and_consumers_alike() -> None:
    h264 = {
        "mimeType": "video/H264",
        "payloadType": 96,
        "clockRate": 90000,
        "parameters": {"packetization-mode": 1, "profile-level-id": "42C034"},
    }
    negotiated = negotiate(codecs=[h264])
    for params in (negotiated.rtp_parameters, negotiated.consumable_rtp_parameters):
        assert params.codecs[0].parameters["profile-level-id"] == "42e01f"


def test_what_is_not_routed_is_refused_before_what_is_unsound() -> None:
    unknown = {"mimeType": "video/H265", "payloadType": 96, "clockRate": 90000}
    with pytest.raises(UnsupportedError):
        negotiate(codecs=[unknown, unknown])
    with pytest.raises(InvalidParametersError):
        negotiate("audio", codecs=producer_parameters("chromium", "video")["codecs"])
