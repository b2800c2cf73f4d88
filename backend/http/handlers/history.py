"""Looking back at a room: `/api/v1/rooms/{id}/messages` and `/attendance`."""

from collections.abc import Sequence
from contextlib import aclosing

from aiohttp import hdrs, web

from backend import keys
from backend.domain.ports import Identity
from backend.domain.room_history import Attended
from backend.domain.users import User
from backend.errors import NotAvailable
from backend.http.parsing import path_room_id, read_query
from backend.http.responses import page_response
from backend.http.schemas.base import page_of, page_request
from backend.http.schemas.history import (
    AttendanceQuery,
    AttendedAnswer,
    MessageAnswer,
    MessagesQuery,
    csv_header,
    csv_lines,
    render_attended,
    render_message,
)
from shared.logging import get_logger
from shared.operations import Media, operation

_REFUSALS = ("INSUFFICIENT_PERMISSIONS", "ROOM_NOT_FOUND")
_MESSAGES, _ATTENDANCE = MessagesQuery(), AttendanceQuery()

logger = get_logger(__name__)


@operation({200: page_of(MessageAnswer)}, query=_MESSAGES, errors=_REFUSALS)
async def list_messages(request: web.Request, identity: Identity) -> web.StreamResponse:
    """`GET /rooms/{id}/messages`: one page, oldest first unless `order=newest`."""
    room_id = path_room_id(request)
    query = read_query(request, _MESSAGES)
    found = await request.app[keys.ROOM_HISTORY].messages(
        identity.user, room_id, page_request(query), newest_first=query["order"] == "newest"
    )
    return page_response(found, render_message)


@operation({200: (page_of(AttendedAnswer), Media("text/csv"))}, query=_ATTENDANCE, errors=_REFUSALS)
async def list_attendance(request: web.Request, identity: Identity) -> web.StreamResponse:
    """`GET /rooms/{id}/attendance`: one page; with `format=csv` all of it."""
    room_id = path_room_id(request)
    query = read_query(request, _ATTENDANCE)
    if query["format"] == "csv":
        return await _attendance_as_csv(request, identity.user, room_id)
    found = await request.app[keys.ROOM_HISTORY].attendance(identity.user, room_id, page_request(query))
    return page_response(found, render_attended)


async def _attendance_as_csv(request: web.Request, by: User, room_id: str) -> web.StreamResponse:
    """Stream the report batch by batch: it may be long, and who fetches it slow."""
    async with aclosing(await request.app[keys.ROOM_HISTORY].report(by, room_id)) as batches:
        first: Sequence[Attended] = await anext(
            batches, []
        )  # before the first byte an error still gets a proper answer
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: "text/csv; charset=utf-8; header=present",
                # An id has only characters that need no quoting here.
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="attendance-{room_id}.csv"',
            }
        )
        await response.prepare(request)
        await response.write((csv_header() + csv_lines(first)).encode())
        try:
            async for batch in batches:
                await response.write(csv_lines(batch).encode())
        except NotAvailable:
            logger.warning("a report broke off; the database went away", room_id=room_id)
            if request.transport is not None:
                request.transport.abort()  # half a report must not look like a whole one
            return response
    await response.write_eof()
    return response
