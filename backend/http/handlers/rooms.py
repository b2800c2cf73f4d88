"""The rooms: `/api/v1/rooms`."""

from typing import Any

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.domain.room_book import WantedRoom
from backend.domain.rooms import RoomChange, RoomRecord
from backend.http.parsing import path_room_id, read_body, read_query
from backend.http.responses import json_response, no_content, page_response
from backend.http.schemas.base import page_of, page_request
from backend.http.schemas.rooms import RoomAnswer, RoomBody, RoomChangeBody, RoomQuery, render_room
from shared.operations import operation

_CREATE, _CHANGE, _QUERY = RoomBody(), RoomChangeBody(), RoomQuery()


@operation({200: page_of(RoomAnswer)}, query=_QUERY)
async def list_rooms(request: web.Request, identity: Identity) -> web.Response:
    """`GET /rooms`: one page, newest first, perhaps of those with a part of their name."""
    query = read_query(request, _QUERY)
    found = await request.app[keys.ROOM_BOOK].list(identity.user, page_request(query), query["search"])
    counts = await request.app[keys.SEATS].counts([room.id for room in found.items])
    return page_response(found, lambda room: render_room(room, counts.get(room.id, 0)))


@operation({201: RoomAnswer}, body=_CREATE, errors=("INSUFFICIENT_PERMISSIONS", "ROOM_EXISTS"))
async def create_room(request: web.Request, identity: Identity) -> web.Response:
    """`POST /rooms`: make a room; its maker owns it."""
    wanted = WantedRoom(**await read_body(request, _CREATE))
    room = await request.app[keys.ROOM_BOOK].create(identity.user, wanted)
    return json_response(await _rendered(request, room), 201)


@operation({200: RoomAnswer}, errors=("ROOM_NOT_FOUND",))
async def get_room(request: web.Request, identity: Identity) -> web.Response:
    """`GET /rooms/{id}`: one room."""
    room = await request.app[keys.ROOM_BOOK].get(identity.user, path_room_id(request))
    return json_response(await _rendered(request, room))


@operation({200: RoomAnswer}, body=_CHANGE, errors=("INSUFFICIENT_PERMISSIONS", "ROOM_NOT_FOUND"))
async def change_room(request: web.Request, identity: Identity) -> web.Response:
    """`PATCH /rooms/{id}`: change name or rules; a live room takes them over."""
    room_id = path_room_id(request)
    body = await read_body(request, _CHANGE)
    password = body.pop("password")
    room = await request.app[keys.ROOM_BOOK].change(identity.user, room_id, RoomChange(**body), password)
    return json_response(await _rendered(request, room))


@operation({204: None}, errors=("INSUFFICIENT_PERMISSIONS", "ROOM_NOT_FOUND"))
async def delete_room(request: web.Request, identity: Identity) -> web.Response:
    """`DELETE /rooms/{id}`: close it for everybody."""
    await request.app[keys.ROOM_BOOK].delete(identity.user, path_room_id(request))
    return no_content()


async def _rendered(request: web.Request, room: RoomRecord) -> dict[str, Any]:
    counts = await request.app[keys.SEATS].counts([room.id])
    return render_room(room, counts.get(room.id, 0))
