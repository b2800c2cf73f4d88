"""Failed attempts to sign in, shared by all backends in PostgreSQL."""

import math
from datetime import timedelta

from backend.domain.auth_ports import Hold
from backend.storage.database import Database
from backend.storage.rows import as_uuid

KEEP = timedelta(hours=1)
"""The longest window that anything is counted in."""


class PostgresLoginFailures:
    """Implements `backend.domain.auth_ports.FailureRepository`. The database's clock counts, one for all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, key: bytes, limit: int, window_s: float) -> Hold:
        """Hold one of `limit` failures within `window_s` seconds, if one is left."""
        async with self._database.transaction():
            lock = int.from_bytes(key[:8], "big", signed=True)
            await self._database.run("SELECT pg_advisory_xact_lock(%s)", [lock])  # one after the other, a key
            row = await self._database.one(
                """
                SELECT count(*) AS held, count(*) FILTER (WHERE failed) AS failures,
                    extract(epoch FROM min(at) FILTER (WHERE failed) + %(window)s - clock_timestamp()) AS wait
                FROM login_failures WHERE key = %(key)s AND at > clock_timestamp() - %(window)s
                """,
                {"key": key, "window": timedelta(seconds=window_s)},
            )
            if row is None:
                raise AssertionError("an aggregate gave no row")
            if row["failures"] >= limit:
                return Hold(retry_after_s=max(1, math.ceil(row["wait"])))
            if row["held"] >= limit:
                return Hold()
            made = await self._database.one(
                "INSERT INTO login_failures (key, at) VALUES (%s, clock_timestamp()) RETURNING id", [key]
            )
            return Hold(str(made["id"]) if made else None)

    async def settle(self, hold_id: str, *, failed: bool) -> None:
        """Make a held attempt a failure, or forget it."""
        if failed:
            await self._database.run(
                "UPDATE login_failures SET failed = true, at = clock_timestamp() WHERE id = %s", [as_uuid(hold_id)]
            )
        else:
            await self._database.run("DELETE FROM login_failures WHERE id = %s", [as_uuid(hold_id)])

    async def purge(self) -> int:
        """Delete what counts no more; returns how many."""
        return await self._database.run("DELETE FROM login_failures WHERE at < clock_timestamp() - %s", [KEEP])
