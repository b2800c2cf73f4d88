"""The shape of what we answer and tell: camelCase on the wire. The handlers declare their answers with it.

Nothing is rendered by these schemas; the document is made of them, and the tests hold every answer and
notification that they get against them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, Schema, fields, validate

from backend.domain.sfu_port import Direction
from backend.domain.users import Role
from shared.wire_schema import camel_case

H = TypeVar("H", bound=Callable[..., Any])

_ATTRIBUTE = "__answers__"


class Told(Schema):
    """Base of what we send. Every field is always there, but those that `optional` names."""

    class Meta:
        """Clients ignore what later versions add."""

        unknown = EXCLUDE

    optional: ClassVar[tuple[str, ...]] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give the field its name on the wire, and note whether it is always there."""
        field_obj.data_key = field_obj.data_key or camel_case(field_name)
        field_obj.required = field_name not in self.optional


class Nothing(Told):
    """An empty object."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a handler answers, and the codes of refusals that not every method has."""

    answer: type[Told] = Nothing
    errors: tuple[str, ...] = ()


def answers(answer: type[Told] = Nothing, *, errors: tuple[str, ...] = ()) -> Callable[[H], H]:
    """Declare what the decorated handler answers; its docstring says what it does."""

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, Declared(answer, errors))
        return handler

    return declare


def declared_of(handler: object) -> Declared | None:
    """Return what a handler declares; None when it declares nothing."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Declared) else None


def object_field(text: str, **options: Any) -> fields.Dict:
    """Make the field of an object that passes through us; `text` says what it is."""
    return fields.Dict(keys=fields.String(), metadata={"description": text}, **options)


def app_data_field() -> fields.Dict:
    """Make the field of the sender's own data."""
    return object_field("What its sender gave.")


def time_field(*, allow_none: bool = False) -> fields.Integer:
    """Make the field of a time."""
    return fields.Integer(allow_none=allow_none, metadata={"description": "Unix time in milliseconds."})


def kind_field() -> fields.String:
    """Make the field of a producer's kind."""
    return fields.String(validate=validate.OneOf(("audio", "video")))


def layer_field() -> fields.Integer:
    """Make the field of a layer's number, or null."""
    return fields.Integer(allow_none=True, validate=validate.Range(min=0))


class Producer(Told):
    """Something that a participant sends."""

    producer_id = fields.String()
    kind = kind_field()
    paused = fields.Boolean()
    app_data = app_data_field()


class DataProducer(Told):
    """A data channel that a participant sends on."""

    data_producer_id = fields.String()
    label = fields.String()
    protocol = fields.String()
    app_data = app_data_field()


class Participant(Told):
    """Somebody in the room, with what they send."""

    participant_id = fields.UUID()
    user_id = fields.UUID()
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)
    is_producer = fields.Boolean()
    joined_at = time_field()
    hand_raised = fields.Boolean()
    hand_raised_at = time_field(allow_none=True)
    producers = fields.List(fields.Nested(Producer))
    data_producers = fields.List(fields.Nested(DataProducer))


class HeldTransport(Told):
    """A transport that one holds."""

    transport_id = fields.String()
    direction = fields.Enum(Direction, by_value=True)


class HeldConsumer(Told):
    """Something that one receives."""

    consumer_id = fields.String()
    producer_id = fields.String()
    paused = fields.Boolean()


class HeldDataConsumer(Told):
    """A data channel that one receives on."""

    data_consumer_id = fields.String()
    data_producer_id = fields.String()


class Oneself(Participant):
    """Oneself as the others see it, and all that one's seat holds: of use after a resume."""

    transports = fields.List(fields.Nested(HeldTransport))
    consumers = fields.List(fields.Nested(HeldConsumer))
    data_consumers = fields.List(fields.Nested(HeldDataConsumer))


class Room(Told):
    """The room's name and rules."""

    name = fields.String()
    is_locked = fields.Boolean()
    students_may_publish = fields.Boolean()
    waiting_room = fields.Boolean()
    max_participants = fields.Integer()
    one_seat_per_user = fields.Boolean()
    owner_id = fields.UUID(allow_none=True, metadata={"description": "null: that account is gone."})


class IceServer(Told):
    """An `RTCIceServer`."""

    optional = ("username", "credential")

    urls = fields.List(fields.String())
    username = fields.String()
    credential = fields.String()


class Joined(Told):
    """A seat in the room."""

    room_id = fields.String()
    participant_id = fields.UUID(metadata={"description": "The seat's; the peer's id at the media server, too."})
    resume_token = fields.String(metadata={"description": "Takes this seat back on a new socket."})
    resumed = fields.Boolean(metadata={"description": "Whether it was one's old seat."})
    participants = fields.List(fields.Nested(Participant), metadata={"description": "The others."})
    self = fields.Nested(
        Oneself,
        metadata={"description": "Oneself. A request whose answer was lost made what the client does not know."},
    )
    media_unknown = fields.Boolean(
        metadata={
            "description": "We restarted and the media server is away: no producers are listed, and all go on. "
            "Keep what you have; what is there comes as `new-producer`, or all is gone: `sfu-restarted`."
        }
    )
    router_rtp_capabilities = object_field("mediasoup's `RtpCapabilities`.")
    ice_servers = fields.List(fields.Nested(IceServer))
    room = fields.Nested(Room)


class Participants(Told):
    """Everybody in the room, oneself too."""

    participants = fields.List(fields.Nested(Participant))
    count = fields.Integer()


class RoomInfo(Told):
    """The media server's view of the room."""

    optional = ("created_at", "workers")

    room_id = fields.String()
    name = fields.String()
    peer_count = fields.Integer()
    peers = fields.List(object_field("A peer."), metadata={"description": "`email` only for who runs the room."})
    workers = fields.List(fields.Raw(), metadata={"description": "The media workers that carry it."})
    created_at = time_field()


class Waiter(Told):
    """Somebody who waits to be let in."""

    waiting_id = fields.UUID()
    user_id = fields.UUID()
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)
    since = time_field()


class Waiting(Told):
    """Who waits to be let in, in the order they came."""

    waiting = fields.List(fields.Nested(Waiter))


class Said(Told):
    """A message that is kept."""

    id = fields.UUID()
    sent_at = time_field()


class Transport(Told):
    """A transport of the media server."""

    optional = ("sctp_parameters",)

    transport_id = fields.String()
    ice_parameters = object_field("`usernameFragment`, `password`, `iceLite`.")
    ice_candidates = fields.List(object_field("mediasoup's `IceCandidate`."))
    dtls_parameters = object_field("mediasoup's `DtlsParameters`.")
    sctp_parameters = object_field("mediasoup's `SctpParameters`, when asked for.")


class IceRestarted(Told):
    """New ICE credentials."""

    ice_parameters = object_field("`usernameFragment`, `password`, `iceLite`.")


class Stats(Told):
    """Statistics."""

    stats = fields.List(object_field("By mediasoup's field names."))


class Produced(Told):
    """A new producer."""

    producer_id = fields.String()


class DataProduced(Told):
    """A new data producer."""

    data_producer_id = fields.String()


class LayersTold(Told):
    """Layers of a video; both null: nothing is sent."""

    spatial_layer = layer_field()
    temporal_layer = layer_field()


class LayersReached(LayersTold):
    """What it came to; empty for a consumer without layers."""

    optional = ("spatial_layer", "temporal_layer")


class Consumed(Told):
    """A new consumer."""

    consumer_id = fields.String()
    producer_id = fields.String()
    participant_id = fields.UUID()
    kind = kind_field()
    type = fields.String(validate=validate.OneOf(("simple", "simulcast", "svc")))
    rtp_parameters = object_field("mediasoup's `RtpParameters`.")
    producer_paused = fields.Boolean()
    app_data = app_data_field()
    current_layers = fields.Nested(
        LayersTold, allow_none=True, metadata={"description": "null until something is sent."}
    )


class DataConsumed(Told):
    """A new data consumer."""

    data_consumer_id = fields.String()
    data_producer_id = fields.String()
    participant_id = fields.UUID()
    sctp_stream_parameters = object_field("mediasoup's `SctpStreamParameters`.")
    label = fields.String()
    protocol = fields.String()
    app_data = app_data_field()
