"""Negotiation for our rooms: every router routes the same codecs, and refusals become errors of the SFU."""

from typing import Any, Final

from sfu import ortc
from sfu.errors import CannotConsume, InvalidInput
from sfu.ortc import NegotiatedProducer
from shared.rtp_parameters import MediaKind, RtpCapabilities, RtpParameters, dump_rtp_capabilities

ROUTER_RTP_CAPABILITIES: Final = ortc.generate_router_rtp_capabilities(ortc.DEFAULT_MEDIA_CODECS)
ROUTER_RTP_CAPABILITIES_WIRE: Final[dict[str, Any]] = dump_rtp_capabilities(ROUTER_RTP_CAPABILITIES)
"""Written once: every join answers with it."""


def negotiate_producer(kind: MediaKind, rtp_parameters: RtpParameters, cname: str | None) -> NegotiatedProducer:
    """Negotiate a producer; `cname` is that of the transport's earlier producers.

    Raises:
        InvalidInput: mediasoup would refuse it too.
    """
    try:
        return ortc.negotiate_producer(kind, rtp_parameters, ROUTER_RTP_CAPABILITIES, cname=cname)
    except ortc.OrtcError as error:
        raise InvalidInput(str(error), details={"rtpParameters": [str(error)]}) from error


def negotiate_consumer(
    kind: MediaKind, consumable_rtp_parameters: RtpParameters, capabilities: RtpCapabilities, ssrc: int
) -> RtpParameters:
    """Negotiate a consumer with this SSRC and for retransmissions the next; the caller adds the MID.

    As in mediasoup, video is retransmitted and audio is not.

    Raises:
        CannotConsume: the capabilities do not fit the producer.
    """
    if not ortc.can_consume(consumable_rtp_parameters, capabilities):
        raise CannotConsume("the given RTP capabilities cannot receive this producer")
    try:
        return ortc.get_consumer_rtp_parameters(
            consumable_rtp_parameters, capabilities, enable_rtx=kind == "video", ssrc=lambda: ssrc
        )
    except ortc.OrtcError as error:
        raise CannotConsume(str(error)) from error
