"""When are two codecs the same codec? Names and rates always count, format parameters in some codecs only."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from sfu.ortc import h264_profile
from shared.rtp_parameters import CodecParameters, ParameterValue, RtpCodecCapability, RtpCodecParameters

Codec = RtpCodecCapability | RtpCodecParameters

_MEDIA_TYPES_REMEMBERED = 256
"""Of what peers call their codecs; there are a dozen."""

_RTX: Final = re.compile(r"[^\n\r\u2028\u2029]/rtx\Z", re.IGNORECASE | re.ASCII)


def is_rtx(codec: Codec) -> bool:
    """Tell whether a codec is a retransmission format (RFC 4588), to which `apt` names the media codec."""
    return _names_rtx(codec.mime_type)


def apt(codec: Codec) -> ParameterValue | None:
    """Return the payload type that a retransmission codec repairs."""
    return codec.parameters.get("apt")


def routed_payload_type(codec: RtpCodecCapability) -> int:
    """Return the payload type that a router has given one of its codecs."""
    if codec.preferred_payload_type is None:
        raise AssertionError("a router's codec has a payload type")
    return codec.preferred_payload_type


def is_same_codec(one: Codec, other: Codec) -> bool:
    """Compare what a receiver needs to decode: type, rates, channels and the codec's decisive parameters."""
    if not is_same_format(one, other):
        return False
    decide = _DECISIVE.get(one.mime_type.lower())
    return decide is None or decide(one.parameters, other.parameters)


def is_same_format(one: Codec, other: Codec) -> bool:
    """Compare type, clock rate and channels, and in multi-channel Opus the streams."""
    return (
        one.clock_rate == other.clock_rate
        and one.channels == other.channels
        and one.mime_type.lower() == other.mime_type.lower()
        and (one.mime_type.lower() != "audio/multiopus" or _is_same_multiopus(one.parameters, other.parameters))
    )


def find_codec(wanted: Codec, codecs: Iterable[RtpCodecCapability]) -> RtpCodecCapability | None:
    """Return the first of the codecs that is the wanted one."""
    return next((codec for codec in codecs if is_same_codec(wanted, codec)), None)


def settle_level(codec: RtpCodecParameters, capability: RtpCodecCapability) -> RtpCodecParameters:
    """Give an H.264 codec the level that offer and answer settle; other codecs stay as they are."""
    if codec.mime_type.lower() != "video/h264":
        return codec
    level_id = h264_profile.answer_profile_level_id(codec.parameters, capability.parameters)
    parameters = {name: value for name, value in codec.parameters.items() if name != h264_profile.PROFILE_LEVEL_ID}
    if level_id is not None:
        parameters[h264_profile.PROFILE_LEVEL_ID] = level_id
    return replace(codec, parameters=parameters)


@lru_cache(_MEDIA_TYPES_REMEMBERED)
def _names_rtx(mime_type: str) -> bool:
    return _RTX.search(mime_type) is not None


def _is_same_multiopus(one: CodecParameters, other: CodecParameters) -> bool:
    return all(one.get(name) == other.get(name) for name in ("num_streams", "coupled_streams"))


def _is_same_h264(one: CodecParameters, other: CodecParameters) -> bool:
    mode = "packetization-mode"
    return (one.get(mode) or 0) == (other.get(mode) or 0) and h264_profile.is_same_profile(one, other)


def _is_same_vp9(one: CodecParameters, other: CodecParameters) -> bool:
    return (one.get("profile-id") or 0) == (other.get("profile-id") or 0)


_DECISIVE: Final[dict[str, Callable[[CodecParameters, CodecParameters], bool]]] = {
    "video/h264": _is_same_h264,
    "video/vp9": _is_same_vp9,
}
