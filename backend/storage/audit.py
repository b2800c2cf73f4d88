"""The audit log in PostgreSQL."""

from datetime import datetime

from psycopg.types.json import Jsonb

from backend.domain.audit import AuditAction, AuditEntry, AuditFilter, Target, TargetType
from backend.domain.pages import Page, PageRequest
from backend.storage.database import Database, Row
from backend.storage.rows import as_uuid

MAX_FAILED_SIGN_INS = 200_000
"""Only these can be made without an account: so many are kept at most, the newest; about 50 MB."""


class PostgresAudit:
    """Implements `backend.domain.audit.AuditRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry; one that is kept already stays as it is."""
        target = entry.target
        await self._database.run(
            """
            INSERT INTO audit_log
                (id, at, action, actor_id, actor_email, target_id, target_type, room_id, address, details)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (id) DO NOTHING
            """,
            [
                entry.id,
                entry.at,
                entry.action.value,
                as_uuid(entry.actor_id) if entry.actor_id else None,
                entry.actor_email,
                target.id if target else None,
                target.type.value if target else None,
                entry.room_id,
                entry.address,
                Jsonb(dict(entry.details)),
            ],
        )

    async def list(self, wanted: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        """Return one page of the entries, newest first."""
        rows = await self._database.all(
            """
            WITH found AS (
                SELECT * FROM audit_log
                WHERE (%(action)s::text IS NULL OR action = %(action)s)
                AND (NOT %(by_actor)s OR actor_id = %(actor)s)
                AND (%(room)s::text IS NULL OR room_id = %(room)s)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
            ), one_page AS (
                SELECT * FROM found ORDER BY at DESC, id LIMIT %(limit)s OFFSET %(offset)s
            )
            SELECT one_page.*, counted.total
            FROM (SELECT count(*) AS total FROM found) AS counted LEFT JOIN one_page ON true
            ORDER BY one_page.at DESC, one_page.id
            """,
            {
                "action": wanted.action.value if wanted.action else None,
                "by_actor": wanted.actor_id is not None,
                "actor": as_uuid(wanted.actor_id) if wanted.actor_id else None,
                "room": wanted.room_id,
                "since": wanted.since,
                "until": wanted.until,
                "limit": page.per_page,
                "offset": page.offset,
            },
        )
        return Page([_entry_from(row) for row in rows if row["id"] is not None], rows[0]["total"], page)

    async def purge(self, before: datetime) -> int:
        """Delete what is older, and failed sign-ins beyond `MAX_FAILED_SIGN_INS`; return how many entries."""
        old = await self._database.run("DELETE FROM audit_log WHERE at < %s", [before])
        too_many = await self._database.run(
            """
            DELETE FROM audit_log WHERE id IN (
                SELECT id FROM audit_log WHERE action = %s ORDER BY at DESC, id OFFSET %s
            )
            """,
            [AuditAction.SIGN_IN_FAILED.value, MAX_FAILED_SIGN_INS],
        )
        return old + too_many


def _entry_from(row: Row) -> AuditEntry:
    target = Target(TargetType(row["target_type"]), row["target_id"]) if row["target_type"] else None
    return AuditEntry(
        id=str(row["id"]),
        at=row["at"],
        action=AuditAction(row["action"]),
        actor_id=str(row["actor_id"]) if row["actor_id"] else None,
        actor_email=row["actor_email"],
        target=target,
        room_id=row["room_id"],
        address=row["address"],
        details=row["details"],
    )
