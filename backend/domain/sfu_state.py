"""What the SFU holds for a room, as far as the rules need it: to compare it with ours, and to take it over.

Everything is held by its id. What is only passed through to clients (RTP parameters) is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.domain.sfu_port import Direction, JsonObject, Layers


@dataclass(frozen=True, slots=True)
class ProducerState:
    """A producer. `app_data` is the client's own."""

    transport_id: str
    kind: str
    paused: bool
    app_data: JsonObject


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """A consumer; `paused` by who receives it, whatever its producer does."""

    transport_id: str
    producer_id: str
    paused: bool


@dataclass(frozen=True, slots=True)
class DataProducerState:
    """A data producer."""

    transport_id: str
    label: str
    protocol: str
    app_data: JsonObject


@dataclass(frozen=True, slots=True)
class DataConsumerState:
    """A data consumer."""

    transport_id: str
    producer_id: str


@dataclass(frozen=True, slots=True)
class SfuPeerState:
    """What the SFU holds for one peer.

    `layers` are what it sends to consumers, by their ids; None: nothing. `wanted` are the highest layers that
    anybody watches of producers, by their ids, as far as it knows; None: nobody watches.
    """

    transports: Mapping[str, Direction] = field(default_factory=dict)
    producers: Mapping[str, ProducerState] = field(default_factory=dict)
    consumers: Mapping[str, ConsumerState] = field(default_factory=dict)
    layers: Mapping[str, Layers | None] = field(default_factory=dict)
    wanted: Mapping[str, int | None] = field(default_factory=dict)
    data_producers: Mapping[str, DataProducerState] = field(default_factory=dict)
    data_consumers: Mapping[str, DataConsumerState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SfuRoomState:
    """What the SFU holds for one room, by peer id, and the router's RTP capabilities."""

    room_id: str
    peers: Mapping[str, SfuPeerState]
    rtp_capabilities: JsonObject = field(default_factory=dict)
