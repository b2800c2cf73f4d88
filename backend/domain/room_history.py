"""Looking back at a room: what was said, and who was there for how long."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.auth_ports import Clock
from backend.domain.history_ports import AttendanceHistory, ChatMessage, MessageRepository
from backend.domain.pages import Page, PageRequest
from backend.domain.permissions import Action, allows, require
from backend.domain.ports import AttendanceRow, RoomRepository
from backend.domain.rooms import RoomRecord, relations_to, room_not_found
from backend.domain.users import User

BATCH = 1000
"""Seats read at once for a whole report: enough that few queries are needed, little enough to hold."""


@dataclass(frozen=True, slots=True)
class Attended:
    """A seat and how long it was taken, in whole seconds; one that is still taken counts until now."""

    seat: AttendanceRow
    duration_s: int


class RoomHistory:
    """Reads what is kept of a room, for those who may."""

    def __init__(
        self, rooms: RoomRepository, messages: MessageRepository, attendance: AttendanceHistory, clock: Clock
    ) -> None:
        self._rooms = rooms
        self._messages = messages
        self._attendance = attendance
        self._clock = clock

    async def messages(
        self, by: User, room_id: str, page: PageRequest, *, newest_first: bool = False
    ) -> Page[ChatMessage]:
        """Return one page of what was said, in the order everybody was told.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only who runs the room and who is in it may.
        """
        room = await self._found(room_id)
        if not allows(by.role, Action.READ_MESSAGES, relations_to(by, room)):
            present = await self._attendance.is_in(room.id, by.id)
            require(by, Action.READ_MESSAGES, relations_to(by, room, present=present))
        return await self._messages.list(room.id, page, newest_first=newest_first)

    async def attendance(self, by: User, room_id: str, page: PageRequest) -> Page[Attended]:
        """Return one page of who was in the room, in the order they came.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only who runs the room may.
        """
        room = await self._attendance_room(by, room_id)
        found = await self._attendance.list(room.id, page)
        return Page(_until(self._clock(), found.items), found.total, page)

    async def report(self, by: User, room_id: str) -> AsyncGenerator[Sequence[Attended]]:
        """Check as `attendance` does, then return all of it in batches; open seats all count until one moment."""
        room = await self._attendance_room(by, room_id)
        return self._batches(room.id, self._clock())

    async def _batches(self, room_id: str, now: datetime) -> AsyncGenerator[Sequence[Attended]]:
        last: AttendanceRow | None = None
        while seats := await self._attendance.after(room_id, last, BATCH):
            yield _until(now, seats)
            last = seats[-1]

    async def _attendance_room(self, by: User, room_id: str) -> RoomRecord:
        room = await self._found(room_id)
        require(by, Action.READ_ATTENDANCE, relations_to(by, room))
        return room

    async def _found(self, room_id: str) -> RoomRecord:
        room = await self._rooms.get(room_id)
        if room is None:
            raise room_not_found()
        return room


def _until(now: datetime, seats: Sequence[AttendanceRow]) -> list[Attended]:
    return [
        Attended(seat, max(0, round(((seat.left_at or now) - seat.joined_at).total_seconds()))) for seat in seats
    ]
