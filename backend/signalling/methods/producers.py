"""What one sends."""

from collections.abc import Awaitable, Callable
from typing import Any

from backend.domain.sfu_port import ProducerWish, SwitchAction
from backend.signalling.answers import Produced, answers
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject


@answers(Produced, errors=("INSUFFICIENT_PERMISSIONS", "TRANSPORT_NOT_FOUND", "LIMIT_REACHED", "SFU_UNAVAILABLE"))
async def produce(client: Client, data: dict[str, Any]) -> JsonObject:
    """Send something new; the others are told."""
    producer = await client.rules.media.produce(client.me, ProducerWish(**data))
    return {"producerId": producer.id}


def switch_producer(action: SwitchAction) -> Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]:
    """Make the handler that pauses, resumes or closes one's own producer."""

    @answers(errors=("INSUFFICIENT_PERMISSIONS", "PRODUCER_NOT_FOUND", "SFU_UNAVAILABLE"))
    async def handler(client: Client, data: dict[str, Any]) -> JsonObject:
        await client.rules.media.switch_producer(client.me, data["producer_id"], action)
        return {}

    handler.__doc__ = f"{action.value.capitalize()} one's own producer; the others are told."
    return handler
