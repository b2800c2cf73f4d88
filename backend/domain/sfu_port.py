"""The SFU as the rules see it: what they may ask of it, and what it tells by itself.

`SfuPort` is implemented by `backend.sfu_client`; `SfuListener` by `backend.domain.sfu_watch`. RTP, ICE, DTLS and
SCTP parameters pass through the backend unread, as JSON objects in mediasoup's and WebRTC's own terms.
"""

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from backend.errors import NotAvailable

if TYPE_CHECKING:
    from backend.domain.sfu_state import SfuRoomState

JsonObject = dict[str, Any]

SFU_UNAVAILABLE = "SFU_UNAVAILABLE"

ROOM_NOT_FOUND = "ROOM_NOT_FOUND"
PEER_NOT_FOUND = "PEER_NOT_FOUND"
TRANSPORT_NOT_FOUND = "TRANSPORT_NOT_FOUND"
PRODUCER_NOT_FOUND = "PRODUCER_NOT_FOUND"
CONSUMER_NOT_FOUND = "CONSUMER_NOT_FOUND"
DATA_PRODUCER_NOT_FOUND = "DATA_PRODUCER_NOT_FOUND"
DATA_CONSUMER_NOT_FOUND = "DATA_CONSUMER_NOT_FOUND"


class SfuUnavailable(NotAvailable):
    """The SFU does not answer, or cannot serve now. `maybe_done`: it may have done what was asked all the same."""

    default_code = SFU_UNAVAILABLE

    def __init__(self, *, maybe_done: bool = False) -> None:
        super().__init__("The media server is not available. Try again shortly.")
        self.maybe_done = maybe_done


class Direction(enum.StrEnum):
    """Which way media flows through a transport, seen from the client."""

    SEND = "send"
    RECV = "recv"


class SwitchAction(enum.StrEnum):
    """What can be done to a producer or consumer that exists."""

    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"


class MediaObject(enum.StrEnum):
    """What has statistics at the SFU; the value is the API's collection."""

    TRANSPORT = "transports"
    PRODUCER = "producers"
    CONSUMER = "consumers"
    DATA_PRODUCER = "data-producers"
    DATA_CONSUMER = "data-consumers"


class Layers(NamedTuple):
    """Layers of a video, counted from 0, the lowest. Without a temporal one, the highest there is."""

    spatial: int
    temporal: int | None = None


@dataclass(frozen=True, slots=True)
class SfuPeer:
    """A participant as the SFU labels it; `id` is the participant's."""

    id: str
    user_id: str
    email: str
    full_name: str
    role: str
    is_producer: bool


@dataclass(frozen=True, slots=True)
class SfuTransport:
    """A transport that the SFU made: its id and its whole answer, for the client."""

    id: str
    answer: JsonObject


@dataclass(frozen=True, slots=True)
class ProducerWish:
    """What a client wants to send. `rtp_parameters` and `app_data` are opaque."""

    transport_id: str
    kind: str
    rtp_parameters: JsonObject
    paused: bool = False
    app_data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerWish:
    """What a client wants to receive, at most in these layers; without a transport its first one for it serves."""

    producer_id: str
    rtp_capabilities: JsonObject
    paused: bool = True
    transport_id: str | None = None
    preferred_layers: Layers | None = None


@dataclass(frozen=True, slots=True)
class DataProducerWish:
    """On which data channel a client wants to send. `sctp_stream_parameters` and `app_data` are opaque."""

    transport_id: str
    sctp_stream_parameters: JsonObject
    label: str = ""
    protocol: str = ""
    app_data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataConsumerWish:
    """Which data producer a client wants to receive; what is None is as with that, or the first transport."""

    data_producer_id: str
    transport_id: str | None = None
    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None


@dataclass(frozen=True, slots=True)
class SfuConsumer:
    """A consumer that the SFU made, with what the client needs to receive it."""

    id: str
    kind: str
    type: str
    rtp_parameters: JsonObject
    producer_paused: bool


@dataclass(frozen=True, slots=True)
class ProducerClosed:
    """The SFU closed a producer, asked or not."""

    room_id: str
    producer_id: str


@dataclass(frozen=True, slots=True)
class ConsumerClosed:
    """The SFU closed a consumer, asked or not."""

    room_id: str
    consumer_id: str


@dataclass(frozen=True, slots=True)
class DataProducerClosed:
    """The SFU closed a data producer, asked or not."""

    room_id: str
    producer_id: str


@dataclass(frozen=True, slots=True)
class DataConsumerClosed:
    """The SFU closed a data consumer, asked or not; `reason` tells why when it did so by itself."""

    room_id: str
    peer_id: str
    consumer_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class RoomDoubtful:
    """The SFU closed a peer or the room itself, asked or not: what we hold of the room may be gone."""

    room_id: str


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """Somebody speaks; `volume` is in dBov, -127 to 0."""

    room_id: str
    peer_id: str
    producer_id: str
    volume: int


@dataclass(frozen=True, slots=True)
class LayersChanged:
    """The SFU now sends other layers to a consumer; None: nothing."""

    room_id: str
    peer_id: str
    consumer_id: str
    layers: Layers | None


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """Others now watch a producer's layers up to this one; None: nobody watches."""

    room_id: str
    producer_id: str
    spatial_layer: int | None


SfuEvent = (
    ProducerClosed
    | ConsumerClosed
    | DataProducerClosed
    | DataConsumerClosed
    | RoomDoubtful
    | SpeakerChanged
    | LayersChanged
    | LayersWanted
)


class SfuPort(Protocol):
    """What the rules ask of the SFU.

    Every call ends within a few seconds. It may raise `SfuUnavailable`, or what the SFU answered as the error
    class and code that fit: `InvalidInput` (with details, or `CANNOT_CONSUME`), `NotFound`, `Conflict`.
    """

    @property
    def available(self) -> bool:
        """Whether there is an SFU that answers: only then are requests sent at all."""

    def serves(self, room_id: str) -> bool:
        """Whether the SFU that the room's media are at answers, or another one can take the room."""

    async def open_room(self, room_id: str) -> None:
        """Learn where the room's media are, before anything of it is asked; `join_peer` does so by itself.

        Raises:
            backend.errors.DatabaseUnavailable: it cannot be read.
        """

    def close_room(self, room_id: str, *, ended: bool) -> None:
        """Note that the room is not open here any more; clearing away its peers goes on.

        `ended`: nobody is in it, so nobody needs to know where its media were.
        """

    async def join_peer(self, room_id: str, room_name: str, peer: SfuPeer) -> JsonObject:
        """Make the peer (and its room) and return the router's RTP capabilities."""

    async def leave_peer(self, room_id: str, peer_id: str) -> None:
        """Remove the peer with all it has; a peer that is not there is no error."""

    async def room_info(self, room_id: str) -> JsonObject | None:
        """Return the SFU's own view of the room; None when it has no such room."""

    async def room_state(self, room_id: str) -> "SfuRoomState | None":
        """Return all that the SFU holds for the room; None when it has no such room."""

    async def room_ids(self) -> Sequence[str]:
        """Return the ids of all rooms of the SFU."""

    async def create_transport(
        self, room_id: str, peer_id: str, direction: Direction, *, enable_sctp: bool
    ) -> SfuTransport:
        """Make a WebRTC transport for the peer."""

    async def connect_transport(self, room_id: str, transport_id: str, dtls_parameters: JsonObject) -> None:
        """Give the transport the client's DTLS parameters."""

    async def restart_ice(self, room_id: str, transport_id: str) -> JsonObject:
        """Have the transport's ICE credentials made anew and return them."""

    async def close_transport(self, room_id: str, transport_id: str) -> None:
        """Close the transport with all it carries; one that is not there is no error."""

    async def create_producer(self, room_id: str, peer_id: str, wish: ProducerWish) -> str:
        """Make a producer and return its id."""

    async def switch_producer(self, room_id: str, producer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a producer; closing one that is not there is no error."""

    async def create_consumer(self, room_id: str, peer_id: str, wish: ConsumerWish) -> SfuConsumer:
        """Make a consumer."""

    async def switch_consumer(self, room_id: str, consumer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a consumer; closing one that is not there is no error."""

    async def create_data_producer(self, room_id: str, peer_id: str, wish: DataProducerWish) -> str:
        """Make a data producer and return its id."""

    async def close_data_producer(self, room_id: str, producer_id: str) -> None:
        """Close a data producer; one that is not there is no error."""

    async def create_data_consumer(
        self, room_id: str, peer_id: str, transport_id: str, wish: DataConsumerWish
    ) -> tuple[str, JsonObject]:
        """Make a data consumer and return its id and SCTP stream parameters."""

    async def close_data_consumer(self, room_id: str, consumer_id: str) -> None:
        """Close a data consumer; one that is not there is no error."""

    async def set_preferred_layers(self, room_id: str, consumer_id: str, layers: Layers) -> Layers | None:
        """Send a consumer at most these layers; return what it came to, None when it has no layers."""

    async def set_priority(self, room_id: str, consumer_id: str, priority: int) -> None:
        """Let a consumer come before or after the others of its transport when bandwidth is short."""

    async def request_key_frame(self, room_id: str, consumer_id: str) -> None:
        """Ask the consumer's publisher for a key frame."""

    async def stats(self, room_id: str, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        """Return the statistics of a transport, producer or consumer, in mediasoup's field names."""


class SfuListener(Protocol):
    """Who is told what happens at the SFUs. Called in order; none of these may block.

    `rooms` are the ids of those whose media are at the SFU that it is about; None: all.
    """

    def sfu_connected(self, *, restarted: bool, missed_events: bool, rooms: Collection[str] | None = None) -> None:
        """The event stream is open. `restarted`: the media of these rooms are gone, whoever takes them next."""

    def sfu_lost(self, rooms: Collection[str] | None = None) -> None:
        """The event stream broke and could not be opened again at once."""

    def sfu_missed_events(self, rooms: Collection[str] | None = None) -> None:
        """Events were lost: what we hold may not be what the SFU holds."""

    def sfu_event(self, event: SfuEvent) -> None:
        """Something happened in a room."""


class SfuLink(SfuPort, Protocol):
    """The way to all SFUs with its lifetime."""

    async def start(self, listener: SfuListener) -> None:
        """Start to follow the events; return when the streams are open or after a short wait without success."""

    async def close(self) -> None:
        """Stop following, close all connections. Leaves everything at the SFUs as it is."""
