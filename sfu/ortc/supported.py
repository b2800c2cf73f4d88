"""Which codecs and header extensions a router can route at all: those of mediasoup 3.27.1.

Payload types of RFC 3551 are fixed, the others are given out when a router's capabilities are made.
"""

from typing import Final

from shared.rtp_parameters import (
    CodecParameters,
    MediaKind,
    RtcpFeedback,
    RtpCodecCapability,
    RtpHeaderExtension,
    uris,
)

_NACK: Final = RtcpFeedback("nack")
_TRANSPORT_CC: Final = RtcpFeedback("transport-cc")
_VIDEO_FEEDBACK: Final = (
    _NACK,
    RtcpFeedback("nack", "pli"),
    RtcpFeedback("ccm", "fir"),
    RtcpFeedback("goog-remb"),
    _TRANSPORT_CC,
)


def _audio(
    name: str,
    clock_rate: int,
    *feedback: RtcpFeedback,
    payload_type: int | None = None,
    channels: int = 1,
    parameters: CodecParameters | None = None,
) -> RtpCodecCapability:
    return RtpCodecCapability(
        "audio", f"audio/{name}", clock_rate, payload_type, channels, parameters or {}, list(feedback)
    )


def _multiopus(channels: int, mapping: str, streams: int, coupled: int) -> RtpCodecCapability:
    parameters: CodecParameters = {
        "channel_mapping": mapping,
        "num_streams": streams,
        "coupled_streams": coupled,
    }
    return _audio("multiopus", 48000, _NACK, _TRANSPORT_CC, channels=channels, parameters=parameters)


def _video(name: str, parameters: CodecParameters | None = None) -> RtpCodecCapability:
    return RtpCodecCapability(
        "video", f"video/{name}", 90000, parameters=parameters or {}, rtcp_feedback=list(_VIDEO_FEEDBACK)
    )


SUPPORTED_CODECS: Final = (
    _audio("opus", 48000, _NACK, _TRANSPORT_CC, channels=2),
    _multiopus(4, "0,1,2,3", 2, 2),
    _multiopus(6, "0,4,1,2,3,5", 4, 2),
    _multiopus(8, "0,6,1,2,3,4,5,7", 5, 3),
    _audio("PCMU", 8000, _TRANSPORT_CC, payload_type=0),
    _audio("PCMA", 8000, _TRANSPORT_CC, payload_type=8),
    _audio("ISAC", 32000, _TRANSPORT_CC),
    _audio("ISAC", 16000, _TRANSPORT_CC),
    _audio("G722", 8000, _TRANSPORT_CC, payload_type=9),
    _audio("iLBC", 8000, _TRANSPORT_CC),
    *(_audio("SILK", clock_rate, _TRANSPORT_CC) for clock_rate in (24000, 16000, 12000, 8000)),
    *(_audio("CN", clock_rate, payload_type=13) for clock_rate in (32000, 16000, 8000)),
    *(_audio("telephone-event", clock_rate) for clock_rate in (48000, 32000, 16000, 8000)),
    _video("VP8"),
    _video("VP9"),
    _video("H264", {"level-asymmetry-allowed": 1}),
    _video("AV1"),
)

_BOTH: Final[tuple[MediaKind, ...]] = ("audio", "video")
_AUDIO: Final[tuple[MediaKind, ...]] = ("audio",)
_VIDEO: Final[tuple[MediaKind, ...]] = ("video",)


def _extension(
    preferred_id: int, uri: str, kinds: tuple[MediaKind, ...], direction: str = "sendrecv"
) -> list[RtpHeaderExtension]:
    return [RtpHeaderExtension(kind, uri, preferred_id, direction=direction) for kind in kinds]


SUPPORTED_HEADER_EXTENSIONS: Final = (
    *_extension(1, uris.MID, _BOTH),
    *_extension(2, uris.RTP_STREAM_ID, _VIDEO, "recvonly"),
    *_extension(3, uris.REPAIRED_RTP_STREAM_ID, _VIDEO, "recvonly"),
    *_extension(4, uris.ABS_SEND_TIME, _BOTH),
    # Audio publishers are asked for it, audio consumers are sent none.
    *_extension(5, uris.TRANSPORT_WIDE_CC, _AUDIO, "recvonly"),
    *_extension(5, uris.TRANSPORT_WIDE_CC, _VIDEO),
    *_extension(6, uris.SSRC_AUDIO_LEVEL, _AUDIO),
    *_extension(7, uris.DEPENDENCY_DESCRIPTOR, _VIDEO, "recvonly"),
    *_extension(8, uris.VIDEO_ORIENTATION, _VIDEO),
    *_extension(9, uris.TOFFSET, _VIDEO),
    *_extension(10, uris.ABS_CAPTURE_TIME, _BOTH),
    *_extension(11, uris.PLAYOUT_DELAY, _BOTH),
    *_extension(12, uris.MEDIASOUP_PACKET_ID, _BOTH),
)
