"""Data producers and data consumers: what peers send and receive on data channels."""

from aiohttp import web

from sfu.api import render
from sfu.api.bodies import read_body
from sfu.api.responses import json_response
from sfu.api.rooms import SUCCESS, room_of
from sfu.control.data_consumer import DataConsumer, DataConsumerOptions
from sfu.control.data_producer import DataProducer
from shared.data_control_api import CONSUME_DATA_REQUEST, PRODUCE_DATA_REQUEST


def _producer_of(request: web.Request) -> DataProducer:
    return room_of(request).data_producer(request.match_info["dataProducerId"])


def _consumer_of(request: web.Request) -> DataConsumer:
    return room_of(request).data_consumer(request.match_info["dataConsumerId"])


async def produce_data(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-producers`."""
    room = room_of(request)
    body = await read_body(request, PRODUCE_DATA_REQUEST)
    transport = room.peer(body.peer_id).transport(body.transport_id, "send")
    producer = await transport.data.produce(
        body.sctp_stream_parameters,
        label=body.label,
        protocol=body.protocol,
        paused=body.paused,
        app_data=body.app_data,
    )
    return json_response(render.data_producer(producer))


async def close_data_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-producers/{dataProducerId}/close`."""
    _producer_of(request).close()
    return json_response(SUCCESS)


async def pause_data_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-producers/{dataProducerId}/pause`."""
    await _producer_of(request).set_paused(True)
    return json_response(SUCCESS)


async def resume_data_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-producers/{dataProducerId}/resume`."""
    await _producer_of(request).set_paused(False)
    return json_response(SUCCESS)


async def data_producer_stats(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}/data-producers/{dataProducerId}/stats`."""
    return json_response({"stats": await _producer_of(request).stats()})


async def consume_data(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-consumers`."""
    room = room_of(request)
    body = await read_body(request, CONSUME_DATA_REQUEST)
    peer = room.peer(body.peer_id)
    producer = room.data_producer(body.data_producer_id)
    transport = peer.transport(body.transport_id, "recv")
    options = DataConsumerOptions(body.ordered, body.max_packet_life_time, body.max_retransmits, body.paused)
    return json_response(render.data_consumer(await transport.data.consume(producer, options)))


async def close_data_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-consumers/{dataConsumerId}/close`."""
    _consumer_of(request).close()
    return json_response(SUCCESS)


async def pause_data_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-consumers/{dataConsumerId}/pause`."""
    await _consumer_of(request).set_paused(True)
    return json_response(SUCCESS)


async def resume_data_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/data-consumers/{dataConsumerId}/resume`."""
    await _consumer_of(request).set_paused(False)
    return json_response(SUCCESS)


async def data_consumer_stats(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}/data-consumers/{dataConsumerId}/stats`."""
    return json_response({"stats": await _consumer_of(request).stats()})
