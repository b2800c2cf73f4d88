"""What one receives."""

from collections.abc import Awaitable, Callable
from typing import Any

from backend.domain.sfu_port import ConsumerWish, Layers, SwitchAction
from backend.signalling.answers import Consumed, LayersReached, answers
from backend.signalling.client import Client
from backend.signalling.notifications import layers_object
from backend.signalling.protoo import JsonObject

_ERRORS = ("CONSUMER_NOT_FOUND", "SFU_UNAVAILABLE")


@answers(
    Consumed,
    errors=("PRODUCER_NOT_FOUND", "TRANSPORT_NOT_FOUND", "CANNOT_CONSUME", "LIMIT_REACHED", "SFU_UNAVAILABLE"),
)
async def consume(client: Client, data: dict[str, Any]) -> JsonObject:
    """Receive a producer of the room; paused, unless the client says otherwise."""
    consumer, negotiated = await client.rules.media.consume(client.me, ConsumerWish(**data))
    return {
        "consumerId": consumer.id,
        "producerId": consumer.producer.id,
        "participantId": consumer.producer.owner.id,
        "appData": consumer.producer.app_data,
        "currentLayers": layers_object(consumer.layers.layers) if consumer.layers is not None else None,
        **negotiated,
    }


@answers(LayersReached, errors=_ERRORS)
async def set_preferred_layers(client: Client, data: dict[str, Any]) -> JsonObject:
    """Receive at most these layers; the answer is what it came to, empty when the consumer has no layers."""
    wanted = Layers(data["spatial"], data["temporal"])
    layers = await client.rules.media.set_preferred_layers(client.me, data["consumer_id"], wanted)
    return layers_object(layers) if layers is not None else {}


@answers(errors=_ERRORS)
async def set_priority(client: Client, data: dict[str, Any]) -> JsonObject:
    """Let one's consumer come before or after one's others when bandwidth is short."""
    await client.rules.media.set_consumer_priority(client.me, data["consumer_id"], data["priority"])
    return {}


@answers(errors=_ERRORS)
async def request_key_frame(client: Client, data: dict[str, Any]) -> JsonObject:
    """Ask for a key frame for one's consumer."""
    await client.rules.media.request_key_frame(client.me, data["consumer_id"])
    return {}


def switch_consumer(action: SwitchAction) -> Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]:
    """Make the handler that pauses, resumes or closes one's own consumer."""

    @answers(errors=_ERRORS)
    async def handler(client: Client, data: dict[str, Any]) -> JsonObject:
        await client.rules.media.switch_consumer(client.me, data["consumer_id"], action)
        return {}

    handler.__doc__ = f"{action.value.capitalize()} one's own consumer."
    return handler
