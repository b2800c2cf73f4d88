"""What one participant says to another through us, for media between the two alone."""

from collections.abc import Awaitable, Callable
from typing import Any

from backend.domain.notices import Relayed
from backend.signalling.answers import answers
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject


def relay(method: str, field: str) -> Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]:
    """Make the handler that passes `field` on to the participant `to`, as a notification of the same name.

    A participant whose socket is just gone misses it, as it would on the network.
    """

    @answers(errors=("PARTICIPANT_NOT_FOUND",))
    async def handler(client: Client, data: dict[str, Any]) -> JsonObject:
        me = client.me
        target = me.room.participant(data["to"])
        target.tell(Relayed(method, {"from": me.id, field: data[field]}))
        return {}

    handler.__doc__ = f"Pass `{field}` on to the participant `to`, as a notification of the same name."
    return handler
