"""Invitations and admissions, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

import psycopg.errors

from backend.domain.entrance_ports import Invitation
from backend.domain.rooms import room_not_found
from backend.storage.database import Database
from backend.storage.rows import as_uuid


class PostgresInvitations:
    """Implements `backend.domain.entrance_ports.InvitationRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, room_id: str, token_hash: bytes, invitation: Invitation) -> None:
        """Keep a room's invitation in place of the former one.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
        """
        try:
            await self._database.run(
                """
                INSERT INTO invitations (room_id, token_hash, created_at, expires_at) VALUES (%s, %s, %s, %s)
                ON CONFLICT (room_id) DO UPDATE SET
                    token_hash = excluded.token_hash,
                    created_at = excluded.created_at,
                    expires_at = excluded.expires_at
                """,
                [room_id, token_hash, invitation.created_at, invitation.expires_at],
            )
        except psycopg.errors.ForeignKeyViolation:
            raise room_not_found() from None

    async def get(self, room_id: str, now: datetime) -> Invitation | None:
        """Return the room's invitation; None when there is none or it is over."""
        row = await self._database.one(
            "SELECT created_at, expires_at FROM invitations WHERE room_id = %s AND expires_at > %s", [room_id, now]
        )
        return Invitation(row["created_at"], row["expires_at"]) if row else None

    async def remove(self, room_id: str) -> None:
        """Forget the room's invitation, if there is one."""
        await self._database.run("DELETE FROM invitations WHERE room_id = %s", [room_id])

    async def fits(self, room_id: str, token_hash: bytes, now: datetime) -> bool:
        """Tell whether this is the token of the room's invitation, and that is not over."""
        found = await self._database.one(
            "SELECT 1 FROM invitations WHERE room_id = %s AND token_hash = %s AND expires_at > %s",
            [room_id, token_hash, now],
        )
        return found is not None


class PostgresAdmissions:
    """Implements `backend.domain.entrance_ports.AdmissionRepository`.

    An admission counts while somebody sits in the room. Who takes the first seat of an empty room deletes those of
    the class before (`PostgresSeats.take`), so nothing must be done in time when the last one leaves.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, room_id: str, user_ids: Sequence[str], now: datetime) -> None:
        """Let users in; again for the same it does nothing, and for an account that is gone neither.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
        """
        try:
            await self._database.run(
                """
                INSERT INTO admissions (room_id, user_id, admitted_at)
                SELECT %s, id, %s FROM users WHERE id = ANY(%s) FOR KEY SHARE
                ON CONFLICT DO NOTHING
                """,
                [room_id, now, [as_uuid(user_id) for user_id in user_ids]],
            )
        except psycopg.errors.ForeignKeyViolation:
            raise room_not_found() from None

    async def remove(self, room_id: str, user_id: str) -> None:
        """Take an admission back, if there is one."""
        await self._database.run(
            "DELETE FROM admissions WHERE room_id = %s AND user_id = %s", [room_id, as_uuid(user_id)]
        )

    async def holds(self, room_id: str, user_id: str) -> bool:
        """Tell whether the user was let in and that class goes on."""
        found = await self._database.one(
            """
            SELECT 1 FROM admissions
            WHERE room_id = %(room)s AND user_id = %(user)s
                AND EXISTS (SELECT FROM seats WHERE room_id = %(room)s)
            """,
            {"room": room_id, "user": as_uuid(user_id)},
        )
        return found is not None

    async def purge(self) -> None:
        """Delete the admissions of rooms that nobody sits in."""
        await self._database.run(
            """
            DELETE FROM admissions WHERE NOT EXISTS (SELECT FROM seats WHERE seats.room_id = admissions.room_id)
            """
        )
