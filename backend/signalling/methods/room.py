"""Entering and leaving a room, and who is in it."""

from typing import Any

from backend.domain.joining import JoinWish
from backend.errors import Conflict
from backend.signalling.answers import Joined, Participants, RoomInfo, answers
from backend.signalling.client import Client
from backend.signalling.notifications import oneself_object, participant_object, room_object
from backend.signalling.protoo import JsonObject


@answers(
    Joined,
    errors=(
        "ALREADY_JOINED",
        "ROOM_NOT_FOUND",
        "ROOM_LOCKED",
        "ROOM_PASSWORD_REQUIRED",
        "WRONG_ROOM_PASSWORD",
        "TOO_MANY_ATTEMPTS",
        "INVITATION_REQUIRED",
        "INVALID_INVITATION",
        "WAITING_FOR_ADMISSION",
        "WAITING_ROOM_FULL",
        "ROOM_FULL",
        "LIMIT_REACHED",
        "SFU_UNAVAILABLE",
        "DATABASE_UNAVAILABLE",
    ),
)
async def join_room(client: Client, data: dict[str, Any]) -> JsonObject:
    """Take a seat in a room, or one's old seat back.

    Who may make rooms makes one by joining an id that no room has. Everything that changes after the answer is
    told by notifications, so who joins learns every producer exactly once.

    Raises:
        Conflict: `ALREADY_JOINED`. And what `LiveClasses.join` raises.
    """
    if client.participant is not None:
        raise Conflict("This connection has joined a room already.", "ALREADY_JOINED")
    rules = client.rules
    joined = await rules.classes.join(client.identity, JoinWish(**data), client.outbox)
    me = client.participant = joined.me
    me.room.change_user(me, client.user)  # it may have changed while the seat was being taken
    answer = {
        "roomId": me.room.id,
        "participantId": me.id,
        "resumeToken": joined.resume_token,
        "resumed": joined.resumed,
        "participants": [participant_object(other) for other in joined.others],
        "self": oneself_object(me),
        "mediaUnknown": me.room.media_unknown,
        "routerRtpCapabilities": me.room.router_rtp_capabilities,
        "iceServers": rules.ice_servers(client.user),
        "room": room_object(me.room.record),
    }
    rules.classes.catch_up(me)
    return answer


@answers()
async def leave_room(client: Client, _data: dict[str, Any]) -> JsonObject:
    """Free the seat; the connection is closed when this is answered."""
    await client.rules.classes.leave(client.me)
    client.outbox.end("left")
    return {}


@answers(Participants)
async def get_participants(client: Client, _data: dict[str, Any]) -> JsonObject:
    """List everybody in the room, oneself too."""
    everybody = [participant_object(one) for one in client.me.room.participants.values()]
    return {"participants": everybody, "count": len(everybody)}


@answers(RoomInfo, errors=("SFU_UNAVAILABLE",))
async def get_room_info(client: Client, _data: dict[str, Any]) -> JsonObject:
    """Return the SFU's view of the room."""
    return await client.rules.media.room_info(client.me)


@answers()
async def raise_hand(client: Client, data: dict[str, Any]) -> JsonObject:
    """Put one's hand up or down."""
    client.rules.hands.raise_hand(client.me, raised=data["raised"])
    return {}
