"""Reads what the SFU holds, from `GET /rooms/{roomId}?detail=1`, into the terms in which the rules compare it."""

from collections.abc import Iterable
from typing import Any

from backend.domain.sfu_port import JsonObject, Layers, SfuPeerState, SfuRoomState
from backend.errors import Broken


def room_state(room_id: str, detail: JsonObject) -> SfuRoomState:
    """Return the ids of everything in the room, by peer, and which layers of it flow.

    Raises:
        Broken: the answer has not the form of the contract.
    """
    try:
        peers = {
            peer["peerId"]: SfuPeerState(
                transports=_ids(peer["transports"], "transportId"),
                producers=_ids(peer["producers"], "producerId"),
                consumers=_ids(peer["consumers"], "consumerId"),
                layers={_id(one, "consumerId"): layers_in(one.get("currentLayers")) for one in peer["consumers"]},
                wanted={
                    _id(one, "producerId"): one["wantedLayers"]["spatialLayer"]
                    for one in peer["producers"]
                    if one.get("wantedLayers") is not None
                },
                data_producers=_ids(peer.get("dataProducers", ()), "dataProducerId"),
                data_consumers=_ids(peer.get("dataConsumers", ()), "dataConsumerId"),
            )
            for peer in detail["peers"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise Broken("The media server's answer makes no sense.") from error
    return SfuRoomState(room_id, peers)


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


def _ids(objects: Iterable[Any], name: str) -> frozenset[str]:
    return frozenset(_id(one, name) for one in objects)


def _id(one: Any, name: str) -> Any:
    return one[name] if name in one else one["id"]
