"""The shape of every request's data: camelCase on the wire, snake_case inside. One schema a message.

Unknown fields are ignored and `null` means absent. RTP, DTLS and SDP objects pass through; the SFU or the other
client judges them.
"""

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from backend.domain.chat import MAX_MESSAGE_CHARACTERS
from backend.domain.rooms import MAX_ROOM_NAME_LENGTH
from backend.domain.sfu_port import Direction, Layers
from shared.control_api import HIGHEST_LAYER, MAX_LABEL_BYTES, MAX_PRIORITY
from shared.ids import CLIENT_ID_PATTERN, is_client_id
from shared.sctp_stream_parameters import MAX_RELIABILITY
from shared.wire_schema import Flag, WholeNumber, check_text

MAX_TOKEN_LENGTH = 200
"""Longer than any resume token, invitation or password of a room."""

MAX_APP_DATA_CHARACTERS = 16 * 1024
"""`appData` is kept and told to everybody in the room, so it stays small."""

MAX_RELAYED_CHARACTERS = 64 * 1024
"""Largest SDP or candidate passed on: it waits in the other's queue. A real offer has some 10 KiB."""


_LONGEST_BYTES = 4 * MAX_MESSAGE_CHARACTERS
"""In UTF-8. Each text's own limit counts characters."""


class MessageSchema(Schema):
    """Base of all: what is unknown is ignored, what is null is absent."""

    class Meta:
        """marshmallow's options."""

        unknown = EXCLUDE

    nullable: tuple[str, ...] = ()
    null_means_absent = True

    @pre_load
    def _drop_nulls(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if value is not None or name in self.nullable}


def _plain_text(value: str) -> None:
    if "\x00" in check_text(value, _LONGEST_BYTES):
        raise ValidationError("Holds a character that is no text.")


_LABEL = {"description": f"At most {MAX_LABEL_BYTES} bytes in UTF-8."}


def _label(value: str) -> None:
    check_text(value, MAX_LABEL_BYTES)


def _client_id(value: str) -> None:
    if not is_client_id(value):
        raise ValidationError("1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..")


def _no_larger_than(limit: int) -> Any:
    def check(value: Any) -> None:
        if len(json.dumps(value)) > limit:
            raise ValidationError(f"More than {limit} characters as JSON.")

    return check


_RELAYED = {"description": f"At most {MAX_RELAYED_CHARACTERS} characters as JSON."}


def _id(name: str, *, required: bool = True) -> fields.String:
    return fields.String(data_key=name, required=required, validate=validate.Length(min=1, max=128))


def _kind(*, required: bool) -> fields.String:
    return fields.String(required=required, validate=validate.OneOf(("audio", "video")))


def _object(name: str, shape: str) -> fields.Dict:
    described = {"description": f"mediasoup's `{shape}`."}
    return fields.Dict(keys=fields.String(), data_key=name, required=True, metadata=described)


def _app_data() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        data_key="appData",
        load_default=dict,
        validate=_no_larger_than(MAX_APP_DATA_CHARACTERS),
        metadata={"description": f"At most {MAX_APP_DATA_CHARACTERS} characters as JSON."},
    )


class EmptySchema(MessageSchema):
    """No data."""


class JoinRoomSchema(MessageSchema):
    """`join-room`."""

    room_id = fields.String(
        data_key="roomId", required=True, validate=_client_id, metadata={"pattern": CLIENT_ID_PATTERN}
    )
    room_name = fields.String(
        data_key="roomName", validate=[validate.Length(max=MAX_ROOM_NAME_LENGTH), _plain_text]
    )
    is_producer = Flag(data_key="isProducer", load_default=False)
    resume_token = fields.String(data_key="resumeToken", validate=validate.Length(max=MAX_TOKEN_LENGTH))
    password = fields.String(validate=validate.Length(max=MAX_TOKEN_LENGTH))
    invitation = fields.String(validate=validate.Length(max=MAX_TOKEN_LENGTH))


class CreateTransportSchema(MessageSchema):
    """`create-transport`."""

    direction = fields.Enum(Direction, by_value=True, required=True)
    enable_sctp = Flag(data_key="enableSctp", load_default=False)


class ConnectTransportSchema(MessageSchema):
    """`connect-transport`."""

    transport_id = _id("transportId")
    dtls_parameters = _object("dtlsParameters", "DtlsParameters")


class TransportSchema(MessageSchema):
    """A request about one transport."""

    transport_id = _id("transportId")


class ProduceSchema(MessageSchema):
    """`produce`."""

    transport_id = _id("transportId")
    kind = _kind(required=True)
    rtp_parameters = _object("rtpParameters", "RtpParameters")
    paused = Flag(load_default=False)
    app_data = _app_data()


class ProducerSchema(MessageSchema):
    """A request about one producer."""

    producer_id = _id("producerId")


class LayersSchema(MessageSchema):
    """Layers of a video."""

    spatial = WholeNumber(0, HIGHEST_LAYER, data_key="spatialLayer", required=True)
    temporal = WholeNumber(0, HIGHEST_LAYER, data_key="temporalLayer")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Layers:
        return Layers(**data)


class ConsumeSchema(MessageSchema):
    """`consume`."""

    producer_id = _id("producerId")
    rtp_capabilities = _object("rtpCapabilities", "RtpCapabilities")
    paused = Flag(load_default=True)
    transport_id = _id("transportId", required=False)
    preferred_layers = fields.Nested(LayersSchema, data_key="preferredLayers")


class ConsumerSchema(MessageSchema):
    """A request about one consumer."""

    consumer_id = _id("consumerId")


class PreferredLayersSchema(ConsumerSchema):
    """`set-preferred-layers`."""

    spatial = WholeNumber(0, HIGHEST_LAYER, data_key="spatialLayer", required=True)
    temporal = WholeNumber(0, HIGHEST_LAYER, data_key="temporalLayer", load_default=None)


class PrioritySchema(ConsumerSchema):
    """`set-consumer-priority`."""

    priority = WholeNumber(1, MAX_PRIORITY, required=True)


class ProduceDataSchema(MessageSchema):
    """`produce-data`."""

    transport_id = _id("transportId")
    sctp_stream_parameters = _object("sctpStreamParameters", "SctpStreamParameters")
    label = fields.String(load_default="", validate=_label, metadata=_LABEL)
    protocol = fields.String(load_default="", validate=_label, metadata=_LABEL)
    app_data = _app_data()


class ConsumeDataSchema(MessageSchema):
    """`consume-data`. The SFU judges how order and the limits go together."""

    data_producer_id = _id("dataProducerId")
    transport_id = _id("transportId", required=False)
    ordered = Flag()
    max_packet_life_time = WholeNumber(0, MAX_RELIABILITY, data_key="maxPacketLifeTime")
    max_retransmits = WholeNumber(0, MAX_RELIABILITY, data_key="maxRetransmits")


class DataProducerSchema(MessageSchema):
    """A request about one data producer."""

    data_producer_id = _id("dataProducerId")


class DataConsumerSchema(MessageSchema):
    """A request about one data consumer."""

    data_consumer_id = _id("dataConsumerId")


class StatsSchema(MessageSchema):
    """`get-stats`: exactly one id."""

    transport_id = _id("transportId", required=False)
    producer_id = _id("producerId", required=False)
    consumer_id = _id("consumerId", required=False)
    data_producer_id = _id("dataProducerId", required=False)
    data_consumer_id = _id("dataConsumerId", required=False)

    @validates_schema
    def _one_id(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data) != 1:
            names = ", ".join(str(field.data_key) for field in self.load_fields.values())
            raise ValidationError(f"Give one of {names}.")


class SdpSchema(MessageSchema):
    """`webrtc-offer` and `webrtc-answer`: the SDP as text, or as WebRTC's session description."""

    to = _id("to")
    sdp = fields.Raw(required=True, validate=_no_larger_than(MAX_RELAYED_CHARACTERS), metadata=_RELAYED)


class CandidateSchema(MessageSchema):
    """`ice-candidate`; a null candidate tells the end of candidates."""

    nullable = ("candidate",)

    to = _id("to")
    candidate = fields.Raw(
        required=True, allow_none=True, validate=_no_larger_than(MAX_RELAYED_CHARACTERS), metadata=_RELAYED
    )


class ChatMessageSchema(MessageSchema):
    """`chat-message`. Lines and tabs are text; what no database holds is not."""

    text = fields.String(required=True, validate=[validate.Length(1, MAX_MESSAGE_CHARACTERS), _plain_text])


class RaiseHandSchema(MessageSchema):
    """`raise-hand`."""

    raised = Flag(required=True)


class MuteSchema(MessageSchema):
    """`mute-participant`; without a kind all of it."""

    participant_id = _id("participantId")
    kind = _kind(required=False)


class ParticipantSchema(MessageSchema):
    """A request about one participant."""

    participant_id = _id("participantId")


class LowerHandSchema(MessageSchema):
    """`lower-hand`: one participant's, or all of them."""

    participant_id = _id("participantId", required=False)
    all = Flag(load_default=False)

    @validates_schema
    def _one_or_all(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["all"] == ("participant_id" in data):
            raise ValidationError("Give either participantId or all: true.")


class WaitingSchema(MessageSchema):
    """A request about somebody who waits to be let in."""

    waiting_id = _id("waitingId")


class AdmitSchema(MessageSchema):
    """`admit-participant`: one who waits, or all of them."""

    waiting_id = _id("waitingId", required=False)
    all = Flag(load_default=False)

    @validates_schema
    def _one_or_all(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["all"] == ("waiting_id" in data):
            raise ValidationError("Give either waitingId or all: true.")


class LockRoomSchema(MessageSchema):
    """`lock-room`."""

    locked = Flag(required=True)
