"""Reads what the SFU holds, from `GET /rooms/{roomId}?detail=1`, into the terms in which the rules compare it."""

from collections.abc import Iterable
from typing import Any

from backend.domain.sfu_port import JsonObject, SfuPeerState, SfuRoomState
from backend.errors import Broken


def room_state(room_id: str, detail: JsonObject) -> SfuRoomState:
    """Return the ids of everything in the room, by peer.

    Raises:
        Broken: the answer has not the form of the contract.
    """
    try:
        peers = {
            peer["peerId"]: SfuPeerState(
                transports=_ids(peer["transports"], "transportId"),
                producers=_ids(peer["producers"], "producerId"),
                consumers=_ids(peer["consumers"], "consumerId"),
            )
            for peer in detail["peers"]
        }
    except (KeyError, TypeError) as error:
        raise Broken("The media server's answer makes no sense.") from error
    return SfuRoomState(room_id, peers)


def _ids(objects: Iterable[Any], name: str) -> frozenset[str]:
    return frozenset(one[name] if name in one else one["id"] for one in objects)
