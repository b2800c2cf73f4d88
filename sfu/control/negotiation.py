"""Negotiation for our rooms: every router routes the same codecs, and refusals become errors of the SFU."""

from typing import Any, Final

from sfu import ortc
from sfu.errors import CannotConsume, InvalidInput
from sfu.ortc import NegotiatedProducer
from shared.rtp_parameters import (
    MediaKind,
    RtpCapabilities,
    RtpParameters,
    dump_rtp_capabilities,
    dump_rtp_parameters,
)

ROUTER_RTP_CAPABILITIES: Final = ortc.generate_router_rtp_capabilities(ortc.DEFAULT_MEDIA_CODECS)
ROUTER_RTP_CAPABILITIES_WIRE: Final[dict[str, Any]] = dump_rtp_capabilities(ROUTER_RTP_CAPABILITIES)
"""Written once: every join answers with it."""

RECEIVERS_REMEMBERED: Final = 16
"""Kinds of receivers of one producer: versions of browsers on several systems. The oldest is negotiated anew."""


def negotiate_producer(kind: MediaKind, rtp_parameters: RtpParameters, cname: str | None) -> NegotiatedProducer:
    """Negotiate a producer; `cname` is that of the transport's earlier producers.

    Raises:
        InvalidInput: mediasoup would refuse it too.
    """
    try:
        return ortc.negotiate_producer(kind, rtp_parameters, ROUTER_RTP_CAPABILITIES, cname=cname)
    except ortc.OrtcError as error:
        raise InvalidInput(str(error), details={"rtpParameters": [str(error)]}) from error


class ConsumerNegotiation:
    """What receivers get of one producer. A class of one browser is negotiated once, not once a consumer.

    Capabilities are told apart by identity: the schema that reads them makes the same ones the same object.
    """

    def __init__(self, kind: MediaKind, consumable_rtp_parameters: RtpParameters) -> None:
        self._kind = kind
        self._consumable = consumable_rtp_parameters
        self._remembered: dict[int, tuple[RtpCapabilities, dict[str, Any]]] = {}

    def rtp_parameters(self, capabilities: RtpCapabilities, ssrc: int, mid: str) -> dict[str, Any]:
        """Return a consumer's RTP parameters as they go over the wire; what is in them is shared, never change it.

        It has this SSRC, and for retransmissions the next. As in mediasoup, video is retransmitted and audio not.

        Raises:
            CannotConsume: the capabilities do not fit the producer.
        """
        _, wire = self._remembered.get(id(capabilities)) or self._remember(capabilities)
        return {**wire, "mid": mid, "encodings": [_with_ssrc(encoding, ssrc) for encoding in wire["encodings"]]}

    def _remember(self, capabilities: RtpCapabilities) -> tuple[RtpCapabilities, dict[str, Any]]:
        negotiated = _negotiate_consumer(self._kind, self._consumable, capabilities)
        known = capabilities, dump_rtp_parameters(negotiated)
        if len(self._remembered) >= RECEIVERS_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[id(capabilities)] = known  # kept with them, so that no other object gets their id
        return known


def _negotiate_consumer(
    kind: MediaKind, consumable_rtp_parameters: RtpParameters, capabilities: RtpCapabilities
) -> RtpParameters:
    if not ortc.can_consume(consumable_rtp_parameters, capabilities):
        raise CannotConsume("the given RTP capabilities cannot receive this producer")
    try:
        return ortc.get_consumer_rtp_parameters(
            consumable_rtp_parameters, capabilities, enable_rtx=kind == "video", ssrc=lambda: 1
        )
    except ortc.OrtcError as error:
        raise CannotConsume(str(error)) from error


def _with_ssrc(encoding: dict[str, Any], ssrc: int) -> dict[str, Any]:
    given = {**encoding, "ssrc": ssrc}
    if "rtx" in encoding:
        given["rtx"] = {"ssrc": ssrc + 1}
    return given
