"""The accounts in PostgreSQL."""

from typing import Any

import psycopg.errors

from backend.domain.pages import Page, PageRequest
from backend.domain.ports import Credentials
from backend.domain.users import NewUser, ProfileChange, Role, User, UserFilter
from backend.errors import Conflict
from backend.storage.database import Connection, Database
from backend.storage.rows import as_uuid, like_pattern, user_from

ADMINS_LOCK_KEY = 0x7674705F61646D6E
"""The advisory lock around whatever changes the number of admins: "vtp_admn" in ASCII."""


class PostgresUsers:
    """Implements `backend.domain.ports.UserRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: str) -> User | None:
        """Return the user with this id."""
        found = await self.credentials_by_id(user_id)
        return found.user if found else None

    async def credentials_by_email(self, email: str) -> Credentials | None:
        """Return user and password hash by email, compared without case."""
        row = await self._database.one("SELECT * FROM users WHERE lower(email) = lower(%s)", [email])
        return _credentials(row)

    async def credentials_by_id(self, user_id: str) -> Credentials | None:
        """Return user and password hash by id."""
        return _credentials(await self._database.one("SELECT * FROM users WHERE id = %s", [as_uuid(user_id)]))

    async def add(self, user: NewUser) -> User:
        """Make an account.

        Raises:
            Conflict: `EMAIL_EXISTS`.
        """
        async with self._database.connection() as connection:
            return await _insert(connection, user)

    async def add_first_admin(self, user: NewUser) -> User | None:
        """Make an admin's account if there is no active admin yet; None when there is one."""
        async with self._database.connection() as connection, connection.transaction():
            await _lock_admins(connection)
            if await _count_admins(connection):
                return None
            return await _insert(connection, user)

    async def update(self, user_id: str, change: ProfileChange) -> User | None:
        """Change a user; None when there is no such user.

        Raises:
            Conflict: `LAST_ADMIN`.
        """
        async with self._database.connection() as connection, connection.transaction():
            loses_admin = change.active is False or change.role not in {None, Role.ADMIN}
            guarded = loses_admin and await _is_last_admin(connection, user_id)
            if guarded:
                raise _last_admin()
            cursor = await connection.execute(
                """
                UPDATE users SET
                    full_name = coalesce(%(full_name)s, full_name),
                    phone = CASE WHEN %(phone)s::text IS NULL THEN phone ELSE nullif(%(phone)s, '') END,
                    role = coalesce(%(role)s, role),
                    active = coalesce(%(active)s, active),
                    updated_at = now()
                WHERE id = %(id)s
                RETURNING *
                """,
                {
                    "id": as_uuid(user_id),
                    "full_name": change.full_name,
                    "phone": change.phone,
                    "role": change.role.value if change.role else None,
                    "active": change.active,
                },
            )
            row = await cursor.fetchone()
            return user_from(row) if row else None

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Replace the password hash."""
        await self._database.run(
            "UPDATE users SET password_hash = %s, updated_at = now() WHERE id = %s",
            [password_hash, as_uuid(user_id)],
        )

    async def replace_password_hash(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Replace exactly this password hash; False when there is another one by now."""
        replaced = await self._database.run(
            "UPDATE users SET password_hash = %s, updated_at = now() WHERE id = %s AND password_hash = %s",
            [new_hash, as_uuid(user_id), old_hash],
        )
        return replaced > 0

    async def delete(self, user_id: str) -> bool:
        """Delete the account; False when there is no such user.

        Raises:
            Conflict: `LAST_ADMIN`.
        """
        async with self._database.connection() as connection, connection.transaction():
            if await _is_last_admin(connection, user_id):
                raise _last_admin()
            cursor = await connection.execute("DELETE FROM users WHERE id = %s", [as_uuid(user_id)])
            return cursor.rowcount > 0

    async def list(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """Return one page of the users, oldest first."""
        rows = await self._database.all(
            """
            WITH found AS (
                SELECT * FROM users
                WHERE (%(role)s::text IS NULL OR role = %(role)s)
                AND (%(active)s::boolean IS NULL OR active = %(active)s)
                AND (%(search)s::text IS NULL OR email ILIKE %(search)s OR full_name ILIKE %(search)s)
            ), one_page AS (
                SELECT * FROM found ORDER BY created_at, id LIMIT %(limit)s OFFSET %(offset)s
            )
            SELECT one_page.*, counted.total
            FROM (SELECT count(*) AS total FROM found) AS counted LEFT JOIN one_page ON true
            ORDER BY one_page.created_at, one_page.id
            """,
            {
                "role": wanted.role.value if wanted.role else None,
                "active": wanted.active,
                "search": like_pattern(wanted.search) if wanted.search else None,
                "limit": page.per_page,
                "offset": page.offset,
            },
        )
        users = [user_from(row) for row in rows if row["id"] is not None]
        return Page(users, rows[0]["total"], page)


async def _insert(connection: Connection, user: NewUser) -> User:
    try:
        cursor = await connection.execute(
            """
            INSERT INTO users (email, full_name, phone, role, password_hash) VALUES (%s, %s, %s, %s, %s)
            RETURNING *
            """,
            [user.email, user.full_name, user.phone, user.role.value, user.password_hash],
        )
    except psycopg.errors.UniqueViolation:
        raise Conflict("There is an account with this email address already.", "EMAIL_EXISTS") from None
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("INSERT … RETURNING gave no row")
    return user_from(row)


async def _lock_admins(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [ADMINS_LOCK_KEY])


async def _count_admins(connection: Connection, but: str | None = None) -> int:
    cursor = await connection.execute(
        "SELECT count(*) AS n FROM users WHERE role = 'admin' AND active AND id IS DISTINCT FROM %s",
        [as_uuid(but) if but else None],
    )
    row = await cursor.fetchone()
    return row["n"] if row else 0


async def _is_last_admin(connection: Connection, user_id: str) -> bool:
    """Tell whether only this user is an active admin. Holds the admins' lock until the transaction ends."""
    await _lock_admins(connection)
    return await _count_admins(connection) > 0 and await _count_admins(connection, but=user_id) == 0


def _last_admin() -> Conflict:
    return Conflict("This is the last admin. Make another one first.", "LAST_ADMIN")


def _credentials(row: dict[str, Any] | None) -> Credentials | None:
    return Credentials(user_from(row), row["password_hash"]) if row else None
