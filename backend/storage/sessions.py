"""Sessions, their refresh tokens and the tickets in PostgreSQL. Tokens are here as SHA-256 hashes only."""

from collections.abc import Sequence
from datetime import datetime

import psycopg.errors

from backend.domain.auth_ports import ReusedToken
from backend.domain.ports import Identity
from backend.storage.database import Connection, Database, Row
from backend.storage.rows import as_uuid, user_from


class PostgresSessions:
    """Implements `backend.domain.auth_ports.SessionRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, user_id: str, token_hash: bytes, now: datetime, expires_at: datetime) -> str | None:
        """Begin a session with its first refresh token; None when the user is gone."""
        try:
            row = await self._database.one(
                """
                WITH started AS (
                    INSERT INTO sessions (user_id, started_at, expires_at) VALUES (%(user)s, %(now)s, %(expires)s)
                    RETURNING id
                )
                INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
                SELECT %(hash)s, id, %(expires)s FROM started RETURNING session_id
                """,
                {"user": as_uuid(user_id), "now": now, "expires": expires_at, "hash": token_hash},
            )
        except psycopg.errors.ForeignKeyViolation:
            return None
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
                await connection.execute(_END, [now, session_id])
                return ReusedToken(user_from(row), str(session_id))
            if row["ended_at"] is not None or row["expires_at"] <= now or not row["active"]:
                return None
            await connection.execute(
                "UPDATE refresh_tokens SET used_at = %s WHERE token_hash = %s", [now, token_hash]
            )
            await connection.execute(
                "INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES (%s, %s, %s)",
                [new_hash, session_id, expires_at],
            )
            await connection.execute("UPDATE sessions SET expires_at = %s WHERE id = %s", [expires_at, session_id])
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

    async def end(self, session_id: str, now: datetime) -> None:
        """End a session."""
        await self._database.run(_END, [now, as_uuid(session_id)])

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
