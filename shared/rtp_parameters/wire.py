"""Reading and writing the RTP objects of the wire: plain dicts of JSON, camelCase keys."""

from collections.abc import Mapping
from typing import Any

from shared.rtp_parameters import schemas
from shared.rtp_parameters.types import RtpCapabilities, RtpCodecCapability, RtpMapping, RtpParameters

_CODEC_CAPABILITY = schemas.RtpCodecCapabilitySchema()
_CAPABILITIES = schemas.RtpCapabilitiesSchema()
_PARAMETERS = schemas.RtpParametersSchema()
_MAPPING = schemas.RtpMappingSchema()


def load_rtp_codec_capability(wire: Mapping[str, Any]) -> RtpCodecCapability:
    """Read one codec of RTP capabilities.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: RtpCodecCapability = _CODEC_CAPABILITY.load(wire)
    return loaded


def dump_rtp_codec_capability(codec: RtpCodecCapability) -> dict[str, Any]:
    """Write one codec of RTP capabilities."""
    dumped: dict[str, Any] = _CODEC_CAPABILITY.dump(codec)
    return dumped


def load_rtp_capabilities(wire: Mapping[str, Any]) -> RtpCapabilities:
    """Read RTP capabilities.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: RtpCapabilities = _CAPABILITIES.load(wire)
    return loaded


def dump_rtp_capabilities(capabilities: RtpCapabilities) -> dict[str, Any]:
    """Write RTP capabilities."""
    dumped: dict[str, Any] = _CAPABILITIES.dump(capabilities)
    return dumped


def load_rtp_parameters(wire: Mapping[str, Any]) -> RtpParameters:
    """Read RTP parameters.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: RtpParameters = _PARAMETERS.load(wire)
    return loaded


def dump_rtp_parameters(parameters: RtpParameters) -> dict[str, Any]:
    """Write RTP parameters."""
    dumped: dict[str, Any] = _PARAMETERS.dump(parameters)
    return dumped


def load_rtp_mapping(wire: Mapping[str, Any]) -> RtpMapping:
    """Read a producer's RTP mapping, as the channel to a media worker carries it.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: RtpMapping = _MAPPING.load(wire)
    return loaded


def dump_rtp_mapping(mapping: RtpMapping) -> dict[str, Any]:
    """Write a producer's RTP mapping."""
    dumped: dict[str, Any] = _MAPPING.dump(mapping)
    return dumped
