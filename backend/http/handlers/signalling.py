"""What signalling needs over REST: ticket, ICE servers, figures of the live rooms."""

import time

from aiohttp import web

from backend import keys
from backend.domain.ice_servers import ice_servers
from backend.domain.ports import Identity
from backend.http.parsing import path_room_id
from backend.http.responses import json_response
from backend.http.schemas.rooms import (
    AllRoomStatsAnswer,
    IceServersAnswer,
    RoomStatsAnswer,
    SignallingHealthAnswer,
    TicketAnswer,
    render_ice_server,
    render_stats,
)
from shared.operations import operation


@operation({200: TicketAnswer})
async def issue_ticket(request: web.Request, identity: Identity) -> web.Response:
    """`POST /signalling/ticket`: a one-use pass for the WebSocket."""
    ticket = await request.app[keys.TICKETS].issue(identity)
    return json_response({"ticket": ticket.value, "expires_in": ticket.expires_in_s})


@operation({200: IceServersAnswer})
async def get_ice_servers(request: web.Request, identity: Identity) -> web.Response:
    """`GET /ice-servers`: STUN and TURN servers, credentials for this user and for a while."""
    turn = request.app[keys.SETTINGS].turn
    expires_at = int(time.time()) + turn.ttl_s
    servers = ice_servers(turn.stun_urls, turn.turn_urls, turn.secret, identity.user.id, expires_at)
    return json_response({"ice_servers": [render_ice_server(server) for server in servers]})


@operation({200: SignallingHealthAnswer})
async def signalling_health(request: web.Request) -> web.Response:
    """`GET /signalling/health`: is it there, and how much goes on?"""
    presence = request.app[keys.PRESENCE]
    rooms, participants = await presence.totals()
    return json_response(
        {
            "status": "ok",
            "rooms": rooms,
            "participants": participants,
            "sfu": "ok" if await presence.sfu_available() else "unavailable",
        }
    )


@operation({200: AllRoomStatsAnswer}, errors=("INSUFFICIENT_PERMISSIONS",))
async def all_room_stats(request: web.Request, identity: Identity) -> web.Response:
    """`GET /signalling/rooms/stats`: the figures of all live rooms."""
    rooms = [render_stats(stats) for stats in await request.app[keys.PRESENCE].all_stats()]
    return json_response({"rooms": rooms, "total_rooms": len(rooms)})


@operation({200: RoomStatsAnswer}, errors=("INSUFFICIENT_PERMISSIONS", "ROOM_NOT_FOUND"))
async def room_stats(request: web.Request, identity: Identity) -> web.Response:
    """`GET /signalling/rooms/{id}/stats`: one room's figures, zeros when nobody is in it."""
    room = await request.app[keys.ROOM_BOOK].get(identity.user, path_room_id(request))
    return json_response(render_stats(await request.app[keys.PRESENCE].room_stats(room.id)))
