"""The rooms as people manage them: list, make, change, delete. What happens inside a live room is not here."""

from dataclasses import dataclass

from backend.domain.auth_ports import Clock
from backend.domain.pages import Page, PageRequest
from backend.domain.permissions import Action, require
from backend.domain.ports import Presence, RoomRepository
from backend.domain.rooms import (
    DEFAULT_MAX_PARTICIPANTS,
    RoomChange,
    RoomRecord,
    require_may_manage,
    room_not_found,
)
from backend.domain.users import User
from backend.errors import Conflict
from shared.ids import new_id

ROOM_DELETED = "deleted"
"""The reason that everybody in a room hears when it is deleted."""


@dataclass(frozen=True, slots=True)
class WantedRoom:
    """A room to make."""

    name: str
    id: str | None = None
    max_participants: int = DEFAULT_MAX_PARTICIPANTS
    is_locked: bool = False
    students_may_publish: bool = True


class RoomBook:
    """Keeps the rooms and carries changes over into the live ones."""

    def __init__(self, rooms: RoomRepository, presence: Presence, clock: Clock) -> None:
        self._rooms = rooms
        self._presence = presence
        self._clock = clock

    async def list(self, by: User, page: PageRequest) -> Page[RoomRecord]:
        """Return one page of the rooms, newest first."""
        require(by, Action.READ_ROOMS)
        return await self._rooms.list(page)

    async def get(self, by: User, room_id: str) -> RoomRecord:
        """Return a room.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
        """
        require(by, Action.READ_ROOMS)
        return await self._found(room_id)

    async def create(self, by: User, wanted: WantedRoom) -> RoomRecord:
        """Make a room that `by` owns.

        Raises:
            NotAllowed: students make none.
            Conflict: `ROOM_EXISTS`, the wanted id is taken.
        """
        require(by, Action.CREATE_ROOM)
        room, is_new = await self._rooms.create_if_absent(
            RoomRecord(
                id=wanted.id or new_id(),
                name=wanted.name,
                owner_id=by.id,
                max_participants=wanted.max_participants,
                is_locked=wanted.is_locked,
                students_may_publish=wanted.students_may_publish,
                created_at=self._clock(),
            )
        )
        if not is_new:
            raise Conflict("There is a room with this id already.", "ROOM_EXISTS")
        return room

    async def change(self, by: User, room_id: str, change: RoomChange) -> RoomRecord:
        """Change a room's name or rules; a live room takes them over at once.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
        """
        require_may_manage(by, await self._found(room_id))
        room = await self._rooms.update(room_id, change)
        if room is None:
            raise room_not_found()
        await self._presence.room_changed(room)
        return room

    async def delete(self, by: User, room_id: str) -> None:
        """Delete a room and close it for everybody in it.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
        """
        require_may_manage(by, await self._found(room_id))
        await self._rooms.delete(room_id)
        await self._presence.close_room(room_id, ROOM_DELETED)

    async def _found(self, room_id: str) -> RoomRecord:
        room = await self._rooms.get(room_id)
        if room is None:
            raise room_not_found()
        return room
