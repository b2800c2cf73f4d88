"""The second factors in PostgreSQL: secrets are here encrypted, backup codes as SHA-256 hashes."""

from collections.abc import Collection, Sequence

import psycopg.errors

from backend.domain.second_factor_ports import KeptFactor
from backend.storage.database import Database, Row
from backend.storage.rows import as_uuid


class PostgresSecondFactors:
    """Implements `backend.domain.second_factor_ports.SecondFactorRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: str) -> KeptFactor | None:
        """Return a user's second factor, enabled or not."""
        row = await self._database.one("SELECT * FROM second_factors WHERE user_id = %s", [as_uuid(user_id)])
        return _factor_from(row) if row else None

    async def set_up(self, user_id: str, sealed_secret: bytes, key_id: str) -> bool:
        """Keep a new secret that is not enabled yet, in place of such a one; False when one is enabled."""
        try:
            changed = await self._database.run(
                """
                INSERT INTO second_factors AS kept (user_id, sealed_secret, key_id) VALUES (%s, %s, %s)
                ON CONFLICT (user_id) DO UPDATE
                SET sealed_secret = excluded.sealed_secret, key_id = excluded.key_id, last_step = 0
                WHERE NOT kept.enabled
                """,
                [as_uuid(user_id), sealed_secret, key_id],
            )
        except psycopg.errors.ForeignKeyViolation:  # the account was deleted just now
            return False
        return changed > 0

    async def enable(self, factor: KeptFactor, step: int, code_hashes: Collection[bytes]) -> bool:
        """Enable exactly this secret, a code of `step` being used; False when another one is set up by now."""
        async with self._database.transaction():
            changed = await self._database.run(
                """
                UPDATE second_factors SET enabled = true, last_step = %s
                WHERE user_id = %s AND sealed_secret = %s AND NOT enabled
                """,
                [step, as_uuid(factor.user_id), factor.sealed_secret],
            )
            if changed:
                await self.replace_backup_codes(factor.user_id, code_hashes)
        return changed > 0

    async def use_step(self, user_id: str, step: int) -> bool:
        """Use a time step up; False when it, or a later one, was used before."""
        used = await self._database.run(
            "UPDATE second_factors SET last_step = %s WHERE user_id = %s AND enabled AND last_step < %s",
            [step, as_uuid(user_id), step],
        )
        return used > 0

    async def use_backup_code(self, user_id: str, code_hash: bytes) -> bool:
        """Use a backup code up; False when there is no such code (any more)."""
        used = await self._database.run(
            "DELETE FROM backup_codes WHERE user_id = %s AND code_hash = %s", [as_uuid(user_id), code_hash]
        )
        return used > 0

    async def replace_backup_codes(self, user_id: str, code_hashes: Collection[bytes]) -> None:
        """Forget all backup codes and keep these."""
        async with self._database.transaction():
            await self._database.run("DELETE FROM backup_codes WHERE user_id = %s", [as_uuid(user_id)])
            await self._database.run(
                """
                INSERT INTO backup_codes (user_id, code_hash)
                SELECT user_id, unnest(%s::bytea[]) FROM second_factors WHERE user_id = %s AND enabled
                """,
                [list(code_hashes), as_uuid(user_id)],
            )

    async def backup_codes_left(self, user_id: str) -> int:
        """Return how many backup codes were not used yet."""
        row = await self._database.one(
            "SELECT count(*) AS n FROM backup_codes WHERE user_id = %s", [as_uuid(user_id)]
        )
        return row["n"] if row else 0

    async def remove(self, user_id: str) -> bool:
        """Forget secret and backup codes; False when none was enabled."""
        row = await self._database.one(
            "DELETE FROM second_factors WHERE user_id = %s RETURNING enabled", [as_uuid(user_id)]
        )
        return bool(row and row["enabled"])

    async def enabled_among(self, user_ids: Collection[str]) -> Collection[str]:
        """Return which of these users have an enabled second factor."""
        rows = await self._database.all(
            "SELECT user_id FROM second_factors WHERE enabled AND user_id = ANY(%s)",
            [[as_uuid(user_id) for user_id in user_ids]],
        )
        return {str(row["user_id"]) for row in rows}

    async def under_other_keys(self, key_id: str, after: str | None, limit: int) -> Sequence[KeptFactor]:
        """Return factors that are not encrypted under this key, of users after this one in order of id."""
        rows = await self._database.all(
            """
            SELECT * FROM second_factors
            WHERE key_id <> %(key)s AND (%(after)s::uuid IS NULL OR user_id > %(after)s)
            ORDER BY user_id LIMIT %(limit)s
            """,
            {"key": key_id, "after": as_uuid(after) if after else None, "limit": limit},
        )
        return [_factor_from(row) for row in rows]

    async def reseal(self, factor: KeptFactor, sealed_secret: bytes, key_id: str) -> None:
        """Replace how exactly this secret is encrypted."""
        await self._database.run(
            "UPDATE second_factors SET sealed_secret = %s, key_id = %s WHERE user_id = %s AND sealed_secret = %s",
            [sealed_secret, key_id, as_uuid(factor.user_id), factor.sealed_secret],
        )


def _factor_from(row: Row) -> KeptFactor:
    return KeptFactor(str(row["user_id"]), bytes(row["sealed_secret"]), row["enabled"])
