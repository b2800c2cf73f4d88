"""The streams that the load's publishers send, with the payload types and extension ids of Chromium."""

from tests.bench.servers.base import AUDIO_LEVEL, MID, TRANSPORT_CC, Kind, Track
from tests.support.rtp_samples import producer_parameters

SENT_EXTENSIONS = {
    "video": (MID, TRANSPORT_CC, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    "audio": (MID, AUDIO_LEVEL),
}
"""What the load can write of what Chromium offers."""


def sent_track(kind: Kind, number: int, mid: str, bitrate_bps: int) -> Track:
    """Return a track for a publisher; `number` has to differ from track to track of a run."""
    parameters = producer_parameters("chromium", kind)
    codec = parameters["codecs"][0]
    has_rtx = kind == "video"
    ssrc = 10_000 + number * 2
    return Track(
        kind=kind,
        ssrc=ssrc,
        payload_type=codec["payloadType"],
        mid=mid,
        clock_rate=codec["clockRate"],
        bitrate_bps=bitrate_bps,
        rtx_ssrc=ssrc + 1 if has_rtx else None,
        rtx_payload_type=parameters["codecs"][1]["payloadType"] if has_rtx else None,
        extensions={
            entry["uri"]: entry["id"]
            for entry in parameters["headerExtensions"]
            if entry["uri"] in SENT_EXTENSIONS[kind]
        },
        transport_cc=kind == "video",
    )
