"""Opening the database for as long as the service runs: connect or start it, migrate, keep it alive and tidy."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import pq

from backend.errors import DatabaseUnavailable, StartError
from backend.storage.audit import PostgresAudit
from backend.storage.database import CONNECT_TIMEOUT_S, Database
from backend.storage.embedded import EmbeddedError, EmbeddedPostgres
from backend.storage.entrance import PostgresAdmissions
from backend.storage.login_failures import PostgresLoginFailures
from backend.storage.migrate import migrate
from backend.storage.sessions import PostgresSessions
from shared.logging import get_logger

START_WAIT_S = 30.0
"""How long a database elsewhere may take to come up beside us, as in a compose file."""

WATCH_S = 2.0
"""How soon a dead embedded server is noticed and started again."""

PURGE_S = 600.0
"""How often expired tokens are deleted; they are refused all the same."""

_RETRY_S = 0.5

Announce = Callable[[str], None]
"""Tells the operator about a step of the start, one line each."""

logger = get_logger(__name__)


@asynccontextmanager
async def opened(
    database: Database,
    url: str | None,
    data_dir: Path,
    announce: Announce,
    audit_retention: timedelta | None = None,
) -> AsyncIterator[None]:
    """Open the database at `url`, or the embedded one under `data_dir`; both migrated to the newest schema.

    Sessions are cleared away when they are over, and audit entries after `audit_retention`, if it is given.

    Raises:
        StartError: it cannot be reached, started or migrated.
    """
    async with served(url, data_dir) as (conninfo, name):
        announce(f"[1/5] Database connected ({name})")
        taken = await _migrated(conninfo)
        announce(f"[2/5] Database migrations completed ({len(taken)} applied)")
        await database.open(conninfo)
        try:
            async with _repeated(PURGE_S, lambda: _purge(database, audit_retention)):
                yield
        finally:
            await database.close()


@asynccontextmanager
async def served(url: str | None, data_dir: Path) -> AsyncIterator[tuple[str, str]]:
    """Wait for the server at `url`, or run the embedded one; gives connection string and a name for people.

    Raises:
        StartError: there is no way to it.
    """
    if url is not None:
        await _wait_for(url)
        yield url, "PostgreSQL at DATABASE_URL"
        return
    server = EmbeddedPostgres(data_dir)
    conninfo = await _start(server)
    try:
        async with _repeated(WATCH_S, lambda: _revive(server)):
            yield conninfo, f"embedded PostgreSQL under {data_dir}"
    finally:
        await asyncio.to_thread(server.stop)


async def _start(server: EmbeddedPostgres) -> str:
    """Start the server in a thread. Cancelled meanwhile, it is stopped again: nobody else would."""
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(EmbeddedError):
            await starting
        await asyncio.to_thread(server.stop)
        raise


async def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_WAIT_S
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, connect_timeout=CONNECT_TIMEOUT_S)
        except psycopg.Error as error:
            if time.monotonic() > deadline or not await asyncio.to_thread(_may_come_up, url):
                raise StartError(_why(error)) from error
            await asyncio.sleep(_RETRY_S)
        else:
            await connection.close()
            return


def _may_come_up(url: str) -> bool:
    """Tell whether waiting can help: nobody answers yet, or the server says that it is starting."""
    return pq.PGconn.ping(url.encode()) in {pq.Ping.NO_RESPONSE, pq.Ping.REJECT}


async def _migrated(conninfo: str) -> list[int]:
    try:
        return await asyncio.to_thread(migrate, conninfo)
    except psycopg.Error as error:
        raise StartError(f"The database cannot be migrated: {_first_line(error)}.") from error


@asynccontextmanager
async def _repeated(every_s: float, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do the work again and again beside the service; what goes wrong is logged and tried again."""

    async def run() -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except (StartError, DatabaseUnavailable) as error:
                logger.warning("database chore failed", reason=str(error))
            except Exception:
                logger.exception("database chore failed")

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _revive(server: EmbeddedPostgres) -> None:
    if server.pid() is None and await asyncio.to_thread(server.revive):
        logger.warning("embedded database had died and was started again")


async def _purge(database: Database, audit_retention: timedelta | None) -> None:
    now = datetime.now(UTC)
    await PostgresSessions(database).purge(now)
    await PostgresLoginFailures(database).purge()
    await PostgresAdmissions(database).purge()
    if audit_retention is not None:
        await PostgresAudit(database).purge(now - audit_retention)


def _why(error: psycopg.Error) -> str:
    return f"The database at DATABASE_URL cannot be used: {_first_line(error)}. Mend DATABASE_URL or the server."


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
