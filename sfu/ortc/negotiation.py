"""A producer's whole negotiation in one step: what to tell the worker, the publisher and later the consumers."""

import uuid
from dataclasses import dataclass, replace

from sfu.ortc.producer_admission import ProducerType, check_producer
from sfu.ortc.producer_mapping import (
    get_consumable_rtp_parameters,
    get_producer_rtp_parameters_mapping,
    settle_producer_codecs,
)
from sfu.ortc.random_ssrc import SsrcSource, random_ssrc
from shared.rtp_parameters import (
    MediaKind,
    RtcpParameters,
    RtpCapabilities,
    RtpEncodingParameters,
    RtpMapping,
    RtpParameters,
)


@dataclass(frozen=True, slots=True)
class NegotiatedProducer:
    """What a producer is made of. `rtp_parameters.rtcp.cname` is the one of all producers of the transport."""

    type: ProducerType
    rtp_parameters: RtpParameters
    rtp_mapping: RtpMapping
    consumable_rtp_parameters: RtpParameters


def negotiate_producer(
    kind: MediaKind,
    params: RtpParameters,
    caps: RtpCapabilities,
    *,
    cname: str | None = None,
    ssrc: SsrcSource = random_ssrc,
) -> NegotiatedProducer:
    """Negotiate a producer of a router with the capabilities `caps`.

    A publisher that names no encoding has one, known by its MID.

    Args:
        kind: what it publishes.
        params: what the publisher says it sends.
        caps: the router's.
        cname: that of the transport's earlier producers, None for the first. The streams of one publisher share
            it, as it says which belong to one clock (RFC 3550 section 6.5.1): keep the answer's for the next call.
        ssrc: where the SSRCs inside the router come from.

    Raises:
        OrtcError: the parameters are refused.
    """
    completed = replace(
        params,
        encodings=params.encodings or [RtpEncodingParameters()],
        rtcp=RtcpParameters(cname or params.rtcp.cname or _new_cname()),
    )
    mapping = get_producer_rtp_parameters_mapping(completed, caps, ssrc=ssrc)
    settled = settle_producer_codecs(completed, caps)
    producer_type = check_producer(kind, settled)
    consumable = get_consumable_rtp_parameters(kind, settled, caps, mapping)
    return NegotiatedProducer(producer_type, settled, mapping, consumable)


def _new_cname() -> str:
    return uuid.uuid4().hex[:8]
