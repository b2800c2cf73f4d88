"""What one sends and receives on data channels."""

from typing import Any

from backend.domain.sfu_port import DataConsumerWish, DataProducerWish
from backend.signalling.answers import DataConsumed, DataProduced, answers
from backend.signalling.client import Client
from backend.signalling.protoo import JsonObject


@answers(
    DataProduced,
    errors=("INSUFFICIENT_PERMISSIONS", "TRANSPORT_NOT_FOUND", "LIMIT_REACHED", "SFU_UNAVAILABLE"),
)
async def produce_data(client: Client, data: dict[str, Any]) -> JsonObject:
    """Send on a new channel; the others are told."""
    producer = await client.rules.data.produce(client.me, DataProducerWish(**data))
    return {"dataProducerId": producer.id}


@answers(
    DataConsumed,
    errors=("DATA_PRODUCER_NOT_FOUND", "TRANSPORT_NOT_FOUND", "LIMIT_REACHED", "SFU_UNAVAILABLE"),
)
async def consume_data(client: Client, data: dict[str, Any]) -> JsonObject:
    """Receive a data producer of the room."""
    consumer, parameters = await client.rules.data.consume(client.me, DataConsumerWish(**data))
    producer = consumer.producer
    return {
        "dataConsumerId": consumer.id,
        "dataProducerId": producer.id,
        "participantId": producer.owner.id,
        "sctpStreamParameters": parameters,
        "label": producer.label,
        "protocol": producer.protocol,
        "appData": producer.app_data,
    }


@answers(errors=("DATA_PRODUCER_NOT_FOUND", "SFU_UNAVAILABLE"))
async def close_data_producer(client: Client, data: dict[str, Any]) -> JsonObject:
    """Close one's own data producer."""
    await client.rules.data.close_producer(client.me, data["data_producer_id"])
    return {}


@answers(errors=("DATA_CONSUMER_NOT_FOUND", "SFU_UNAVAILABLE"))
async def close_data_consumer(client: Client, data: dict[str, Any]) -> JsonObject:
    """Close one's own data consumer."""
    await client.rules.data.close_consumer(client.me, data["data_consumer_id"])
    return {}
