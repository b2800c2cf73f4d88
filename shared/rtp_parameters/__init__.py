"""RTP capabilities, parameters and mappings: mediasoup v3's objects as dataclasses, and their form on the wire.

Called by the SFU's control process and its media workers, and by whoever reads those objects. May import
`shared.wire_schema` and marshmallow. `types` has the dataclasses, `schemas` the checks, `wire` the functions.
"""

from shared.rtp_parameters.types import (
    CodecParameters,
    MediaKind,
    ParameterValue,
    RtcpFeedback,
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
    RtpRtxParameters,
)
from shared.rtp_parameters.wire import (
    dump_rtp_capabilities,
    dump_rtp_codec_capability,
    dump_rtp_mapping,
    dump_rtp_parameters,
    load_rtp_capabilities,
    load_rtp_codec_capability,
    load_rtp_mapping,
    load_rtp_parameters,
)

__all__ = [
    "CodecParameters",
    "MediaKind",
    "ParameterValue",
    "RtcpFeedback",
    "RtcpParameters",
    "RtpCapabilities",
    "RtpCodecCapability",
    "RtpCodecMapping",
    "RtpCodecParameters",
    "RtpEncodingMapping",
    "RtpEncodingParameters",
    "RtpHeaderExtension",
    "RtpHeaderExtensionParameters",
    "RtpMapping",
    "RtpParameters",
    "RtpRtxParameters",
    "dump_rtp_capabilities",
    "dump_rtp_codec_capability",
    "dump_rtp_mapping",
    "dump_rtp_parameters",
    "load_rtp_capabilities",
    "load_rtp_codec_capability",
    "load_rtp_mapping",
    "load_rtp_parameters",
]
