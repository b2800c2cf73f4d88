"""How what participants are told looks on the wire: one function a notice."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from backend.domain import notices
from backend.domain.notices import Notice
from backend.domain.participants import DataProducer, MediaProducer, Participant
from backend.domain.rooms import RoomRecord
from backend.domain.sfu_port import Layers
from backend.domain.waiting_room import Waiter
from backend.signalling.protoo import JsonObject, notification

Wire = tuple[str, JsonObject]
N = TypeVar("N")


def unix_ms(at: datetime) -> int:
    """Return a time as integer Unix milliseconds."""
    return round(at.timestamp() * 1000)


def hand_object(raised_at: datetime | None) -> JsonObject:
    """Render whether a hand is up, and since when: the smaller time came first."""
    return {
        "handRaised": raised_at is not None,
        "handRaisedAt": unix_ms(raised_at) if raised_at is not None else None,
    }


def producer_object(producer: MediaProducer) -> JsonObject:
    """Render a producer as it stands in a participant."""
    return {
        "producerId": producer.id,
        "kind": producer.kind,
        "paused": producer.paused,
        "appData": producer.app_data,
    }


def data_producer_object(producer: DataProducer) -> JsonObject:
    """Render a data producer as it stands in a participant."""
    return {
        "dataProducerId": producer.id,
        "label": producer.label,
        "protocol": producer.protocol,
        "appData": producer.app_data,
    }


def participant_object(participant: Participant) -> JsonObject:
    """Render a participant with the producers it has at this moment."""
    return {
        "participantId": participant.id,
        "userId": participant.user.id,
        "fullName": participant.user.full_name,
        "role": participant.user.role.value,
        "isProducer": participant.is_producer,
        "joinedAt": unix_ms(participant.joined_at),
        **hand_object(participant.hand_raised_at),
        "producers": [producer_object(producer) for producer in participant.producers.values()],
        "dataProducers": [data_producer_object(one) for one in participant.data_producers.values()],
    }


def oneself_object(me: Participant) -> JsonObject:
    """Render a participant for itself: what the others see, and all that its seat holds."""
    return {
        **participant_object(me),
        "transports": [{"transportId": key, "direction": value.value} for key, value in me.transports.items()],
        "consumers": [
            {"consumerId": one.id, "producerId": one.producer.id, "paused": one.paused}
            for one in me.consumers.values()
        ],
        "dataConsumers": [
            {"dataConsumerId": one.id, "dataProducerId": one.producer.id} for one in me.data_consumers.values()
        ],
    }


def room_object(room: RoomRecord) -> JsonObject:
    """Render a room's name and rules."""
    return {
        "name": room.name,
        "isLocked": room.is_locked,
        "studentsMayPublish": room.students_may_publish,
        "ownerId": room.owner_id,
        "waitingRoom": room.waiting_room,
        "maxParticipants": room.max_participants,
        "oneSeatPerUser": room.one_seat_per_user,
    }


def waiting_objects(waiters: Sequence[Waiter]) -> list[JsonObject]:
    """Render who waits to be let in."""
    return [
        {
            "waitingId": waiter.waiting_id,
            "userId": waiter.user_id,
            "fullName": waiter.full_name,
            "role": waiter.role.value,
            "since": unix_ms(waiter.since),
        }
        for waiter in waiters
    ]


def layers_object(layers: Layers | None) -> JsonObject:
    """Render layers; both null for none."""
    spatial, temporal = layers or (None, None)
    return {"spatialLayer": spatial, "temporalLayer": temporal}


def _new_producer(notice: notices.NewProducer) -> Wire:
    producer = notice.producer
    return "new-producer", {**producer_object(producer), "participantId": producer.owner.id}


def _new_data_producer(notice: notices.NewDataProducer) -> Wire:
    producer = notice.producer
    return "new-data-producer", {**data_producer_object(producer), "participantId": producer.owner.id}


def _data_consumer_ended(notice: notices.DataConsumerEnded) -> Wire:
    data = {"dataConsumerId": notice.consumer_id, "dataProducerId": notice.producer_id}
    return "data-consumer-closed", data if notice.reason is None else {**data, "reason": notice.reason}


def _producer_switched(notice: notices.ProducerSwitched) -> Wire:
    method = "producer-paused" if notice.paused else "producer-resumed"
    return method, {"producerId": notice.producer_id, "participantId": notice.participant_id}


def _consumer_switched(notice: notices.ConsumerSwitched) -> Wire:
    method = "consumer-paused" if notice.paused else "consumer-resumed"
    return method, {"consumerId": notice.consumer_id, "producerId": notice.producer_id}


def _layers(notice: notices.ConsumerLayersChanged) -> Wire:
    return "consumer-layers-changed", {"consumerId": notice.consumer_id, **layers_object(notice.layers)}


def _speaker(notice: notices.ActiveSpeaker) -> Wire:
    return "active-speaker", {
        "participantId": notice.participant_id,
        "producerId": notice.producer_id,
        "volume": notice.volume,
    }


def _message(notice: notices.MessageSaid) -> Wire:
    message = notice.message
    return "chat-message", {
        "id": message.id,
        "participantId": message.participant_id,
        "fullName": message.full_name,
        "text": message.text,
        "sentAt": unix_ms(message.sent_at),
    }


_RENDERERS: dict[type[Any], Callable[[Any], Wire]] = {
    notices.ParticipantJoined: lambda n: (
        "participant-joined",
        {"participant": participant_object(n.participant)},
    ),
    notices.ParticipantLeft: lambda n: (
        "participant-left",
        {"participantId": n.participant_id, "reason": n.reason},
    ),
    notices.ParticipantUpdated: lambda n: (
        "participant-updated",
        {"participantId": n.participant_id, **hand_object(n.hand_raised_at)},
    ),
    notices.ParticipantChanged: lambda n: (
        "participant-updated",
        {
            "participantId": n.participant.id,
            **hand_object(n.participant.hand_raised_at),
            "fullName": n.participant.user.full_name,
            "role": n.participant.user.role.value,
        },
    ),
    notices.NewProducer: _new_producer,
    notices.ProducerSwitched: _producer_switched,
    notices.ProducerEnded: lambda n: (
        "producer-closed",
        {"producerId": n.producer_id, "participantId": n.participant_id},
    ),
    notices.ConsumerSwitched: _consumer_switched,
    notices.ConsumerEnded: lambda n: (
        "consumer-closed",
        {"consumerId": n.consumer_id, "producerId": n.producer_id},
    ),
    notices.NewDataProducer: _new_data_producer,
    notices.DataProducerEnded: lambda n: (
        "data-producer-closed",
        {"dataProducerId": n.producer_id, "participantId": n.participant_id},
    ),
    notices.DataConsumerEnded: _data_consumer_ended,
    notices.ConsumerLayersChanged: _layers,
    notices.ProducerLayersWanted: lambda n: (
        "producer-layers-wanted",
        {"producerId": n.producer_id, "spatialLayer": n.spatial_layer},
    ),
    notices.ActiveSpeaker: _speaker,
    notices.Relayed: lambda n: (n.method, n.data),
    notices.MessageSaid: _message,
    notices.Muted: lambda n: ("muted", {"producerId": n.producer_id, "by": n.by}),
    notices.Kicked: lambda n: ("kicked", {"by": n.by}),
    notices.RoomUpdated: lambda n: ("room-updated", {"room": room_object(n.room)}),
    notices.WaitingUpdated: lambda n: ("waiting-updated", {"waiting": waiting_objects(n.waiting)}),
    notices.Admitted: lambda n: ("admitted", {"roomId": n.room_id}),
    notices.AdmissionDenied: lambda n: ("admission-denied", {"roomId": n.room_id}),
    notices.RoomEnded: lambda n: ("room-closed", {"reason": n.reason}),
    notices.SfuWentAway: lambda _: ("sfu-unavailable", {}),
    notices.SfuCameBack: lambda _: ("sfu-available", {}),
    notices.SfuRestarted: lambda _: ("sfu-restarted", {}),
    notices.ServerShutdown: lambda n: ("server-shutdown", {"retryAfter": n.retry_after_s}),
}


class NoticeWriter:
    """Writes notices as protoo notifications; one that goes to a whole room is written once.

    Only the latest text is kept: a room tells one notice to everybody in one step, before the next one is made.
    """

    def __init__(self) -> None:
        self._latest: tuple[Notice, str] | None = None

    def write(self, notice: Notice) -> str:
        """Return the notice's text."""
        if self._latest is not None and self._latest[0] is notice:
            return self._latest[1]
        text = notification(*_RENDERERS[type(notice)](notice))
        self._latest = (notice, text)
        return text
