"""The rooms as people manage them: list, make, change, delete. What happens inside a live room is not here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backend.domain.audit import AuditAction, AuditLog, Detail, Target, TargetType
from backend.domain.auth_ports import Clock
from backend.domain.pages import Page, PageRequest
from backend.domain.permissions import Action, require
from backend.domain.ports import Presence, RoomRepository, Transactions
from backend.domain.room_passwords import RoomPasswords
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
from shared.logging import get_logger

ROOM_DELETED = "deleted"
"""The reason that everybody in a room hears when it is deleted."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WantedRoom:
    """A room to make. Without a password, or with an empty one, it has none."""

    name: str
    id: str | None = None
    max_participants: int = DEFAULT_MAX_PARTICIPANTS
    is_locked: bool = False
    students_may_publish: bool = True
    waiting_room: bool = False
    invitation_required: bool = False
    one_seat_per_user: bool = False
    password: str | None = None


class RoomBook:
    """Keeps the rooms and carries changes over into the live ones."""

    def __init__(
        self,
        rooms: RoomRepository,
        passwords: RoomPasswords,
        presence: Presence,
        audit: AuditLog,
        transactions: Transactions,
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._passwords = passwords
        self._presence = presence
        self._audit = audit
        self._transactions = transactions
        self._clock = clock

    async def list(self, by: User, page: PageRequest, search: str | None = None) -> Page[RoomRecord]:
        """Return one page of the rooms, newest first; of those whose name holds `search`, without case."""
        require(by, Action.READ_ROOMS)
        return await self._rooms.list(page, search)

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
            InvalidInput: no room can have this password.
            Conflict: `ROOM_EXISTS`, the wanted id is taken.
        """
        require(by, Action.CREATE_ROOM)
        password_hash = await self._passwords.hashed(wanted.password) if wanted.password else None
        record = RoomRecord(
            id=wanted.id or new_id(),
            name=wanted.name,
            owner_id=by.id,
            max_participants=wanted.max_participants,
            is_locked=wanted.is_locked,
            students_may_publish=wanted.students_may_publish,
            created_at=self._clock(),
            waiting_room=wanted.waiting_room,
            has_password=password_hash is not None,
            invitation_required=wanted.invitation_required,
            one_seat_per_user=wanted.one_seat_per_user,
        )
        async with self._transactions.transaction():
            room, is_new = await self._rooms.create_if_absent(record, password_hash)
            if not is_new:
                raise Conflict("There is a room with this id already.", "ROOM_EXISTS")
            await self._note(AuditAction.ROOM_CREATED, by, room.id)
        _log.info("room created", room_id=room.id, user_id=by.id)
        return room

    async def change(self, by: User, room_id: str, change: RoomChange, password: str | None = None) -> RoomRecord:
        """Change a room's name or rules; a live room takes them over at once. An empty password removes it.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
            InvalidInput: no room can have this password.
        """
        before = await self.managed(by, room_id)
        if password is not None:
            kept = await self._passwords.hashed(password) if password else ""
            change = replace(change, password_hash=kept)
        async with self._transactions.transaction():
            room = await self._rooms.update(room_id, change)
            if room is None:
                raise room_not_found()
            if room.is_locked != before.is_locked:
                action = AuditAction.ROOM_LOCKED if room.is_locked else AuditAction.ROOM_UNLOCKED
                await self._note(action, by, room_id)
        await self._presence.room_changed(room)
        return room

    async def delete(self, by: User, room_id: str) -> None:
        """Delete a room and close it for everybody in it.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
        """
        room = await self.managed(by, room_id)
        async with self._transactions.transaction():
            if await self._rooms.delete(room_id):
                await self._note(AuditAction.ROOM_DELETED, by, room_id, {"name": room.name})
        _log.info("room deleted", room_id=room_id, user_id=by.id)
        await self._presence.close_room(room_id, ROOM_DELETED)

    async def managed(self, by: User, room_id: str) -> RoomRecord:
        """Return a room that `by` runs.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins do.
        """
        room = await self._found(room_id)
        require_may_manage(by, room)
        return room

    async def _note(
        self, action: AuditAction, by: User, room_id: str, details: Mapping[str, Detail] | None = None
    ) -> None:
        target = Target(TargetType.ROOM, room_id)
        await self._audit.record(action, by, target, room_id=room_id, details=details)

    async def _found(self, room_id: str) -> RoomRecord:
        room = await self._rooms.get(room_id)
        if room is None:
            raise room_not_found()
        return room
