"""Transports of a room's peers."""

from aiohttp import web

from sfu.api import render
from sfu.api.bodies import read_body
from sfu.api.responses import json_response
from sfu.api.rooms import SUCCESS, room_of
from sfu.control.transport import Transport, TransportOptions
from shared.control_api import (
    CONNECT_TRANSPORT_REQUEST,
    CREATE_TRANSPORT_REQUEST,
    MAX_INCOMING_BITRATE_REQUEST,
)


def _transport_of(request: web.Request) -> Transport:
    return room_of(request).transport(request.match_info["transportId"])


async def create_transport(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/transports`."""
    room = room_of(request)
    body = await read_body(request, CREATE_TRANSPORT_REQUEST)
    peer = room.peer(body.peer_id)
    options = TransportOptions(body.enable_sctp, body.num_sctp_streams, body.max_incoming_bitrate)
    transport = await room.create_transport(peer, body.direction, options)
    return json_response(render.new_transport(transport))


async def connect_transport(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/transports/{transportId}/connect`; answers before the handshake begins."""
    transport = _transport_of(request)
    body = await read_body(request, CONNECT_TRANSPORT_REQUEST)
    await transport.connect(body.dtls_parameters)
    return json_response(SUCCESS)


async def set_max_incoming_bitrate(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/transports/{transportId}/max-incoming-bitrate`."""
    transport = _transport_of(request)
    body = await read_body(request, MAX_INCOMING_BITRATE_REQUEST)
    await transport.set_max_incoming_bitrate(body.bitrate)
    return json_response(SUCCESS)


async def restart_ice(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/transports/{transportId}/restart-ice`."""
    return json_response({"iceParameters": await _transport_of(request).restart_ice()})


async def close_transport(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/transports/{transportId}/close`."""
    _transport_of(request).close()
    return json_response(SUCCESS)


async def transport_stats(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}/transports/{transportId}/stats`."""
    return json_response({"stats": await _transport_of(request).stats()})
