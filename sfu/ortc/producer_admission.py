"""What a media worker must be able to rely on before a producer is made, and of which type the producer is.

The refusals are those of mediasoup's worker, and one more: a producer's codecs are of its kind.
"""

from collections.abc import Iterator
from typing import Final, Literal

from sfu.ortc.codec_matching import is_rtx
from sfu.ortc.errors import InvalidParametersError
from sfu.ortc.scalability_mode import parse_scalability_mode
from sfu.ortc.supported import SUPPORTED_HEADER_EXTENSIONS
from shared.rtp_parameters import MediaKind, RtpCodecParameters, RtpEncodingParameters, RtpParameters

ProducerType = Literal["simple", "simulcast", "svc"]
"""One stream without layers; several streams, one a spatial layer; one stream that holds layers."""

_SUPPORTED_URIS: Final = frozenset(extension.uri for extension in SUPPORTED_HEADER_EXTENSIONS)
_COMPLEMENTARY_CODECS: Final = frozenset(("audio/cn", "audio/telephone-event"))
"""Comfort noise and key tones accompany a media codec and are none."""
_CODECS_OF_TYPE: Final = {
    "simulcast": frozenset(("video/vp8", "video/h264")),
    "svc": frozenset(("video/vp8", "video/vp9", "video/h264", "video/av1")),
}


def producer_type(params: RtpParameters) -> ProducerType:
    """Tell of which type a producer is: several encodings are simulcast, a single one with layers is SVC.

    `L1T3` counts as layers: temporal layers alone suffice.
    """
    if len(params.encodings) > 1:
        return "simulcast"
    modes = [parse_scalability_mode(encoding.scalability_mode) for encoding in params.encodings]
    layered = any(mode.spatial_layers > 1 or mode.temporal_layers > 1 for mode in modes)
    return "svc" if layered else "simple"


def check_producer(kind: MediaKind, params: RtpParameters) -> ProducerType:
    """Check parameters whose codecs the router has accepted and return the producer's type.

    Raises:
        InvalidParametersError: with the first thing that is wrong.
    """
    for fault in _faults(kind, params):
        raise InvalidParametersError(fault)
    return producer_type(params)


def _faults(kind: MediaKind, params: RtpParameters) -> Iterator[str]:
    yield from _codec_faults(kind, params.codecs)
    for extension in params.header_extensions:
        if extension.uri not in _SUPPORTED_URIS:
            yield f"header extension {extension.uri} is not supported"
    if not params.encodings:
        yield "there is no encoding"
    for encoding in params.encodings:
        yield from _encoding_faults(encoding, params)
    yield from _type_faults(params)


def _codec_faults(kind: MediaKind, codecs: list[RtpCodecParameters]) -> Iterator[str]:
    payload_types = [codec.payload_type for codec in codecs]
    if len(set(payload_types)) < len(payload_types):
        yield "a payload type is given twice"
    if not any(_is_media(codec) for codec in codecs):
        yield "there is no media codec"
    if not all(codec.mime_type.lower().startswith(f"{kind}/") for codec in codecs):
        yield f"a codec is not {kind}"


def _encoding_faults(encoding: RtpEncodingParameters, params: RtpParameters) -> Iterator[str]:
    alone = len(params.encodings) == 1
    if not alone and parse_scalability_mode(encoding.scalability_mode).spatial_layers > 1:
        yield "an encoding of several must not have spatial layers of its own"
    named = encoding.ssrc is not None or encoding.rid is not None
    if not named and not alone:
        yield "each of several encodings needs an ssrc or a rid"
    if not named and not params.mid:
        yield "an encoding without ssrc and rid needs a mid"
    if encoding.codec_payload_type and _codec_of(encoding, params) is None:
        yield f"codecPayloadType {encoding.codec_payload_type} names no media codec"


def _type_faults(params: RtpParameters) -> Iterator[str]:
    codec = _codec_of(params.encodings[0], params)
    kind_of_stream = producer_type(params)
    fitting = _CODECS_OF_TYPE.get(kind_of_stream)
    if fitting is not None and (codec is None or codec.mime_type.lower() not in fitting):
        yield f"the codec cannot be used for {kind_of_stream}"


def _codec_of(encoding: RtpEncodingParameters, params: RtpParameters) -> RtpCodecParameters | None:
    wanted = encoding.codec_payload_type
    return next(
        (codec for codec in params.codecs if _is_media(codec) and (not wanted or codec.payload_type == wanted)),
        None,
    )


def _is_media(codec: RtpCodecParameters) -> bool:
    return not is_rtx(codec) and codec.mime_type.lower() not in _COMPLEMENTARY_CODECS
