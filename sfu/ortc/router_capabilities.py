"""What a router routes: payload types and header extension ids that hold for everybody in it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sfu.ortc.codec_matching import is_same_format, routed_payload_type
from sfu.ortc.errors import InvalidParametersError, UnsupportedError
from sfu.ortc.supported import SUPPORTED_CODECS, SUPPORTED_HEADER_EXTENSIONS
from shared.rtp_parameters import RtpCapabilities, RtpCodecCapability

DYNAMIC_PAYLOAD_TYPES: Final = (*range(100, 128), *range(96, 100))
"""The dynamic range of RFC 3551 section 6, as mediasoup walks it: browsers' own favourites, 96 to 99, last."""


def generate_router_rtp_capabilities(media_codecs: Iterable[RtpCodecCapability]) -> RtpCapabilities:
    """Make a router's capabilities of the codecs it shall route; every video codec gets a retransmission codec.

    Raises:
        UnsupportedError: a codec is none that we can route.
        InvalidParametersError: a payload type is asked for twice, or there are more codecs than payload types.
    """
    free = list(DYNAMIC_PAYLOAD_TYPES)
    codecs: list[RtpCodecCapability] = []
    for wanted in media_codecs:
        codec = _with_payload_type(_supported(wanted), wanted, free)
        if any(other.preferred_payload_type == codec.preferred_payload_type for other in codecs):
            raise InvalidParametersError(f"payload type {codec.preferred_payload_type} is asked for twice")
        codecs.append(replace(codec, parameters={**codec.parameters, **wanted.parameters}))
        if codec.kind == "video":
            codecs.append(_rtx_of(codec, free))
    return RtpCapabilities(codecs, list(SUPPORTED_HEADER_EXTENSIONS))


def _supported(wanted: RtpCodecCapability) -> RtpCodecCapability:
    for codec in SUPPORTED_CODECS:
        if is_same_format(wanted, codec):
            return codec
    raise UnsupportedError(f"there is no codec {wanted.mime_type} of {wanted.clock_rate} Hz to route")


def _with_payload_type(
    codec: RtpCodecCapability, wanted: RtpCodecCapability, free: list[int]
) -> RtpCodecCapability:
    if wanted.preferred_payload_type is not None:
        if wanted.preferred_payload_type in free:
            free.remove(wanted.preferred_payload_type)
        return replace(codec, preferred_payload_type=wanted.preferred_payload_type)
    if codec.preferred_payload_type is not None:
        return codec
    return replace(codec, preferred_payload_type=_take(free))


def _rtx_of(codec: RtpCodecCapability, free: list[int]) -> RtpCodecCapability:
    return RtpCodecCapability(
        codec.kind,
        f"{codec.kind}/rtx",
        codec.clock_rate,
        preferred_payload_type=_take(free),
        parameters={"apt": routed_payload_type(codec)},
    )


def _take(free: list[int]) -> int:
    if not free:
        raise InvalidParametersError("there are more codecs than dynamic payload types")
    return free.pop(0)
