"""The waiting room, for who runs the room."""

from typing import Any

from backend.signalling.answers import Waiting, answers
from backend.signalling.client import Client
from backend.signalling.notifications import waiting_objects
from backend.signalling.protoo import JsonObject


@answers(Waiting)
async def get_waiting(client: Client, _data: dict[str, Any]) -> JsonObject:
    """List who waits to be let in, in the order they came."""
    return {"waiting": waiting_objects(client.rules.admissions.waiting(client.me))}


@answers(errors=("WAITING_NOT_FOUND", "ROOM_LOCKED", "ROOM_NOT_FOUND", "DATABASE_UNAVAILABLE"))
async def admit_participant(client: Client, data: dict[str, Any]) -> JsonObject:
    """Let in somebody who waits, or everybody."""
    if data["all"]:
        await client.rules.admissions.admit_all(client.me)
    else:
        await client.rules.admissions.admit(client.me, data["waiting_id"])
    return {}


@answers(errors=("WAITING_NOT_FOUND",))
async def deny_participant(client: Client, data: dict[str, Any]) -> JsonObject:
    """Turn away somebody who waits."""
    client.rules.admissions.deny(client.me, data["waiting_id"])
    return {}
