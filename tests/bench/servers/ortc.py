"""Tracks as mediasoup-shaped RTP parameters and back, for servers that negotiate in those."""

from collections.abc import Mapping
from typing import Any

from tests.bench.servers.base import Kind, Track
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

Json = dict[str, Any]
CAPABILITIES = receiver_capabilities("chromium")


def parameters_of(track: Track) -> Json:
    """Return what a Chromium that sends this track gives as `rtpParameters`."""
    encoding: Json = {"ssrc": track.ssrc}
    if track.rtx_ssrc is not None:
        encoding["rtx"] = {"ssrc": track.rtx_ssrc}
    sample = producer_parameters("chromium", track.kind)
    wanted = {track.payload_type, track.rtx_payload_type}
    return {
        "mid": track.mid,
        "codecs": [codec for codec in sample["codecs"] if codec["payloadType"] in wanted],
        "headerExtensions": [
            {"uri": uri, "id": number, "encrypt": False, "parameters": {}}
            for uri, number in track.extensions.items()
        ],
        "encodings": [encoding],
        "rtcp": {"cname": f"bench-{track.ssrc}", "reducedSize": True},
    }


def track_of(kind: Kind, parameters: Mapping[str, Any]) -> Track:
    """Read `rtpParameters` of one encoding, as a consumer gets them, as a track."""
    codec = parameters["codecs"][0]
    encoding = parameters["encodings"][0]
    rtx = encoding.get("rtx")
    rtx_codecs = [entry for entry in parameters["codecs"][1:] if entry["mimeType"].lower().endswith("/rtx")]
    has_rtx = bool(rtx and rtx_codecs)
    return Track(
        kind=kind,
        ssrc=encoding["ssrc"],
        payload_type=codec["payloadType"],
        mid=str(parameters.get("mid") or ""),
        clock_rate=codec["clockRate"],
        rtx_ssrc=rtx["ssrc"] if has_rtx else None,
        rtx_payload_type=rtx_codecs[0]["payloadType"] if has_rtx else None,
        extensions={entry["uri"]: entry["id"] for entry in parameters["headerExtensions"]},
        transport_cc=any(entry["type"] == "transport-cc" for entry in codec["rtcpFeedback"]),
    )
