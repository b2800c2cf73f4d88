"""Which backends there are and which rooms are at home where, in PostgreSQL."""

from collections.abc import Mapping, Sequence

import psycopg.errors

from backend.domain.homes import Home
from backend.domain.rooms import room_not_found
from backend.storage.database import Database, Row

MAX_BACKENDS = 1000
"""More than anybody runs over one database."""


class PostgresHomes:
    """Implements `backend.domain.homes.HomeRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, room_id: str, backend_id: str, claim_id: str) -> bool:
        """Make the backend the room's home, or give the claim of the backend that is a new id; False if it is not.

        A backend that is not in the table any more, since it was found dead, claims nothing.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """
        try:
            touched = await self._database.run(
                """
                INSERT INTO room_homes (room_id, backend_id, claim_id)
                SELECT %s, id, %s FROM backends WHERE id = %s
                ON CONFLICT (room_id) DO UPDATE SET claim_id = EXCLUDED.claim_id, claimed_at = now()
                WHERE room_homes.backend_id = EXCLUDED.backend_id
                """,
                [room_id, claim_id, backend_id],
            )
        except psycopg.errors.ForeignKeyViolation as error:
            if error.diag.constraint_name == "room_homes_room_id_fkey":
                raise room_not_found() from None
            return False
        return touched > 0

    async def home_of(self, room_id: str) -> Home | None:
        """Return where the room is at home."""
        row = await self._database.one(
            """
            SELECT id, url, backend_has_lock(number) AS has_lock
            FROM room_homes JOIN backends ON backends.id = backend_id WHERE room_id = %s
            """,
            [room_id],
        )
        return _home(row) if row else None

    async def release(self, room_id: str, claim_id: str) -> None:
        """Give the home up; another claim than this stays as it is."""
        await self._database.run(
            "DELETE FROM room_homes WHERE room_id = %s AND claim_id = %s", [room_id, claim_id]
        )

    async def held_by(self, backend_id: str) -> Mapping[str, str]:
        """Return the claims of a backend by room."""
        rows = await self._database.all(
            "SELECT room_id, claim_id FROM room_homes WHERE backend_id = %s", [backend_id]
        )
        return {row["room_id"]: str(row["claim_id"]) for row in rows}

    async def others(self, backend_id: str) -> Sequence[Home]:
        """Return all backends but one."""
        rows = await self._database.all(
            "SELECT id, url, backend_has_lock(number) AS has_lock FROM backends WHERE id <> %s LIMIT %s",
            [backend_id, MAX_BACKENDS],
        )
        return [_home(row) for row in rows]

    async def bury(self, backend_id: str) -> bool:
        """Forget a backend with all its homes, unless it holds its lock; tells whether it is gone now."""
        row = await self._database.one(
            """
            WITH buried AS (DELETE FROM backends WHERE id = %(id)s AND NOT backend_has_lock(number) RETURNING id)
            SELECT (SELECT count(*) FROM backends WHERE id = %(id)s) = (SELECT count(*) FROM buried) AS gone
            """,
            {"id": backend_id},
        )
        return row is not None and row["gone"]

    async def homeless_rooms(self, limit: int) -> Sequence[str]:
        """Return rooms in which somebody has a seat and that are at home nowhere."""
        rows = await self._database.all(
            """
            SELECT DISTINCT room_id FROM seats
            WHERE NOT EXISTS (SELECT 1 FROM room_homes WHERE room_homes.room_id = seats.room_id)
            ORDER BY room_id LIMIT %s
            """,
            [limit],
        )
        return [row["room_id"] for row in rows]


def _home(row: Row) -> Home:
    return Home(str(row["id"]), row["url"], row["has_lock"])
