"""Sessions, their refresh tokens and the tickets in PostgreSQL. Tokens are here as SHA-256 hashes only."""

from collections.abc import Sequence
from datetime import datetime

from backend.domain.auth_ports import ReusedToken, SessionRecord
from backend.domain.origin import Origin
from backend.domain.pages import Page, PageRequest
from backend.domain.ports import Identity
from backend.storage.database import Connection, Database, Row
from backend.storage.rows import as_uuid, user_from

MAX_USED_TOKENS = 1000
"""Used refresh tokens kept of a session, to notice a second use: ten days of one every 15 minutes. Who refreshes
without a pause is not to fill the disk."""


class PostgresSessions:
    """Implements `backend.domain.auth_ports.SessionRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(
        self,
        user_id: str,
        password_hash: str,
        token_hash: bytes,
        now: datetime,
        expires_at: datetime,
        origin: Origin,
    ) -> str | None:
        """Begin a session with its first refresh token; None unless the user is active and has this hash still.

        The user is locked meanwhile, so whoever changes the password and then ends all sessions ends this one too.
        """
        row = await self._database.one(
            """
            WITH knower AS (
                SELECT id FROM users WHERE id = %(user)s AND active AND password_hash = %(password)s FOR SHARE
            ), started AS (
                INSERT INTO sessions (user_id, started_at, last_used_at, expires_at, address, user_agent)
                SELECT id, %(now)s, %(now)s, %(expires)s, %(address)s, %(agent)s FROM knower
                RETURNING id
            )
            INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
            SELECT %(hash)s, id, %(expires)s FROM started RETURNING session_id
            """,
            {
                "user": as_uuid(user_id),
                "password": password_hash,
                "now": now,
                "expires": expires_at,
                "hash": token_hash,
                "address": origin.address,
                "agent": origin.user_agent,
            },
        )
        return str(row["session_id"]) if row else None

    async def rotate(
        self, token_hash: bytes, new_hash: bytes, now: datetime, expires_at: datetime
    ) -> Identity | ReusedToken | None:
        """Use a refresh token up and put a new one in its place; a second use ends the session."""
        async with self._database.connection() as connection, connection.transaction():
            row = await _locked_token(connection, token_hash)
            if row is None:
                return None
            session_id = row["session_id"]
            if row["used_at"] is not None:
                ended = await connection.execute(_END, [now, session_id])
                return ReusedToken(user_from(row), str(session_id)) if ended.rowcount else None
            if row["ended_at"] is not None or row["expires_at"] <= now or not row["active"]:
                return None
            await connection.execute(
                "UPDATE refresh_tokens SET used_at = %s WHERE token_hash = %s", [now, token_hash]
            )
            await connection.execute(
                "INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES (%s, %s, %s)",
                [new_hash, session_id, expires_at],
            )
            await connection.execute(
                "UPDATE sessions SET expires_at = %s, last_used_at = %s WHERE id = %s",
                [expires_at, now, session_id],
            )
            await connection.execute(_FORGET_USED, {"session": session_id, "keep": MAX_USED_TOKENS})
            return Identity(user_from(row), str(session_id))

    async def identity(self, session_id: str) -> Identity | None:
        """Return who a session belongs to, or None when it ended or its user is not active."""
        row = await self._database.one(
            """
            SELECT users.id, email, full_name, phone, role, active
            FROM sessions JOIN users ON users.id = sessions.user_id
            WHERE sessions.id = %s AND ended_at IS NULL AND active
            """,
            [as_uuid(session_id)],
        )
        return Identity(user_from(row), session_id) if row else None

    async def list(self, user_id: str, now: datetime, page: PageRequest) -> Page[SessionRecord]:
        """Return one page of a user's sessions that are not over, the last used first."""
        rows = await self._database.all(
            """
            WITH found AS (
                SELECT * FROM sessions WHERE user_id = %(user)s AND ended_at IS NULL AND expires_at > %(now)s
            ), one_page AS (
                SELECT * FROM found ORDER BY last_used_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
            )
            SELECT one_page.*, counted.total
            FROM (SELECT count(*) AS total FROM found) AS counted LEFT JOIN one_page ON true
            ORDER BY one_page.last_used_at DESC, one_page.id
            """,
            {"user": as_uuid(user_id), "now": now, "limit": page.per_page, "offset": page.offset},
        )
        return Page([_record_from(row) for row in rows if row["id"] is not None], rows[0]["total"], page)

    async def end(self, session_id: str, now: datetime) -> None:
        """End a session."""
        await self._database.run(_END, [now, as_uuid(session_id)])

    async def end_own(self, user_id: str, session_id: str, now: datetime) -> bool:
        """End a session of this user; False when there is no such session, or it is over."""
        ended = await self._database.run(
            """
            UPDATE sessions SET ended_at = %(now)s
            WHERE id = %(id)s AND user_id = %(user)s AND ended_at IS NULL AND expires_at > %(now)s
            """,
            {"now": now, "id": as_uuid(session_id), "user": as_uuid(user_id)},
        )
        return ended > 0

    async def end_surplus(self, user_id: str, now: datetime, keep: int) -> Sequence[str]:
        """End all sessions of a user but the last used ones; return the ids of those that ended."""
        rows = await self._database.all(
            """
            UPDATE sessions SET ended_at = %(now)s WHERE id IN (
                SELECT id FROM sessions WHERE user_id = %(user)s AND ended_at IS NULL AND expires_at > %(now)s
                ORDER BY last_used_at DESC, id OFFSET %(keep)s
            )
            RETURNING id
            """,
            {"now": now, "user": as_uuid(user_id), "keep": keep},
        )
        return [str(row["id"]) for row in rows]

    async def end_by_token(self, token_hash: bytes, user_id: str, now: datetime) -> str | None:
        """End the session that a refresh token of this user belongs to; its id, None when there is none to end."""
        row = await self._database.one(
            """
            UPDATE sessions SET ended_at = %s
            WHERE ended_at IS NULL AND user_id = %s
            AND id = (SELECT session_id FROM refresh_tokens WHERE token_hash = %s)
            RETURNING id
            """,
            [now, as_uuid(user_id), token_hash],
        )
        return str(row["id"]) if row else None

    async def end_all(self, user_id: str, now: datetime, keep_session_id: str | None = None) -> Sequence[str]:
        """End all sessions of a user, perhaps but one; return the ids of those that ended."""
        keep = as_uuid(keep_session_id) if keep_session_id else None
        rows = await self._database.all(
            """
            UPDATE sessions SET ended_at = %s
            WHERE user_id = %s AND ended_at IS NULL AND id IS DISTINCT FROM %s
            RETURNING id
            """,
            [now, as_uuid(user_id), keep],
        )
        return [str(row["id"]) for row in rows]

    async def purge(self, now: datetime) -> int:
        """Delete what nobody can use any more; returns the number of sessions deleted."""
        await self._database.run("DELETE FROM tickets WHERE expires_at <= %s", [now])
        await self._database.run("DELETE FROM refresh_tokens WHERE expires_at <= %s", [now])
        return await self._database.run("DELETE FROM sessions WHERE expires_at <= %s", [now])


class PostgresTickets:
    """Implements `backend.domain.auth_ports.TicketRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, ticket_hash: bytes, session_id: str, expires_at: datetime) -> None:
        """Keep a ticket of a session; of one that has just been deleted there is nothing to keep."""
        await self._database.run(
            """
            INSERT INTO tickets (ticket_hash, session_id, expires_at)
            SELECT %s, id, %s FROM sessions WHERE id = %s
            """,
            [ticket_hash, expires_at, as_uuid(session_id)],
        )

    async def take(self, ticket_hash: bytes, now: datetime) -> Identity | None:
        """Remove a ticket and return whose it is; None when there is none, it expired, or its session is over."""
        row = await self._database.one(
            """
            WITH taken AS (DELETE FROM tickets WHERE ticket_hash = %s RETURNING session_id, expires_at)
            SELECT users.id, email, full_name, phone, role, active, sessions.id AS session_id
            FROM taken
            JOIN sessions ON sessions.id = taken.session_id
            JOIN users ON users.id = sessions.user_id
            WHERE taken.expires_at > %s AND ended_at IS NULL AND active
            """,
            [ticket_hash, now],
        )
        return Identity(user_from(row), str(row["session_id"])) if row else None

    async def holds(self, ticket_hash: bytes, now: datetime) -> bool:
        """Tell whether `take` would return somebody now."""
        row = await self._database.one(
            """
            SELECT 1 AS found
            FROM tickets
            JOIN sessions ON sessions.id = tickets.session_id
            JOIN users ON users.id = sessions.user_id
            WHERE ticket_hash = %s AND tickets.expires_at > %s AND ended_at IS NULL AND active
            """,
            [ticket_hash, now],
        )
        return row is not None


def _record_from(row: Row) -> SessionRecord:
    return SessionRecord(
        id=str(row["id"]),
        started_at=row["started_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        origin=Origin(row["address"], row["user_agent"]),
    )


_FORGET_USED = """
    DELETE FROM refresh_tokens WHERE session_id = %(session)s AND used_at < (
        SELECT used_at FROM refresh_tokens WHERE session_id = %(session)s AND used_at IS NOT NULL
        ORDER BY used_at DESC OFFSET %(keep)s - 1 LIMIT 1
    )
"""
_END = "UPDATE sessions SET ended_at = %s WHERE id = %s AND ended_at IS NULL"


async def _locked_token(connection: Connection, token_hash: bytes) -> Row | None:
    """Find a token with its session and user; the session is locked, so of two uses at once one comes second."""
    cursor = await connection.execute(
        """
        SELECT sessions.id AS session_id FROM refresh_tokens
        JOIN sessions ON sessions.id = refresh_tokens.session_id
        WHERE token_hash = %s FOR UPDATE OF sessions
        """,
        [token_hash],
    )
    if await cursor.fetchone() is None:
        return None
    cursor = await connection.execute(
        """
        SELECT session_id, refresh_tokens.expires_at, used_at, ended_at,
               users.id, email, full_name, phone, role, active
        FROM refresh_tokens
        JOIN sessions ON sessions.id = refresh_tokens.session_id
        JOIN users ON users.id = sessions.user_id
        WHERE token_hash = %s
        """,
        [token_hash],
    )
    return await cursor.fetchone()
