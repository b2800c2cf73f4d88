"""Rooms and who was in them, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from backend.domain.pages import Page, PageRequest
from backend.domain.ports import AttendanceRow
from backend.domain.rooms import RoomChange, RoomRecord
from backend.storage.database import Database
from backend.storage.rows import as_uuid, attendance_from, like_pattern

MAX_OPEN_SEATS = 10_000
"""Open seats read at once: what one backend can hold."""


class PostgresRooms:
    """Implements `backend.domain.ports.RoomRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, room_id: str) -> RoomRecord | None:
        """Return the room with this id."""
        row = await self._database.one("SELECT * FROM rooms WHERE id = %s", [room_id])
        return _room(row) if row else None

    async def password_hash(self, room_id: str) -> str | None:
        """Return the hash of the room's password; None when it has none, or there is no such room."""
        row = await self._database.one("SELECT password_hash FROM rooms WHERE id = %s", [room_id])
        return row["password_hash"] if row else None

    async def create_if_absent(
        self, room: RoomRecord, password_hash: str | None = None
    ) -> tuple[RoomRecord, bool]:
        """Keep the room unless its id is taken; return what is kept now and whether that is the new one."""
        while True:
            row = await self._database.one(
                """
                INSERT INTO rooms
                    (id, name, owner_id, max_participants, is_locked, students_may_publish, created_at,
                     waiting_room, invitation_required, one_seat_per_user, password_hash)
                VALUES (%s, %s, (SELECT id FROM users WHERE id = %s), %s, %s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (id) DO NOTHING
                RETURNING *
                """,
                [
                    room.id,
                    room.name,
                    as_uuid(room.owner_id) if room.owner_id else None,
                    room.max_participants,
                    room.is_locked,
                    room.students_may_publish,
                    room.created_at,
                    room.waiting_room,
                    room.invitation_required,
                    room.one_seat_per_user,
                    password_hash,
                ],
            )
            if row is not None:
                return _room(row), True
            kept = await self.get(room.id)
            if kept is not None:  # else it was deleted between the two statements
                return kept, False

    async def update(self, room_id: str, change: RoomChange) -> RoomRecord | None:
        """Change a room and return it as it is now; None when there is no such room."""
        row = await self._database.one(
            """
            UPDATE rooms SET
                name = coalesce(%s, name),
                max_participants = coalesce(%s, max_participants),
                is_locked = coalesce(%s, is_locked),
                students_may_publish = coalesce(%s, students_may_publish),
                waiting_room = coalesce(%s, waiting_room),
                invitation_required = coalesce(%s, invitation_required),
                one_seat_per_user = coalesce(%s, one_seat_per_user),
                password_hash = nullif(coalesce(%s, password_hash), '')
            WHERE id = %s
            RETURNING *
            """,
            [
                change.name,
                change.max_participants,
                change.is_locked,
                change.students_may_publish,
                change.waiting_room,
                change.invitation_required,
                change.one_seat_per_user,
                change.password_hash,
                room_id,
            ],
        )
        return _room(row) if row else None

    async def delete(self, room_id: str) -> bool:
        """Delete the room and its attendance; False when there is no such room."""
        return await self._database.run("DELETE FROM rooms WHERE id = %s", [room_id]) > 0

    async def list(self, page: PageRequest, search: str | None = None) -> Page[RoomRecord]:
        """Return one page of the rooms, newest first; of those whose name holds `search`, without case."""
        rows = await self._database.all(
            """
            WITH wanted AS (SELECT * FROM rooms WHERE %(name)s::text IS NULL OR name ILIKE %(name)s)
            SELECT one_page.*, counted.total
            FROM (SELECT count(*) AS total FROM wanted) AS counted
            LEFT JOIN (
                SELECT * FROM wanted ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
            ) AS one_page ON true
            ORDER BY one_page.created_at DESC, one_page.id
            """,
            {
                "name": like_pattern(search) if search else None,
                "limit": page.per_page,
                "offset": page.offset,
            },
        )
        return Page([_room(row) for row in rows if row["id"] is not None], rows[0]["total"], page)


class PostgresAttendance:
    """Implements `backend.domain.ports.AttendanceRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_seats(self, room_id: str | None = None) -> Sequence[AttendanceRow]:
        """Return the seats that nobody has freed, of one room or of all."""
        rows = await self._database.all(
            """
            SELECT * FROM attendance
            WHERE left_at IS NULL AND (%(room)s::text IS NULL OR room_id = %(room)s)
            ORDER BY joined_at, participant_id LIMIT %(limit)s
            """,
            {"room": room_id, "limit": MAX_OPEN_SEATS},
        )
        return [attendance_from(row) for row in rows]


def _room(row: dict[str, Any]) -> RoomRecord:
    return RoomRecord(
        id=row["id"],
        name=row["name"],
        owner_id=str(row["owner_id"]) if row["owner_id"] else None,
        max_participants=row["max_participants"],
        is_locked=row["is_locked"],
        students_may_publish=row["students_may_publish"],
        created_at=row["created_at"],
        waiting_room=row["waiting_room"],
        has_password=row["password_hash"] is not None,
        invitation_required=row["invitation_required"],
        one_seat_per_user=row["one_seat_per_user"],
        version=row["version"],
    )
