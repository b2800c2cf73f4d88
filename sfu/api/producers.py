"""Producers: what peers send."""

from aiohttp import web

from sfu.api import render
from sfu.api.bodies import read_body
from sfu.api.responses import json_response
from sfu.api.rooms import SUCCESS, room_of
from sfu.control.producer import Producer
from shared.control_api import PRODUCE_REQUEST


def _producer_of(request: web.Request) -> Producer:
    return room_of(request).producer(request.match_info["producerId"])


async def produce(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/producers`."""
    room = room_of(request)
    body = await read_body(request, PRODUCE_REQUEST)
    transport = room.peer(body.peer_id).transport(body.transport_id, "send")
    producer = await transport.produce(body.kind, body.rtp_parameters, paused=body.paused, app_data=body.app_data)
    return json_response(render.new_producer(producer))


async def close_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/producers/{producerId}/close`."""
    _producer_of(request).close()
    return json_response(SUCCESS)


async def pause_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/producers/{producerId}/pause`."""
    await _producer_of(request).set_paused(True)
    return json_response(SUCCESS)


async def resume_producer(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/producers/{producerId}/resume`."""
    await _producer_of(request).set_paused(False)
    return json_response(SUCCESS)


async def producer_stats(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}/producers/{producerId}/stats`."""
    return json_response({"stats": await _producer_of(request).stats()})
