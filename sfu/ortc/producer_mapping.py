"""From what a publisher sends to what its consumers may receive.

A router has one payload type for a codec and one id for a header extension, whoever publishes; each publisher's
own numbers are mapped to them when its packets arrive.
"""

from collections.abc import Iterator
from dataclasses import replace

from sfu.ortc.codec_matching import apt, find_codec, is_rtx, routed_payload_type, settle_level
from sfu.ortc.errors import InvalidParametersError, UnsupportedError
from sfu.ortc.random_ssrc import SsrcSource, random_ssrc
from shared.rtp_parameters import (
    MediaKind,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecMapping,
    RtpCodecParameters,
    RtpEncodingMapping,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpMapping,
    RtpParameters,
    uris,
)

_SENT_TO_CONSUMERS = frozenset(("sendrecv", "sendonly"))


def get_producer_rtp_parameters_mapping(
    params: RtpParameters, caps: RtpCapabilities, *, ssrc: SsrcSource = random_ssrc
) -> RtpMapping:
    """Map a publisher's payload types and streams to the router's.

    `ssrc` is drawn from once; the encodings get that SSRC and the following ones, in their order.

    Raises:
        UnsupportedError: the router does not route a codec, or no retransmission for it.
        InvalidParametersError: a retransmission codec belongs to no media codec.
    """
    matches = _match_codecs(params, caps)
    codecs = [
        RtpCodecMapping(params.codecs[index].payload_type, routed_payload_type(routed))
        for index, routed in matches.items()
    ]
    first = ssrc()
    encodings = [
        RtpEncodingMapping(first + offset, encoding.ssrc, encoding.rid)
        for offset, encoding in enumerate(params.encodings)
    ]
    return RtpMapping(codecs, encodings)


def settle_producer_codecs(params: RtpParameters, caps: RtpCapabilities) -> RtpParameters:
    """Give a publisher's H.264 codecs the level that it and the router settle on (RFC 6184 section 8.2.2).

    Raises:
        UnsupportedError: the router does not route a codec.
    """
    return replace(params, codecs=[_settled(codec, caps) for codec in params.codecs])


def get_consumable_rtp_parameters(
    kind: MediaKind, params: RtpParameters, caps: RtpCapabilities, mapping: RtpMapping
) -> RtpParameters:
    """Tell what the router can offer of a producer: the parameters of all its consumers before they are narrowed.

    Args:
        kind: the producer's.
        params: the publisher's, with codecs settled.
        caps: the router's.
        mapping: what `get_producer_rtp_parameters_mapping` made of both.

    Raises:
        InvalidParametersError: the mapping is not one of these parameters.
    """
    codecs = [
        codec
        for ours in params.codecs
        if not is_rtx(ours)
        for codec in _consumable_codecs(ours, _mapped_codec(ours, caps, mapping), caps)
    ]
    return RtpParameters(
        codecs,
        header_extensions=list(_consumable_extensions(kind, params, caps)),
        encodings=_consumable_encodings(params.encodings, mapping.encodings),
        rtcp=RtcpParameters(params.rtcp.cname),
        msid=params.msid,
    )


def _match_codecs(params: RtpParameters, caps: RtpCapabilities) -> dict[int, RtpCodecCapability]:
    """Find the router's codec for each of the publisher's, by its index, media codecs first."""
    matches: dict[int, RtpCodecCapability] = {}
    for index, codec in enumerate(params.codecs):
        if not is_rtx(codec):
            matches[index] = _routed(codec, caps)
    for index, codec in enumerate(params.codecs):
        if is_rtx(codec):
            matches[index] = _routed_rtx(_media_match(codec, params, matches), caps)
    return matches


def _routed(codec: RtpCodecParameters, caps: RtpCapabilities) -> RtpCodecCapability:
    routed = find_codec(codec, caps.codecs)
    if routed is None:
        raise UnsupportedError(f"codec {codec.mime_type} with payload type {codec.payload_type} is not routed")
    return routed


def _media_match(
    rtx: RtpCodecParameters, params: RtpParameters, matches: dict[int, RtpCodecCapability]
) -> RtpCodecCapability:
    for index, codec in enumerate(params.codecs):
        if codec.payload_type == apt(rtx) and index in matches:
            return matches[index]
        if codec.payload_type == apt(rtx):
            break
    raise InvalidParametersError(f"payload type {rtx.payload_type} retransmits no media codec")


def _routed_rtx(media: RtpCodecCapability, caps: RtpCapabilities) -> RtpCodecCapability:
    rtx = _rtx_of(media, caps)
    if rtx is None:
        raise UnsupportedError(f"codec {media.mime_type} is routed without retransmission")
    return rtx


def _rtx_of(media: RtpCodecCapability, caps: RtpCapabilities) -> RtpCodecCapability | None:
    return next(
        (codec for codec in caps.codecs if is_rtx(codec) and apt(codec) == media.preferred_payload_type), None
    )


def _settled(codec: RtpCodecParameters, caps: RtpCapabilities) -> RtpCodecParameters:
    return codec if is_rtx(codec) else settle_level(codec, _routed(codec, caps))


def _mapped_codec(codec: RtpCodecParameters, caps: RtpCapabilities, mapping: RtpMapping) -> RtpCodecCapability:
    for entry in mapping.codecs:
        if entry.payload_type == codec.payload_type:
            for routed in caps.codecs:
                if routed.preferred_payload_type == entry.mapped_payload_type:
                    return routed
            break
    raise InvalidParametersError(f"payload type {codec.payload_type} is not mapped")


def _consumable_codecs(
    ours: RtpCodecParameters, routed: RtpCodecCapability, caps: RtpCapabilities
) -> Iterator[RtpCodecParameters]:
    yield _in_use(routed, ours)
    rtx = _rtx_of(routed, caps)
    if rtx is not None:
        yield _in_use(rtx, rtx)


def _in_use(
    routed: RtpCodecCapability, parameters_of: RtpCodecParameters | RtpCodecCapability
) -> RtpCodecParameters:
    return RtpCodecParameters(
        routed.mime_type,
        routed_payload_type(routed),
        routed.clock_rate,
        routed.channels,
        parameters_of.parameters,
        routed.rtcp_feedback,
    )


def _consumable_extensions(
    kind: MediaKind, params: RtpParameters, caps: RtpCapabilities
) -> Iterator[RtpHeaderExtensionParameters]:
    sent = {extension.uri for extension in params.header_extensions}
    for extension in caps.header_extensions:
        if extension.kind == kind and extension.direction in _SENT_TO_CONSUMERS and _can_fill(extension, sent):
            yield RtpHeaderExtensionParameters(extension.uri, extension.preferred_id, extension.preferred_encrypt)


def _can_fill(extension: RtpHeaderExtension, sent: set[str]) -> bool:
    """Capture times only pass through, so there are none for consumers unless the publisher sends them."""
    return extension.uri != uris.ABS_CAPTURE_TIME or extension.uri in sent


def _consumable_encodings(
    encodings: list[RtpEncodingParameters], mapped: list[RtpEncodingMapping]
) -> list[RtpEncodingParameters]:
    if len(encodings) != len(mapped):
        raise InvalidParametersError("there are not as many mapped encodings as encodings")
    return [
        replace(encoding, ssrc=entry.mapped_ssrc, rid=None, rtx=None, codec_payload_type=None)
        for encoding, entry in zip(encodings, mapped, strict=True)
    ]
