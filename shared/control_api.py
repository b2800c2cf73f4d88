"""The SFU's HTTP API: its request bodies as dataclasses, and the schemas that read them.

Called by the SFU's HTTP edge. Names are snake_case here and camelCase on the wire; unknown fields are ignored and
`null` means absent.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar

from marshmallow import ValidationError, fields, validate

from shared.ids import is_client_id
from shared.rtp_parameters import (
    MediaKind,
    RtpCapabilities,
    RtpParameters,
    load_rtp_capabilities,
    load_rtp_parameters,
)
from shared.transport_parameters import (
    DtlsParameters,
    NumSctpStreams,
    load_dtls_parameters,
    load_num_sctp_streams,
)
from shared.wire_schema import (
    MAX_REMEMBERED,
    Flag,
    ObjectSchema,
    Text,
    WholeNumber,
    text_to_remember,
)

MAX_LABEL_BYTES = 512
"""Longest user id, email, name or role; an email address has at most 254 (RFC 5321 section 4.5.3.1.3)."""
MAX_APP_DATA_DEPTH = 16
"""How deep an application's own data may nest; it is handed on as it is, through several processes."""

HIGHEST_LAYER = 255
"""A layer's number is a byte in mediasoup; one above what there is means the highest."""
MAX_PRIORITY = 255
"""mediasoup's range of a consumer's priority is 1 to 255."""
MAX_BITRATE_BPS = (1 << 32) - 1
"""mediasoup keeps bitrates in 32 bits; 4 Gbit/s is more than a peer's network carries."""

TransportDirection = Literal["send", "recv"]
AppData = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """`POST /rooms/{roomId}/peers`. All but the ids are labels, which mean nothing to the SFU."""

    peer_id: str
    user_id: str
    email: str | None = None
    full_name: str | None = None
    role: str | None = None
    is_producer: bool = False
    room_name: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTransportRequest:
    """`POST /rooms/{roomId}/transports`. The direction is the peer's view."""

    peer_id: str
    direction: TransportDirection
    enable_sctp: bool = False
    num_sctp_streams: NumSctpStreams = field(default_factory=NumSctpStreams)
    max_incoming_bitrate: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectTransportRequest:
    """`POST /rooms/{roomId}/transports/{transportId}/connect`."""

    dtls_parameters: DtlsParameters


@dataclass(frozen=True, slots=True)
class MaxIncomingBitrateRequest:
    """`POST /rooms/{roomId}/transports/{transportId}/max-incoming-bitrate`, in bit/s; 0 ends the limit."""

    bitrate: int


@dataclass(frozen=True, slots=True)
class ProduceRequest:
    """`POST /rooms/{roomId}/producers`. Without a transport, the peer's newest one for sending serves."""

    peer_id: str
    kind: MediaKind
    rtp_parameters: RtpParameters
    transport_id: str | None = None
    paused: bool = False
    app_data: AppData = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreferredLayers:
    """`POST /rooms/{roomId}/consumers/{consumerId}/preferred-layers`, counted from 0, the lowest.

    More than there is means the highest there is. Without a temporal layer, the highest.
    """

    spatial_layer: int
    temporal_layer: int | None = None


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """`POST /rooms/{roomId}/consumers/{consumerId}/priority`: 1, the lowest and usual one, to 255."""

    priority: int


@dataclass(frozen=True, slots=True)
class ConsumeRequest:
    """`POST /rooms/{roomId}/consumers`. Without a transport, the peer's newest one for receiving serves."""

    peer_id: str
    producer_id: str
    rtp_capabilities: RtpCapabilities
    transport_id: str | None = None
    paused: bool = False
    preferred_layers: PreferredLayers | None = None
    priority: int = 1


class ClientId(fields.Field[str]):
    """An id that the client chose: 1 to 128 characters out of `A-Z a-z 0-9 . _ ~ -`, neither `.` nor `..`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> str:
        if not isinstance(value, str) or not is_client_id(value):
            raise ValidationError("Not 1 to 128 characters out of A-Z a-z 0-9 . _ ~ -")
        return value


class JsonObject(fields.Field[AppData]):
    """Any JSON object of bounded depth, kept as it is."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any
    ) -> AppData:
        if not isinstance(value, dict):
            raise ValidationError("Not an object.")
        _check_json(value, MAX_APP_DATA_DEPTH)
        return value


class LoadedBy(fields.Field[Any]):
    """An object that has a loader of its own, which raises `ValidationError` with messages by field."""

    def __init__(self, load: Callable[[Mapping[str, Any]], Any], **options: Any) -> None:
        super().__init__(**options)
        self._load = load

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> Any:
        return self._load(value)


class Capabilities(LoadedBy):
    """RTP capabilities. Those seen lately are remembered: a peer sends the same ones with every request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(_load_capabilities, **options)


def _load_capabilities(value: Any) -> RtpCapabilities:
    text = text_to_remember(value)
    return load_rtp_capabilities(value) if text is None else _remembered_capabilities(text)


@lru_cache(maxsize=MAX_REMEMBERED)
def _remembered_capabilities(text: str) -> RtpCapabilities:
    return load_rtp_capabilities(json.loads(text))


def _check_json(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValidationError(f"Nested deeper than {MAX_APP_DATA_DEPTH} levels.")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_json(name, depth)
            _check_json(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth - 1)
    elif isinstance(value, str) and not value.isascii():
        _check_unicode(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValidationError("Not a number that JSON can carry.")


def _check_unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValidationError("Not valid Unicode.") from None


T = TypeVar("T")


class RequestSchema(ObjectSchema, Generic[T]):
    """A schema of one request body."""

    def load_request(self, wire: Any) -> T:
        """Read a parsed JSON body.

        Raises:
            marshmallow.ValidationError: with messages by field.
        """
        loaded: T = self.load(wire)
        return loaded

    def _counts_as_absent(self, key: str, value: Any) -> bool:
        return value is None


class JoinRequestSchema(RequestSchema[JoinRequest]):
    """Reads `JoinRequest`."""

    target = JoinRequest
    peer_id = ClientId(required=True)
    user_id = Text(MAX_LABEL_BYTES, required=True, validate=validate.Length(min=1))
    email = Text(MAX_LABEL_BYTES)
    full_name = Text(MAX_LABEL_BYTES)
    role = Text(MAX_LABEL_BYTES)
    is_producer = Flag(load_default=False)
    room_name = Text(MAX_LABEL_BYTES)


class CreateTransportRequestSchema(RequestSchema[CreateTransportRequest]):
    """Reads `CreateTransportRequest`."""

    target = CreateTransportRequest
    peer_id = ClientId(required=True)
    direction = fields.Str(required=True, validate=validate.OneOf(("send", "recv")))
    enable_sctp = Flag(load_default=False)
    num_sctp_streams = LoadedBy(load_num_sctp_streams, load_default=NumSctpStreams())
    max_incoming_bitrate = WholeNumber(0, MAX_BITRATE_BPS)


class ConnectTransportRequestSchema(RequestSchema[ConnectTransportRequest]):
    """Reads `ConnectTransportRequest`."""

    target = ConnectTransportRequest
    dtls_parameters = LoadedBy(load_dtls_parameters, required=True)


class MaxIncomingBitrateRequestSchema(RequestSchema[MaxIncomingBitrateRequest]):
    """Reads `MaxIncomingBitrateRequest`."""

    target = MaxIncomingBitrateRequest
    bitrate = WholeNumber(0, MAX_BITRATE_BPS, required=True)


class ProduceRequestSchema(RequestSchema[ProduceRequest]):
    """Reads `ProduceRequest`."""

    target = ProduceRequest
    peer_id = ClientId(required=True)
    kind = fields.Str(required=True, validate=validate.OneOf(("audio", "video")))
    rtp_parameters = LoadedBy(load_rtp_parameters, required=True)
    transport_id = Text(MAX_LABEL_BYTES)
    paused = Flag(load_default=False)
    app_data = JsonObject(load_default=dict)


class PreferredLayersSchema(RequestSchema[PreferredLayers]):
    """Reads `PreferredLayers`."""

    target = PreferredLayers
    spatial_layer = WholeNumber(0, HIGHEST_LAYER, required=True)
    temporal_layer = WholeNumber(0, HIGHEST_LAYER)


class PriorityRequestSchema(RequestSchema[PriorityRequest]):
    """Reads `PriorityRequest`."""

    target = PriorityRequest
    priority = WholeNumber(1, MAX_PRIORITY, required=True)


class ConsumeRequestSchema(RequestSchema[ConsumeRequest]):
    """Reads `ConsumeRequest`."""

    target = ConsumeRequest
    peer_id = ClientId(required=True)
    producer_id = Text(MAX_LABEL_BYTES, required=True)
    rtp_capabilities = Capabilities(required=True)
    transport_id = Text(MAX_LABEL_BYTES)
    paused = Flag(load_default=False)
    preferred_layers = fields.Nested(PreferredLayersSchema)
    priority = WholeNumber(1, MAX_PRIORITY, load_default=1)


JOIN_REQUEST = JoinRequestSchema()
CREATE_TRANSPORT_REQUEST = CreateTransportRequestSchema()
CONNECT_TRANSPORT_REQUEST = ConnectTransportRequestSchema()
PRODUCE_REQUEST = ProduceRequestSchema()
CONSUME_REQUEST = ConsumeRequestSchema()
PREFERRED_LAYERS = PreferredLayersSchema()
PRIORITY_REQUEST = PriorityRequestSchema()
MAX_INCOMING_BITRATE_REQUEST = MaxIncomingBitrateRequestSchema()
