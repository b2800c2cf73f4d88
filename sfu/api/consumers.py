"""Consumers: what peers receive."""

from aiohttp import web

from sfu.api import render
from sfu.api.bodies import read_body
from sfu.api.responses import json_response
from sfu.api.rooms import SUCCESS, room_of
from sfu.control.consumer import Consumer, ConsumerOptions
from shared.control_api import CONSUME_REQUEST, PREFERRED_LAYERS, PRIORITY_REQUEST


def _consumer_of(request: web.Request) -> Consumer:
    return room_of(request).consumer(request.match_info["consumerId"])


async def consume(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers`."""
    room = room_of(request)
    body = await read_body(request, CONSUME_REQUEST)
    peer = room.peer(body.peer_id)
    producer = room.producer(body.producer_id)
    transport = peer.transport(body.transport_id, "recv")
    options = ConsumerOptions(body.paused, body.preferred_layers, body.priority)
    consumer = await room.consume(transport, producer, body.rtp_capabilities, options)
    return json_response(render.new_consumer(consumer))


async def close_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/close`."""
    _consumer_of(request).close()
    return json_response(SUCCESS)


async def pause_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/pause`."""
    await _consumer_of(request).set_paused(True)
    return json_response(SUCCESS)


async def resume_consumer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/resume`."""
    await _consumer_of(request).set_paused(False)
    return json_response(SUCCESS)


async def request_key_frame(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/request-key-frame`."""
    await _consumer_of(request).request_key_frame()
    return json_response(SUCCESS)


async def set_preferred_layers(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/preferred-layers`; answers the layers it came to."""
    consumer = _consumer_of(request)
    layers = await consumer.set_preferred_layers(await read_body(request, PREFERRED_LAYERS))
    return json_response({**SUCCESS, **layers})


async def set_priority(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/consumers/{consumerId}/priority`."""
    consumer = _consumer_of(request)
    body = await read_body(request, PRIORITY_REQUEST)
    await consumer.set_priority(body.priority)
    return json_response({**SUCCESS, "priority": consumer.priority})


async def consumer_stats(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}/consumers/{consumerId}/stats`."""
    return json_response({"stats": await _consumer_of(request).stats()})
