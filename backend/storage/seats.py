"""The seats that are taken, in PostgreSQL. Each statement changes a seat and its attendance together."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg.errors

from backend.domain.rooms import room_not_found
from backend.domain.seat_ports import KeptSeat
from backend.errors import NotAllowed
from backend.storage.database import Database
from backend.storage.rows import as_uuid, user_from

MAX_SEATS_READ = 10_000
"""Seats and rooms read at once: far more than one backend can hold."""


class PostgresSeats:
    """Implements `backend.domain.seat_ports.SeatRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, seat: KeptSeat) -> None:
        """Keep a seat and open its attendance; again for the same seat it does nothing.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
            NotAllowed: the user's account has just been closed.
        """
        try:
            found = await self._database.one(
                """
                WITH sitter AS (SELECT id FROM users WHERE id = %(user)s AND active),
                over AS (  -- with the first seat of an empty room a new class begins: see PostgresAdmissions
                    DELETE FROM admissions WHERE room_id = %(room)s AND NOT EXISTS (
                        SELECT FROM seats WHERE room_id = %(room)s
                    )
                ),
                attended AS (
                    INSERT INTO attendance (participant_id, room_id, user_id, full_name, role, joined_at)
                    SELECT %(participant)s, %(room)s, id, %(full_name)s, %(role)s, %(joined_at)s FROM sitter
                    ON CONFLICT (participant_id) DO NOTHING
                ),
                seated AS (
                    INSERT INTO seats (
                        participant_id, room_id, user_id, session_id, resume_hash, is_producer,
                        joined_at, hand_raised_at
                    )
                    SELECT %(participant)s, %(room)s, id, %(session)s, %(resume_hash)s, %(is_producer)s,
                        %(joined_at)s, %(hand)s
                    FROM sitter
                    ON CONFLICT (participant_id) DO NOTHING
                )
                SELECT id FROM sitter
                """,
                {
                    "participant": seat.participant_id,
                    "room": seat.room_id,
                    "user": as_uuid(seat.user.id),
                    "full_name": seat.user.full_name,
                    "role": seat.user.role.value,
                    "session": seat.session_id,
                    "joined_at": seat.joined_at,
                    "resume_hash": seat.resume_hash,
                    "is_producer": seat.is_producer,
                    "hand": seat.hand_raised_at,
                },
            )
        except psycopg.errors.ForeignKeyViolation:
            raise room_not_found() from None
        if found is None:
            raise NotAllowed("This account is closed.")

    async def free(self, participant_id: str, left_at: datetime) -> None:
        """Give a seat up and close its attendance; again or for an unknown seat it does nothing."""
        await self._database.run(
            """
            WITH freed AS (DELETE FROM seats WHERE participant_id = %(participant)s)
            UPDATE attendance SET left_at = greatest(joined_at, %(left_at)s)
            WHERE participant_id = %(participant)s AND left_at IS NULL
            """,
            {"participant": participant_id, "left_at": left_at},
        )

    async def note(self, participant_id: str, *, session_id: str, hand_raised_at: datetime | None) -> None:
        """Keep what may change of a seat; for an unknown one it does nothing."""
        await self._database.run(
            "UPDATE seats SET session_id = %s, hand_raised_at = %s WHERE participant_id = %s",
            [session_id, hand_raised_at, participant_id],
        )

    async def of_room(self, room_id: str) -> Sequence[KeptSeat]:
        """Return the seats of a room, in the order they were taken."""
        rows = await self._database.all(
            """
            SELECT seats.participant_id, seats.room_id, seats.session_id, seats.resume_hash, seats.is_producer,
                seats.joined_at, seats.hand_raised_at, users.*
            FROM seats JOIN users ON users.id = seats.user_id
            WHERE seats.room_id = %s ORDER BY seats.joined_at, seats.participant_id LIMIT %s
            """,
            [room_id, MAX_SEATS_READ],
        )
        return [_seat(row) for row in rows]

    async def room_ids(self) -> Sequence[str]:
        """Return the ids of all rooms in which anybody has a seat."""
        rows = await self._database.all("SELECT DISTINCT room_id FROM seats LIMIT %s", [MAX_SEATS_READ])
        return [row["room_id"] for row in rows]

    async def kept(self, participant_ids: Collection[str]) -> Collection[str]:
        """Return those of the participants who have a seat."""
        rows = await self._database.all(
            "SELECT participant_id FROM seats WHERE participant_id = ANY(%s)", [list(participant_ids)]
        )
        return {row["participant_id"] for row in rows}

    async def counts(self, room_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many seats are taken in each of these rooms; an empty room is missing."""
        rows = await self._database.all(
            "SELECT room_id, count(*) AS seats FROM seats WHERE room_id = ANY(%s) GROUP BY room_id",
            [list(room_ids)],
        )
        return {row["room_id"]: row["seats"] for row in rows}

    async def totals(self) -> tuple[int, int]:
        """Return in how many rooms seats are taken, and how many seats."""
        row = await self._database.one("SELECT count(DISTINCT room_id) AS rooms, count(*) AS seats FROM seats")
        return (row["rooms"], row["seats"]) if row else (0, 0)

    async def close_abandoned(self, left_at: datetime) -> int:
        """Close attendance that is open without a seat, as a deleted account leaves it; return how much it was."""
        return await self._database.run(
            """
            UPDATE attendance SET left_at = greatest(joined_at, %s)
            WHERE left_at IS NULL AND NOT EXISTS (
                SELECT FROM seats WHERE seats.participant_id = attendance.participant_id
            )
            """,
            [left_at],
        )


def _seat(row: dict[str, Any]) -> KeptSeat:
    return KeptSeat(
        participant_id=row["participant_id"],
        room_id=row["room_id"],
        user=user_from(row),
        session_id=row["session_id"],
        resume_hash=row["resume_hash"],
        is_producer=row["is_producer"],
        joined_at=row["joined_at"],
        hand_raised_at=row["hand_raised_at"],
    )
