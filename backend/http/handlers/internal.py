"""What the other backends ask of this one: `/internal/…`. Only they have passes for it."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from backend import keys
from backend.errors import Unauthorized
from backend.http.parsing import Handler
from backend.http.responses import json_response, no_content
from backend.http.schemas.rooms import render_stats


def for_backends(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handler:
    """Wrap a handler that only another backend may call, with a pass for this one."""

    async def wrapped(request: web.Request) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("This is for other backends only.", "MISSING_TOKEN")
        request.app[keys.BACKEND_PASSES].verify(token.strip(), to=request.app[keys.ROOM_HOMES].backend_id)
        return await handler(request)

    return wrapped


async def pulse(_request: web.Request) -> web.Response:
    """`GET /internal/pulse`: the backend that the pass is for lives, here."""
    return no_content()


async def live_rooms(request: web.Request) -> web.Response:
    """`GET /internal/rooms`: the figures of the rooms that are at home here, or of the one in `room_id`."""
    presence = request.app[keys.PRESENCE]
    wanted = request.query.get("room_id")
    room_ids = [room_id for room_id in presence.live_room_ids() if wanted in {None, room_id}]
    return json_response({"rooms": [render_stats(presence.stats(room_id)) for room_id in room_ids]})
