"""Transports and statistics."""

from typing import Any

from backend.domain.sfu_port import MediaObject
from backend.signalling.answers import IceRestarted, Stats, Transport, answers
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject

_ERRORS = ("TRANSPORT_NOT_FOUND", "SFU_UNAVAILABLE")


@answers(Transport, errors=("LIMIT_REACHED", "SFU_UNAVAILABLE"))
async def create_transport(client: Client, data: dict[str, Any]) -> JsonObject:
    """Make a transport; the answer is the SFU's."""
    transport = await client.rules.media.create_transport(
        client.me, data["direction"], enable_sctp=data["enable_sctp"]
    )
    return transport.answer


@answers(errors=(*_ERRORS, "ALREADY_CONNECTED"))
async def connect_transport(client: Client, data: dict[str, Any]) -> JsonObject:
    """Give one's transport the client's DTLS parameters."""
    await client.rules.media.connect_transport(client.me, data["transport_id"], data["dtls_parameters"])
    return {}


@answers(IceRestarted, errors=_ERRORS)
async def restart_ice(client: Client, data: dict[str, Any]) -> JsonObject:
    """Make one's transport's ICE credentials anew; the answer has them."""
    return {"iceParameters": await client.rules.media.restart_ice(client.me, data["transport_id"])}


@answers(errors=_ERRORS)
async def close_transport(client: Client, data: dict[str, Any]) -> JsonObject:
    """Close one's transport with all it carries."""
    await client.rules.media.close_transport(client.me, data["transport_id"])
    return {}


_STATS_OF = {
    "transport_id": MediaObject.TRANSPORT,
    "producer_id": MediaObject.PRODUCER,
    "consumer_id": MediaObject.CONSUMER,
    "data_producer_id": MediaObject.DATA_PRODUCER,
    "data_consumer_id": MediaObject.DATA_CONSUMER,
}


@answers(
    Stats,
    errors=(
        *_ERRORS,
        "PRODUCER_NOT_FOUND",
        "CONSUMER_NOT_FOUND",
        "DATA_PRODUCER_NOT_FOUND",
        "DATA_CONSUMER_NOT_FOUND",
    ),
)
async def get_stats(client: Client, data: dict[str, Any]) -> JsonObject:
    """Return the statistics of something of one's own."""
    ((name, object_id),) = data.items()
    return {"stats": await client.rules.media.stats(client.me, _STATS_OF[name], object_id)}
