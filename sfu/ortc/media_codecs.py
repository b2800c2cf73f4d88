"""The codecs that our routers route unless told otherwise."""

from typing import Final

from shared.rtp_parameters import CodecParameters, RtpCodecCapability

_START_BITRATE: Final[CodecParameters] = {"x-google-start-bitrate": 1000}
"""In kbit/s: Chrome starts there and not at 300, so that a class sees a sharp picture from the first second."""


def _video(name: str, parameters: CodecParameters) -> RtpCodecCapability:
    return RtpCodecCapability("video", f"video/{name}", 90000, parameters={**parameters, **_START_BITRATE})


def _h264(profile_level_id: str) -> RtpCodecCapability:
    parameters: CodecParameters = {
        "packetization-mode": 1,
        "profile-level-id": profile_level_id,
        "level-asymmetry-allowed": 1,
    }
    return _video("H264", parameters)


DEFAULT_MEDIA_CODECS: Final = (
    RtpCodecCapability("audio", "audio/opus", 48000, channels=2),
    _video("VP8", {}),
    _video("VP9", {"profile-id": 0}),
    _video("VP9", {"profile-id": 2}),
    _h264("42e01f"),
    _h264("4d0032"),
    _h264("640032"),
    _video("AV1", {}),
)
"""In the order in which clients choose.

Everyone has Opus and VP8. VP9 comes in 8 and in 10 bits. Of H.264 everyone has constrained baseline; Main and High
are there because Chrome and Safari encode them in hardware. AV1 comes last: it is dear to encode, and who wants it
can ask for it; its layers are read from a header extension, the dependency descriptor.
"""
