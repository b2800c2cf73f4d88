"""Negotiation: which codecs, header extensions and streams a router, its producers and its consumers use.

Pure functions over RTP parameter objects, equal in result to those of mediasoup 3.27.1. Called by `sfu.control`;
media workers may use its types. May import `shared` and the standard library.
"""

from sfu.ortc.consumer_parameters import can_consume, get_consumer_rtp_parameters
from sfu.ortc.errors import InvalidParametersError, OrtcError, UnsupportedError
from sfu.ortc.media_codecs import DEFAULT_MEDIA_CODECS
from sfu.ortc.negotiation import NegotiatedProducer, negotiate_producer
from sfu.ortc.producer_admission import ProducerType, check_producer, producer_type
from sfu.ortc.producer_mapping import (
    get_consumable_rtp_parameters,
    get_producer_rtp_parameters_mapping,
    settle_producer_codecs,
)
from sfu.ortc.random_ssrc import fresh_ssrc, random_ssrc
from sfu.ortc.router_capabilities import generate_router_rtp_capabilities
from sfu.ortc.scalability_mode import ScalabilityMode, parse_scalability_mode

__all__ = [
    "DEFAULT_MEDIA_CODECS",
    "InvalidParametersError",
    "NegotiatedProducer",
    "OrtcError",
    "ProducerType",
    "ScalabilityMode",
    "UnsupportedError",
    "can_consume",
    "check_producer",
    "fresh_ssrc",
    "generate_router_rtp_capabilities",
    "get_consumable_rtp_parameters",
    "get_consumer_rtp_parameters",
    "get_producer_rtp_parameters_mapping",
    "negotiate_producer",
    "parse_scalability_mode",
    "producer_type",
    "random_ssrc",
    "settle_producer_codecs",
]
