"""What an operator does from the command line, beside a running service or without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from backend.domain.accounts import Accounts
from backend.domain.audit import AuditLog
from backend.security.bcrypt_hasher import BcryptHasher
from backend.settings import Settings
from backend.storage.audit import PostgresAudit
from backend.storage.database import Database
from backend.storage.lifecycle import opened, served
from backend.storage.migrate import migrate, read_migrations, schema_version
from backend.storage.second_factors import PostgresSecondFactors
from backend.storage.sessions import PostgresSessions
from backend.storage.users import PostgresUsers


async def create_admin(settings: Settings, email: str, password: str) -> str:
    """Make an admin, or give an existing account the role and the password; returns what to tell the operator.

    Raises:
        StartError: the database cannot be opened.
        InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
    """
    async with _accounts(settings) as accounts:
        is_new = await accounts.make_admin(email, password)
    return f"{email} is an admin{'' if is_new else ' now, with a new password; its sessions have ended'}."


async def migrate_to(settings: Settings, version: int | None) -> str:
    """Bring the schema to a version, by default the newest; returns what to tell the operator.

    Raises:
        StartError: the database cannot be opened, or there is no such version.
    """
    titles = {step.version: step.title for step in read_migrations()}
    async with served(settings.database_url, settings.data_dir) as (conninfo, _):
        before = await asyncio.to_thread(schema_version, conninfo)
        taken = await asyncio.to_thread(migrate, conninfo, version)
        after = await asyncio.to_thread(schema_version, conninfo)
    if not taken:
        return f"Schema version {after}: there already, nothing was changed."
    way = "took back" if after < before else "took"
    return f"Schema version {after}, it was {before}: {way} {', '.join(titles[number] for number in taken)}."


async def schema_status(settings: Settings) -> str:
    """Return what version the schema has and what it lacks, to tell the operator. Changes nothing.

    Raises:
        StartError: the database cannot be opened.
    """
    steps = read_migrations()
    async with served(settings.database_url, settings.data_dir) as (conninfo, _):
        version = await asyncio.to_thread(schema_version, conninfo)
    missing = ", ".join(step.title for step in steps[version:]) or "nothing"
    if version > len(steps):
        return f"Schema version {version}, of a newer release: this one knows {len(steps)}."
    return f"Schema version {version}; this release knows {len(steps)}, missing: {missing}."


@asynccontextmanager
async def _accounts(settings: Settings) -> AsyncIterator[Accounts]:
    database, hasher = Database(pool_size=1), BcryptHasher(settings.bcrypt_cost)
    users, sessions = PostgresUsers(database), PostgresSessions(database)
    async with opened(database, settings.database_url, settings.data_dir, lambda _line: None):
        try:
            audit = AuditLog(PostgresAudit(database), _now)
            yield Accounts(users, sessions, hasher, PostgresSecondFactors(database), audit, database, _now)
        finally:
            hasher.close()


def _now() -> datetime:
    return datetime.now(UTC)
