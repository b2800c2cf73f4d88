"""What was said in the rooms, and who was there, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import psycopg.errors

from backend.domain.history_ports import ChatMessage
from backend.domain.pages import Page, PageRequest
from backend.domain.ports import AttendanceRow
from backend.domain.rooms import room_not_found
from backend.storage.database import Database
from backend.storage.rows import as_uuid, attendance_from

# Two statements, so that either order is read from the index.
_OLDEST_FIRST = """
    SELECT one_page.*, counted.total
    FROM (SELECT count(*) AS total FROM messages WHERE room_id = %(room)s) AS counted
    LEFT JOIN (
        SELECT * FROM messages WHERE room_id = %(room)s ORDER BY number LIMIT %(limit)s OFFSET %(offset)s
    ) AS one_page ON true
    ORDER BY one_page.number
"""
_NEWEST_FIRST = """
    SELECT one_page.*, counted.total
    FROM (SELECT count(*) AS total FROM messages WHERE room_id = %(room)s) AS counted
    LEFT JOIN (
        SELECT * FROM messages WHERE room_id = %(room)s ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
    ) AS one_page ON true
    ORDER BY one_page.number DESC
"""


class PostgresMessages:
    """Implements `backend.domain.history_ports.MessageRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, message: ChatMessage) -> None:
        """Keep a message; its author's account may be gone by now.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """
        try:
            await self._database.run(
                """
                INSERT INTO messages (id, room_id, participant_id, user_id, full_name, text, sent_at)
                VALUES (%s, %s, %s, (SELECT id FROM users WHERE id = %s), %s, %s, %s)
                """,
                [
                    as_uuid(message.id),
                    message.room_id,
                    message.participant_id,
                    as_uuid(message.user_id) if message.user_id else None,
                    message.full_name,
                    message.text,
                    message.sent_at,
                ],
            )
        except psycopg.errors.ForeignKeyViolation:
            raise room_not_found() from None

    async def remove(self, message_id: str) -> None:
        """Forget a message, kept or not."""
        await self._database.run("DELETE FROM messages WHERE id = %s", [as_uuid(message_id)])

    async def list(self, room_id: str, page: PageRequest, *, newest_first: bool) -> Page[ChatMessage]:
        """Return one page of a room's messages."""
        rows = await self._database.all(
            _NEWEST_FIRST if newest_first else _OLDEST_FIRST,
            {"room": room_id, "limit": page.per_page, "offset": page.offset},
        )
        return Page([_message(row) for row in rows if row["id"] is not None], rows[0]["total"], page)


class PostgresAttendanceHistory:
    """Implements `backend.domain.history_ports.AttendanceHistory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, room_id: str, page: PageRequest) -> Page[AttendanceRow]:
        """Return one page of a room's seats, oldest first."""
        rows = await self._database.all(
            """
            SELECT one_page.*, counted.total
            FROM (SELECT count(*) AS total FROM attendance WHERE room_id = %(room)s) AS counted
            LEFT JOIN (
                SELECT * FROM attendance WHERE room_id = %(room)s
                ORDER BY joined_at, participant_id LIMIT %(limit)s OFFSET %(offset)s
            ) AS one_page ON true
            ORDER BY one_page.joined_at, one_page.participant_id
            """,
            {"room": room_id, "limit": page.per_page, "offset": page.offset},
        )
        seats = [attendance_from(row) for row in rows if row["participant_id"] is not None]
        return Page(seats, rows[0]["total"], page)

    async def after(self, room_id: str, last: AttendanceRow | None, limit: int) -> Sequence[AttendanceRow]:
        """Return the seats that follow `last`, or the first ones; at most `limit`."""
        rows = await self._database.all(
            """
            SELECT * FROM attendance
            WHERE room_id = %(room)s
                AND (joined_at, participant_id) > (coalesce(%(at)s, '-infinity'::timestamptz), %(participant)s)
            ORDER BY joined_at, participant_id LIMIT %(limit)s
            """,
            {
                "room": room_id,
                "at": last.joined_at if last else None,
                "participant": last.participant_id if last else "",
                "limit": limit,
            },
        )
        return [attendance_from(row) for row in rows]

    async def is_in(self, room_id: str, user_id: str) -> bool:
        """Tell whether the user has a seat in the room now."""
        row = await self._database.one(
            "SELECT 1 AS ok FROM attendance WHERE room_id = %s AND user_id = %s AND left_at IS NULL LIMIT 1",
            [room_id, as_uuid(user_id)],
        )
        return row is not None


def _message(row: dict[str, Any]) -> ChatMessage:
    return ChatMessage(
        id=str(row["id"]),
        room_id=row["room_id"],
        participant_id=row["participant_id"],
        user_id=str(row["user_id"]) if row["user_id"] else None,
        full_name=row["full_name"],
        text=row["text"],
        sent_at=row["sent_at"],
    )
