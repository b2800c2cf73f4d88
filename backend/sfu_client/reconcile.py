"""Reads what the SFU holds, from `GET /rooms/{roomId}?detail=1`, into the terms in which the rules compare it."""

from typing import Any

from backend.domain.sfu_port import Direction, JsonObject, Layers
from backend.domain.sfu_state import (
    ConsumerState,
    DataConsumerState,
    DataProducerState,
    ProducerState,
    SfuPeerState,
    SfuRoomState,
)
from backend.errors import Broken


def room_state(room_id: str, detail: JsonObject) -> SfuRoomState:
    """Return everything in the room, by peer, and which layers of it flow.

    Raises:
        Broken: the answer has not the form of the contract.
    """
    try:
        peers = {peer["peerId"]: _peer_state(peer) for peer in detail["peers"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Broken("The media server's answer makes no sense.") from error
    return SfuRoomState(room_id, peers, detail.get("rtpCapabilities") or {})


def layers_in(wire: JsonObject | None) -> Layers | None:
    """Read a video's layers; None when there are none."""
    if wire is None or wire.get("spatialLayer") is None:
        return None
    return Layers(wire["spatialLayer"], wire.get("temporalLayer"))


def layers_wire(layers: Layers) -> JsonObject:
    """Write a video's layers."""
    wire: JsonObject = {"spatialLayer": layers.spatial}
    if layers.temporal is not None:
        wire["temporalLayer"] = layers.temporal
    return wire


def _peer_state(peer: Any) -> SfuPeerState:
    return SfuPeerState(
        transports={one["transportId"]: Direction(one["direction"]) for one in peer["transports"]},
        producers={one["producerId"]: _producer(one) for one in peer["producers"]},
        consumers={one["consumerId"]: _consumer(one) for one in peer["consumers"]},
        layers={one["consumerId"]: layers_in(one.get("currentLayers")) for one in peer["consumers"]},
        wanted={
            one["producerId"]: one["wantedLayers"]["spatialLayer"]
            for one in peer["producers"]
            if one.get("wantedLayers") is not None
        },
        data_producers={one["dataProducerId"]: _data_producer(one) for one in peer.get("dataProducers", ())},
        data_consumers={
            one["dataConsumerId"]: DataConsumerState(one["transportId"], one["dataProducerId"])
            for one in peer.get("dataConsumers", ())
        },
    )


def _producer(one: Any) -> ProducerState:
    return ProducerState(one["transportId"], one["kind"], bool(one["paused"]), one.get("appData") or {})


def _consumer(one: Any) -> ConsumerState:
    return ConsumerState(one["transportId"], one["producerId"], bool(one["paused"]))


def _data_producer(one: Any) -> DataProducerState:
    return DataProducerState(
        one["transportId"], one.get("label") or "", one.get("protocol") or "", one.get("appData") or {}
    )
