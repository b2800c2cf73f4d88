"""From what a producer offers to what one receiver gets."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sfu.ortc.codec_matching import apt, find_codec, is_rtx
from sfu.ortc.errors import UnsupportedError
from sfu.ortc.random_ssrc import SsrcSource, random_ssrc
from sfu.ortc.scalability_mode import parse_scalability_mode
from shared.rtp_parameters import (
    RtcpFeedback,
    RtpCapabilities,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtpRtxParameters,
    uris,
)

_TRANSPORT_CC: Final = "transport-cc"
_REMB: Final = "goog-remb"


def can_consume(consumable: RtpParameters, caps: RtpCapabilities) -> bool:
    """Tell whether a receiver of these capabilities can decode a producer."""
    common = [codec for codec in consumable.codecs if find_codec(codec, caps.codecs) is not None]
    return bool(common) and not is_rtx(common[0])


def get_consumer_rtp_parameters(
    consumable: RtpParameters,
    caps: RtpCapabilities,
    *,
    pipe: bool = False,
    enable_rtx: bool = True,
    ssrc: SsrcSource = random_ssrc,
) -> RtpParameters:
    """Make the parameters of one consumer; the caller adds the MID.

    Args:
        consumable: what the producer offers, from `get_consumable_rtp_parameters`.
        caps: the receiver's.
        pipe: keep the producer's encodings and all its layers, instead of one stream that switches among them.
        enable_rtx: let lost packets be asked for and retransmitted.
        ssrc: where SSRCs come from; drawn once, with `pipe` once more for retransmissions.

    Raises:
        UnsupportedError: the receiver can decode none of the producer's codecs.
    """
    codecs = _common_codecs(consumable, caps, enable_rtx=enable_rtx)
    if not codecs or is_rtx(codecs[0]):
        raise UnsupportedError("the receiver has none of the producer's codecs")
    extensions = _common_extensions(consumable, caps)
    has_rtx = any(is_rtx(codec) for codec in codecs)
    make_encodings = _piped_encodings if pipe else _single_encoding
    return RtpParameters(
        [_with_feedback(codec, _bandwidth_feedback(extensions)) for codec in codecs],
        header_extensions=extensions,
        encodings=list(make_encodings(consumable.encodings, has_rtx, ssrc)),
        rtcp=consumable.rtcp,
        msid=consumable.msid,
    )


def _common_codecs(
    consumable: RtpParameters, caps: RtpCapabilities, *, enable_rtx: bool
) -> list[RtpCodecParameters]:
    def keeps(feedback: RtcpFeedback) -> bool:
        return enable_rtx or feedback.type != "nack" or bool(feedback.parameter)

    common: list[RtpCodecParameters] = []
    for codec in consumable.codecs:
        theirs = None if is_rtx(codec) and not enable_rtx else find_codec(codec, caps.codecs)
        if theirs is not None:
            common.append(_with_feedback(replace(codec, rtcp_feedback=theirs.rtcp_feedback), keeps))
    payload_types = {codec.payload_type for codec in common}
    return [codec for codec in common if not is_rtx(codec) or apt(codec) in payload_types]


def _common_extensions(consumable: RtpParameters, caps: RtpCapabilities) -> list[RtpHeaderExtensionParameters]:
    # Never by kind: clients name an extension that audio and video share under one kind only.
    theirs = {(extension.preferred_id, extension.uri) for extension in caps.header_extensions}
    return [extension for extension in consumable.header_extensions if (extension.id, extension.uri) in theirs]


def _with_feedback(codec: RtpCodecParameters, keeps: Callable[[RtcpFeedback], bool]) -> RtpCodecParameters:
    return replace(codec, rtcp_feedback=[feedback for feedback in codec.rtcp_feedback if keeps(feedback)])


def _bandwidth_feedback(extensions: list[RtpHeaderExtensionParameters]) -> Callable[[RtcpFeedback], bool]:
    """Keep one way to report bandwidth: transport-wide feedback if its extension is there, else REMB or none."""
    names = {extension.uri for extension in extensions}
    dropped = {_TRANSPORT_CC, _REMB}
    if uris.TRANSPORT_WIDE_CC in names:
        dropped.remove(_TRANSPORT_CC)
    elif uris.ABS_SEND_TIME in names:
        dropped.remove(_REMB)
    return lambda feedback: feedback.type not in dropped


def _single_encoding(
    encodings: list[RtpEncodingParameters], has_rtx: bool, ssrc: SsrcSource
) -> Iterator[RtpEncodingParameters]:
    first = ssrc()
    yield RtpEncodingParameters(
        first,
        rtx=RtpRtxParameters(first + 1) if has_rtx else None,
        scalability_mode=_layers(encodings),
        max_bitrate=max((encoding.max_bitrate or 0 for encoding in encodings), default=0) or None,
    )


def _layers(encodings: list[RtpEncodingParameters]) -> str | None:
    """Say what layers the one stream of a consumer carries; simulcast encodings become its spatial layers."""
    mode = next((encoding.scalability_mode for encoding in encodings if encoding.scalability_mode), None)
    if len(encodings) > 1:
        return f"L{len(encodings)}T{parse_scalability_mode(mode).temporal_layers}"
    return mode


def _piped_encodings(
    encodings: list[RtpEncodingParameters], has_rtx: bool, ssrc: SsrcSource
) -> Iterator[RtpEncodingParameters]:
    first, first_rtx = ssrc(), ssrc()
    for offset, encoding in enumerate(encodings):
        rtx = RtpRtxParameters(first_rtx + offset) if has_rtx else None
        yield replace(encoding, ssrc=first + offset, rtx=rtx)
