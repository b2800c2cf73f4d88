"""Rooms and the peers in them."""

from aiohttp import web

from sfu.api import render
from sfu.api.bodies import client_id, read_body
from sfu.api.keys import ROOMS
from sfu.api.responses import encoded_response, json_response
from sfu.control.peer import PeerInfo
from sfu.control.room import Room
from shared.control_api import JOIN_REQUEST

SUCCESS = {"success": True}


def room_of(request: web.Request) -> Room:
    """Return the room that the path names.

    Raises:
        NotFound: there is none.
    """
    return request.app[ROOMS].room(client_id(request, "roomId"))


async def list_rooms(request: web.Request) -> web.Response:
    """`GET /rooms`."""
    registry = request.app[ROOMS]
    rooms = [render.room_summary(room) for room in registry.rooms]
    return json_response({"rooms": rooms, "totalRooms": len(rooms), "totalPeers": registry.peer_count})


async def get_room(request: web.Request) -> web.Response:
    """`GET /rooms/{roomId}`, with `?detail=1` all that its peers hold."""
    detail = request.query.get("detail", "").lower() in {"1", "true"}
    return json_response(render.room_info(room_of(request), detail=detail))


async def delete_room(request: web.Request) -> web.Response:
    """`DELETE /rooms/{roomId}`."""
    request.app[ROOMS].delete(client_id(request, "roomId"))
    return json_response(SUCCESS)


async def join_room(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/peers`."""
    room_id = client_id(request, "roomId")
    body = await read_body(request, JOIN_REQUEST)
    info = PeerInfo(body.peer_id, body.user_id, body.email, body.full_name, body.role, body.is_producer)
    room, joined = await request.app[ROOMS].join(room_id, body.room_name, info)
    return encoded_response(render.joined(room, joined))


async def leave_room(request: web.Request) -> web.Response:
    """`POST /rooms/{roomId}/peers/{peerId}/leave`."""
    request.app[ROOMS].leave(client_id(request, "roomId"), client_id(request, "peerId"))
    return json_response(SUCCESS)
