"""What one receives."""

from collections.abc import Awaitable, Callable
from typing import Any

from backend.domain.sfu_port import ConsumerWish, SwitchAction
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject


async def consume(client: Client, data: dict[str, Any]) -> JsonObject:
    """Receive a producer of the room; paused, unless the client says otherwise."""
    consumer, negotiated = await client.rules.media.consume(client.me, ConsumerWish(**data))
    return {
        "consumerId": consumer.id,
        "producerId": consumer.producer.id,
        "participantId": consumer.producer.owner.id,
        "appData": consumer.producer.app_data,
        **negotiated,
    }


async def request_key_frame(client: Client, data: dict[str, Any]) -> JsonObject:
    """Ask for a key frame for one's consumer."""
    await client.rules.media.request_key_frame(client.me, data["consumer_id"])
    return {}


def switch_consumer(action: SwitchAction) -> Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]:
    """Make the handler that pauses, resumes or closes one's own consumer."""

    async def handler(client: Client, data: dict[str, Any]) -> JsonObject:
        await client.rules.media.switch_consumer(client.me, data["consumer_id"], action)
        return {}

    return handler
