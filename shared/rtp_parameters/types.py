"""RTP capabilities and parameters as dataclasses: mediasoup v3's objects, field for field, in snake_case.

`None` means that a field is absent. Objects are immutable by agreement: nobody changes a list or dict inside one,
`dataclasses.replace` makes a changed copy.
"""

from dataclasses import dataclass, field
from typing import Literal

MediaKind = Literal["audio", "video"]
ParameterValue = str | int | float
CodecParameters = dict[str, ParameterValue]
"""Format parameters of a codec (SDP's `a=fmtp`), by their names there: `packetization-mode`, `apt`, ..."""


@dataclass(frozen=True, slots=True)
class RtcpFeedback:
    """One kind of RTCP feedback (RFC 4585 section 4.2), such as `nack` with the parameter `pli`."""

    type: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class RtpCodecCapability:
    """A codec that an endpoint can receive, or a router can route. `channels` is for audio only."""

    kind: MediaKind
    mime_type: str
    clock_rate: int
    preferred_payload_type: int | None = None
    channels: int | None = None
    parameters: CodecParameters = field(default_factory=dict)
    rtcp_feedback: list[RtcpFeedback] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RtpHeaderExtension:
    """A header extension (RFC 8285) that an endpoint supports for one kind of media."""

    kind: MediaKind
    uri: str
    preferred_id: int
    preferred_encrypt: bool = False
    direction: str = "sendrecv"


@dataclass(frozen=True, slots=True)
class RtpCapabilities:
    """What an endpoint can receive, or what a router can route."""

    codecs: list[RtpCodecCapability] = field(default_factory=list)
    header_extensions: list[RtpHeaderExtension] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RtpCodecParameters:
    """A codec in use, with its payload type. `channels` is for audio only."""

    mime_type: str
    payload_type: int
    clock_rate: int
    channels: int | None = None
    parameters: CodecParameters = field(default_factory=dict)
    rtcp_feedback: list[RtcpFeedback] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RtpHeaderExtensionParameters:
    """A header extension in use, with its id (RFC 8285)."""

    uri: str
    id: int
    encrypt: bool = False
    parameters: CodecParameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RtpRtxParameters:
    """The retransmission stream of an encoding (RFC 4588)."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class RtpEncodingParameters:
    """One stream: a simulcast layer has its own. `max_bitrate` is in bits a second."""

    ssrc: int | None = None
    rid: str | None = None
    codec_payload_type: int | None = None
    rtx: RtpRtxParameters | None = None
    dtx: bool | None = None
    scalability_mode: str | None = None
    max_bitrate: int | None = None


@dataclass(frozen=True, slots=True)
class RtcpParameters:
    """RTCP settings. Reduced size (RFC 5506) is always on."""

    cname: str | None = None
    reduced_size: bool = True


@dataclass(frozen=True, slots=True)
class RtpParameters:
    """The codecs, header extensions and streams that a producer sends or a consumer receives."""

    codecs: list[RtpCodecParameters]
    mid: str | None = None
    header_extensions: list[RtpHeaderExtensionParameters] = field(default_factory=list)
    encodings: list[RtpEncodingParameters] = field(default_factory=list)
    rtcp: RtcpParameters = field(default_factory=RtcpParameters)
    msid: str | None = None


@dataclass(frozen=True, slots=True)
class RtpCodecMapping:
    """A producer's payload type and the router's for the same codec."""

    payload_type: int
    mapped_payload_type: int


@dataclass(frozen=True, slots=True)
class RtpEncodingMapping:
    """A producer's stream, known by SSRC or RID (or neither, then by MID), and its SSRC inside the router."""

    mapped_ssrc: int
    ssrc: int | None = None
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class RtpMapping:
    """How a producer's payload types and streams are called inside the router."""

    codecs: list[RtpCodecMapping] = field(default_factory=list)
    encodings: list[RtpEncodingMapping] = field(default_factory=list)
