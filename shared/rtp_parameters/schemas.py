"""Schemas that map mediasoup v3's RTP objects to the dataclasses of `types` and back.

They read as mediasoup does: a value that mediasoup overlooks (an empty string, `rtcpFeedback` that is no list) is
overlooked, one that it refuses is refused. They are stricter in four things, for safety: numbers are whole and in
the range of their field in a packet, text and lists are bounded, an array is no object, and what mediasoup never
checks (`maxBitrate`, `codecPayloadType`) has its type checked.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validate

from shared.rtp_parameters.types import (
    CodecParameters,
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
from shared.wire_schema import MAX_SAFE_INTEGER, Flag, ObjectList, ObjectSchema, Text, WholeNumber, check_text

MAX_PAYLOAD_TYPE = 127
"""Seven bits (RFC 3550 section 5.1)."""
MAX_SSRC = (1 << 32) - 1
MAX_HEADER_EXTENSION_ID = 255
"""One byte, and 0 is padding (RFC 8285 section 4.3)."""
MAX_STREAM_ID_BYTES = 255
"""MID and RID travel in a header extension, whose length is one byte (RFC 8285 section 4.3)."""
MAX_CNAME_BYTES = 255
"""The length of an SDES item is one byte (RFC 3550 section 6.5)."""
MAX_CLOCK_RATE = (1 << 32) - 1
MAX_CHANNELS = 255
MAX_CODECS = 128
"""As many as there are payload types; browsers name about fifty."""
MAX_HEADER_EXTENSIONS = 128
"""Browsers name about thirty."""
MAX_ENCODINGS = 16
"""Browsers send three."""
MAX_RTCP_FEEDBACK = 32
"""Browsers name six for a codec."""
MAX_FORMAT_PARAMETERS = 64
"""Browsers name five for a codec."""

_MIME_TYPE = re.compile(r"(audio|video)/[^\n\r\u2028\u2029]", re.IGNORECASE | re.ASCII)


class PayloadType(WholeNumber):
    """An RTP payload type."""

    def __init__(self, **options: Any) -> None:
        super().__init__(0, MAX_PAYLOAD_TYPE, **options)


class Ssrc(WholeNumber):
    """A synchronisation source."""

    def __init__(self, **options: Any) -> None:
        super().__init__(0, MAX_SSRC, **options)


class MimeType(Text):
    """A media type `audio/…` or `video/…`, in any case."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if _MIME_TYPE.match(text) is None:
            raise ValidationError("Not an audio/… or video/… type.")
        return text


class FormatParameters(fields.Field[CodecParameters]):
    """Format parameters: a flat object of strings and numbers. Its `apt` (RFC 4588) is a number."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any
    ) -> CodecParameters:
        if not isinstance(value, Mapping):
            raise ValidationError("Not an object.")
        if len(value) > MAX_FORMAT_PARAMETERS:
            raise ValidationError(f"More than {MAX_FORMAT_PARAMETERS} parameters.")
        return {check_text(name): _parameter(name, item) for name, item in value.items() if item is not None}


def _parameter(name: str, value: Any) -> ParameterValue:
    if isinstance(value, str) and name != "apt":
        return check_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValidationError({name: ["Not a number." if name == "apt" else "Not a string or number."]})
    if not abs(value) <= MAX_SAFE_INTEGER:  # so it is of NaN, too
        raise ValidationError({name: ["Not a number that JSON can carry."]})
    return int(value) if value == int(value) else value


class RtcpFeedbackSchema(ObjectSchema):
    """Reads and writes `RtcpFeedback`."""

    target = RtcpFeedback
    tolerant: ClassVar = {"parameter": (str,)}
    type = Text(required=True)
    parameter = Text(load_default="")


class _CodecSchema(ObjectSchema):
    """What a codec has in capabilities and parameters alike."""

    tolerant: ClassVar = {
        "channels": (int, float),
        "parameters": (Mapping, list),
        "rtcpFeedback": (list,),
    }
    mime_type = MimeType(required=True)
    clock_rate = WholeNumber(0, MAX_CLOCK_RATE, required=True)
    channels = WholeNumber(0, MAX_CHANNELS)
    parameters = FormatParameters(load_default=dict)
    rtcp_feedback = ObjectList(RtcpFeedbackSchema, MAX_RTCP_FEEDBACK, load_default=list)

    @post_load
    def make_target(self, data: dict[str, Any], **options: Any) -> Any:
        """Build the dataclass, with one channel where audio names none and no channels where it is video."""
        if _kind(data["mime_type"]) == "audio":
            data.setdefault("channels", 1)
        else:
            data.pop("channels", None)
        return super().make_target(data, **options)


class RtpCodecCapabilitySchema(_CodecSchema):
    """Reads and writes `RtpCodecCapability`. The kind is that of the media type, whatever `kind` says."""

    target = RtpCodecCapability
    kind = fields.Str(dump_only=True)
    preferred_payload_type = PayloadType()

    @post_load
    def make_target(self, data: dict[str, Any], **options: Any) -> Any:
        """Build the dataclass with the kind of its media type."""
        return super().make_target({**data, "kind": _kind(data["mime_type"])}, **options)


class RtpCodecParametersSchema(_CodecSchema):
    """Reads and writes `RtpCodecParameters`."""

    target = RtpCodecParameters
    payload_type = PayloadType(required=True)


class RtpHeaderExtensionSchema(ObjectSchema):
    """Reads and writes `RtpHeaderExtension`."""

    target = RtpHeaderExtension
    kind = fields.Str(required=True, validate=validate.OneOf(("audio", "video")))
    uri = Text(required=True)
    preferred_id = WholeNumber(1, MAX_HEADER_EXTENSION_ID, required=True)
    preferred_encrypt = Flag(load_default=False)
    direction = Text(load_default="sendrecv")


class RtpHeaderExtensionParametersSchema(ObjectSchema):
    """Reads and writes `RtpHeaderExtensionParameters`."""

    target = RtpHeaderExtensionParameters
    tolerant: ClassVar = {"parameters": (Mapping, list)}
    uri = Text(required=True)
    id = WholeNumber(1, MAX_HEADER_EXTENSION_ID, required=True)
    encrypt = Flag(load_default=False)
    parameters = FormatParameters(load_default=dict)


class RtpCapabilitiesSchema(ObjectSchema):
    """Reads and writes `RtpCapabilities`."""

    target = RtpCapabilities
    codecs = ObjectList(RtpCodecCapabilitySchema, MAX_CODECS, load_default=list)
    header_extensions = ObjectList(RtpHeaderExtensionSchema, MAX_HEADER_EXTENSIONS, load_default=list)


class RtpRtxParametersSchema(ObjectSchema):
    """Reads and writes `RtpRtxParameters`."""

    target = RtpRtxParameters
    ssrc = Ssrc(required=True)


class RtpEncodingParametersSchema(ObjectSchema):
    """Reads and writes `RtpEncodingParameters`."""

    target = RtpEncodingParameters
    tolerant: ClassVar = {"dtx": (bool,)}
    ssrc = Ssrc()
    rid = Text(MAX_STREAM_ID_BYTES)
    codec_payload_type = PayloadType()
    rtx = fields.Nested(RtpRtxParametersSchema)
    dtx = Flag(load_default=False)
    scalability_mode = Text()
    max_bitrate = WholeNumber(0, MAX_SAFE_INTEGER)


class RtcpParametersSchema(ObjectSchema):
    """Reads and writes `RtcpParameters`. Reduced size stays on whatever a peer says, as in mediasoup."""

    target = RtcpParameters
    cname = Text(MAX_CNAME_BYTES)
    reduced_size = Flag(dump_only=True)


class RtpParametersSchema(ObjectSchema):
    """Reads and writes `RtpParameters`."""

    target = RtpParameters
    mid = Text(MAX_STREAM_ID_BYTES)
    codecs = ObjectList(RtpCodecParametersSchema, MAX_CODECS, remember=True, required=True)
    header_extensions = ObjectList(
        RtpHeaderExtensionParametersSchema, MAX_HEADER_EXTENSIONS, remember=True, load_default=list
    )
    encodings = ObjectList(RtpEncodingParametersSchema, MAX_ENCODINGS, load_default=list)
    rtcp = fields.Nested(RtcpParametersSchema, load_default=RtcpParameters)
    msid = Text()


class RtpCodecMappingSchema(ObjectSchema):
    """Reads and writes `RtpCodecMapping`."""

    target = RtpCodecMapping
    payload_type = PayloadType(required=True)
    mapped_payload_type = PayloadType(required=True)


class RtpEncodingMappingSchema(ObjectSchema):
    """Reads and writes `RtpEncodingMapping`."""

    target = RtpEncodingMapping
    mapped_ssrc = Ssrc(required=True)
    ssrc = Ssrc()
    rid = Text(MAX_STREAM_ID_BYTES)


class RtpMappingSchema(ObjectSchema):
    """Reads and writes `RtpMapping`."""

    target = RtpMapping
    codecs = ObjectList(RtpCodecMappingSchema, MAX_CODECS, remember=True, load_default=list)
    encodings = ObjectList(RtpEncodingMappingSchema, MAX_ENCODINGS, load_default=list)


def _kind(mime_type: str) -> str:
    return mime_type[:5].lower()
