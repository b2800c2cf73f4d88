"""What one says to everybody."""

from typing import Any

from backend.signalling.answers import Said, answers
from backend.signalling.client import Client
from backend.signalling.notifications import unix_ms
from backend.signalling.protoo import JsonObject


@answers(Said, errors=("TOO_MANY_MESSAGES", "DATABASE_UNAVAILABLE"))
async def say(client: Client, data: dict[str, Any]) -> JsonObject:
    """Say something; when this is answered it is kept, and everybody is told."""
    message = await client.rules.chat.say(client.me, data["text"])
    return {"id": message.id, "sentAt": unix_ms(message.sent_at)}
