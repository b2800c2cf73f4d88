"""What who runs the room may do."""

from typing import Any

from backend.signalling.answers import answers
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject


@answers(errors=("PARTICIPANT_NOT_FOUND", "SFU_UNAVAILABLE"))
async def mute_participant(client: Client, data: dict[str, Any]) -> JsonObject:
    """Pause what a participant sends, all of it or one kind."""
    await client.rules.moderation.mute(client.me, data["participant_id"], data.get("kind"))
    return {}


@answers(errors=("PARTICIPANT_NOT_FOUND",))
async def kick_participant(client: Client, data: dict[str, Any]) -> JsonObject:
    """Send a participant out for good."""
    client.rules.moderation.kick(client.me, data["participant_id"])
    return {}


@answers(errors=("PARTICIPANT_NOT_FOUND",))
async def lower_hand(client: Client, data: dict[str, Any]) -> JsonObject:
    """Put a participant's hand down, or all of them."""
    if data["all"]:
        client.rules.hands.lower_all(client.me)
    else:
        client.rules.hands.lower(client.me, data["participant_id"])
    return {}


@answers(errors=("ROOM_NOT_FOUND", "DATABASE_UNAVAILABLE"))
async def lock_room(client: Client, data: dict[str, Any]) -> JsonObject:
    """Keep further students out, or let them in again."""
    await client.rules.moderation.lock(client.me, locked=data["locked"])
    return {}


@answers()
async def close_room(client: Client, _data: dict[str, Any]) -> JsonObject:
    """End the class for everybody."""
    await client.rules.moderation.close(client.me)
    return {}
