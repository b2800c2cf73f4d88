"""What clients are told: the shape of every notification, by its method. One entry a notification."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from backend.domain import notices
from backend.domain.users import Role
from backend.signalling.answers import (
    DataProducer,
    LayersTold,
    Nothing,
    Participant,
    Producer,
    Room,
    Told,
    Waiting,
    layer_field,
    time_field,
)


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification: the notice that it tells, and the shape of its data. The notice's docstring describes it.

    `also` are other notices that are told by the same method.
    """

    notice: type[Any]
    data: type[Told] = Nothing
    also: tuple[type[Any], ...] = ()


class ParticipantJoined(Told):
    """Who came."""

    participant = fields.Nested(Participant)


class ParticipantLeft(Told):
    """Who left, and why."""

    participant_id = fields.UUID()
    reason = fields.String()


class ParticipantUpdated(Told):
    """What somebody is now; name and role only when they changed."""

    optional = ("full_name", "role")

    participant_id = fields.UUID()
    hand_raised = fields.Boolean()
    hand_raised_at = time_field(allow_none=True)
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)


class NewProducer(Producer):
    """A producer and whose it is."""

    participant_id = fields.UUID()


class ProducerOf(Told):
    """A producer and whose it is, by their ids."""

    producer_id = fields.String()
    participant_id = fields.UUID()


class ConsumerOf(Told):
    """One's consumer and what it receives, by their ids."""

    consumer_id = fields.String()
    producer_id = fields.String()


class NewDataProducer(DataProducer):
    """A data producer and whose it is."""

    participant_id = fields.UUID()


class DataProducerOf(Told):
    """A data producer and whose it is, by their ids."""

    data_producer_id = fields.String()
    participant_id = fields.UUID()


class DataConsumerEnded(Told):
    """One's data consumer; `reason` only when the media server closed it by itself."""

    optional = ("reason",)

    data_consumer_id = fields.String()
    data_producer_id = fields.String()
    reason = fields.String()


class ConsumerLayers(LayersTold):
    """One's consumer and its layers."""

    consumer_id = fields.String()


class LayersWanted(Told):
    """One's producer and its highest layer that somebody watches."""

    producer_id = fields.String()
    spatial_layer = layer_field()


class Speaker(Told):
    """Who speaks."""

    participant_id = fields.UUID()
    producer_id = fields.String()
    volume = fields.Integer(validate=validate.Range(-127, 0), metadata={"description": "dBov."})


class RelayedSdp(Told):
    """A session description of another participant."""

    sender = fields.UUID(data_key="from")
    sdp = fields.Raw(metadata={"description": "As it was sent."})


class RelayedCandidate(Told):
    """An ICE candidate of another participant."""

    sender = fields.UUID(data_key="from")
    candidate = fields.Raw(allow_none=True, metadata={"description": "As it was sent; null: the end."})


class Message(Told):
    """Something said."""

    id = fields.UUID()
    participant_id = fields.UUID()
    full_name = fields.String()
    text = fields.String()
    sent_at = time_field()


class Muted(Told):
    """One's producer, and the participant who paused it."""

    producer_id = fields.String()
    by = fields.UUID(allow_none=True, metadata={"description": "null: a rule of the room did."})


class Kicked(Told):
    """The participant who did it."""

    by = fields.UUID()


class RoomTold(Told):
    """The room as it is now."""

    room = fields.Nested(Room)


class RoomId(Told):
    """Which room."""

    room_id = fields.String()


class RoomEnded(Told):
    """Why."""

    reason = fields.String()


class Shutdown(Told):
    """When to come back."""

    retry_after = fields.Integer(metadata={"description": "Seconds."})


NOTIFICATIONS: Mapping[str, Notified] = {
    "participant-joined": Notified(notices.ParticipantJoined, ParticipantJoined),
    "participant-left": Notified(notices.ParticipantLeft, ParticipantLeft),
    "participant-updated": Notified(
        notices.ParticipantUpdated, ParticipantUpdated, also=(notices.ParticipantChanged,)
    ),
    "new-producer": Notified(notices.NewProducer, NewProducer),
    "producer-paused": Notified(notices.ProducerSwitched, ProducerOf),
    "producer-resumed": Notified(notices.ProducerSwitched, ProducerOf),
    "producer-closed": Notified(notices.ProducerEnded, ProducerOf),
    "consumer-paused": Notified(notices.ConsumerSwitched, ConsumerOf),
    "consumer-resumed": Notified(notices.ConsumerSwitched, ConsumerOf),
    "consumer-closed": Notified(notices.ConsumerEnded, ConsumerOf),
    "consumer-layers-changed": Notified(notices.ConsumerLayersChanged, ConsumerLayers),
    "producer-layers-wanted": Notified(notices.ProducerLayersWanted, LayersWanted),
    "new-data-producer": Notified(notices.NewDataProducer, NewDataProducer),
    "data-producer-closed": Notified(notices.DataProducerEnded, DataProducerOf),
    "data-consumer-closed": Notified(notices.DataConsumerEnded, DataConsumerEnded),
    "active-speaker": Notified(notices.ActiveSpeaker, Speaker),
    "chat-message": Notified(notices.MessageSaid, Message),
    "webrtc-offer": Notified(notices.Relayed, RelayedSdp),
    "webrtc-answer": Notified(notices.Relayed, RelayedSdp),
    "ice-candidate": Notified(notices.Relayed, RelayedCandidate),
    "muted": Notified(notices.Muted, Muted),
    "kicked": Notified(notices.Kicked, Kicked),
    "room-updated": Notified(notices.RoomUpdated, RoomTold),
    "waiting-updated": Notified(notices.WaitingUpdated, Waiting),
    "admitted": Notified(notices.Admitted, RoomId),
    "admission-denied": Notified(notices.AdmissionDenied, RoomId),
    "room-closed": Notified(notices.RoomEnded, RoomEnded),
    "sfu-unavailable": Notified(notices.SfuWentAway),
    "sfu-available": Notified(notices.SfuCameBack),
    "sfu-restarted": Notified(notices.SfuRestarted),
    "server-shutdown": Notified(notices.ServerShutdown, Shutdown),
}
