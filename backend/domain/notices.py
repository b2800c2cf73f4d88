"""What participants are told, as values; how each looks on the wire is signalling's business.

A notice that holds a participant or a room shows it as it is at the moment of telling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from backend.domain.participants import DataProducer, MediaProducer, Participant
from backend.domain.rooms import RoomRecord
from backend.domain.sfu_port import Layers
from backend.domain.waiting_room import Waiter

if TYPE_CHECKING:
    from backend.domain.history_ports import ChatMessage
    from backend.domain.sfu_port import JsonObject


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody took a new seat."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """A seat is free. `reason`: `left`, `connection-lost`, `kicked`, `replaced`, or why the account ended."""

    participant_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """A hand went up, at `hand_raised_at` in UTC, or down."""

    participant_id: str
    hand_raised_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParticipantChanged:
    """Somebody has another name or role."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class NewProducer:
    """Somebody began to send something."""

    producer: MediaProducer


@dataclass(frozen=True, slots=True)
class ProducerSwitched:
    """A producer was paused or goes on."""

    producer_id: str
    participant_id: str
    paused: bool


@dataclass(frozen=True, slots=True)
class ProducerEnded:
    """A producer is closed."""

    producer_id: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class ConsumerSwitched:
    """The producer of one's consumer was paused or goes on."""

    consumer_id: str
    producer_id: str
    paused: bool


@dataclass(frozen=True, slots=True)
class ConsumerEnded:
    """One's consumer is closed, since its producer is."""

    consumer_id: str
    producer_id: str


@dataclass(frozen=True, slots=True)
class NewDataProducer:
    """Somebody began to send on a data channel."""

    producer: DataProducer


@dataclass(frozen=True, slots=True)
class DataProducerEnded:
    """A data producer is closed."""

    producer_id: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class DataConsumerEnded:
    """One's data consumer is closed: with its data producer, or for the SFU's `reason`."""

    consumer_id: str
    producer_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ConsumerLayersChanged:
    """One's consumer now gets other layers; None: nothing."""

    consumer_id: str
    layers: Layers | None


@dataclass(frozen=True, slots=True)
class ProducerLayersWanted:
    """Others now watch one's producer's layers up to this one; None: nobody watches."""

    producer_id: str
    spatial_layer: int | None


@dataclass(frozen=True, slots=True)
class ActiveSpeaker:
    """Somebody speaks; `volume` is in dBov, -127 to 0."""

    participant_id: str
    producer_id: str
    volume: int


@dataclass(frozen=True, slots=True)
class Relayed:
    """Something one participant says to another through us: `method` and its data, whose `to` became `from`."""

    method: str
    data: "JsonObject"


@dataclass(frozen=True, slots=True)
class MessageSaid:
    """Somebody said something; the one who did is told too."""

    message: "ChatMessage"


@dataclass(frozen=True, slots=True)
class Muted:
    """One's producer was paused: by who runs the room, or with `by` None by the room's new rule."""

    producer_id: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Kicked:
    """Somebody who runs the room sent one out."""

    by: str


@dataclass(frozen=True, slots=True)
class RoomUpdated:
    """The room's name or rules changed."""

    room: RoomRecord


@dataclass(frozen=True, slots=True)
class WaitingUpdated:
    """Others wait to be let in now, in the order they came; for who runs the room."""

    waiting: Sequence[Waiter]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who runs the room let one in: join again."""

    room_id: str


@dataclass(frozen=True, slots=True)
class AdmissionDenied:
    """Somebody who runs the room turned one away."""

    room_id: str


@dataclass(frozen=True, slots=True)
class RoomEnded:
    """The room is closed for everybody."""

    reason: str


@dataclass(frozen=True, slots=True)
class SfuWentAway:
    """The media server does not answer; seats and everything but media go on."""


@dataclass(frozen=True, slots=True)
class SfuCameBack:
    """The media server answers again, and nothing was lost."""


@dataclass(frozen=True, slots=True)
class SfuRestarted:
    """Every transport, producer and consumer is gone, none is announced one by one: make them anew."""


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """We stop now; come back after `retry_after_s` seconds."""

    retry_after_s: int


Notice = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | ParticipantChanged
    | NewProducer
    | ProducerSwitched
    | ProducerEnded
    | ConsumerSwitched
    | ConsumerEnded
    | NewDataProducer
    | DataProducerEnded
    | DataConsumerEnded
    | ConsumerLayersChanged
    | ProducerLayersWanted
    | ActiveSpeaker
    | Relayed
    | MessageSaid
    | Muted
    | Kicked
    | RoomUpdated
    | WaitingUpdated
    | Admitted
    | AdmissionDenied
    | RoomEnded
    | SfuWentAway
    | SfuCameBack
    | SfuRestarted
    | ServerShutdown
)
