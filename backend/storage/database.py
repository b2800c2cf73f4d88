"""The way to the database: a bounded pool that comes back by itself, and one error when there is no way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from backend.errors import DatabaseUnavailable

ACQUIRE_TIMEOUT_S = 3.0
"""How long a request waits for a connection: longer than a burst lasts, shorter than a person's patience."""

MAX_WAITING = 500
"""Requests in line for a connection; one more is told to come back."""

CONNECT_TIMEOUT_S = 5
RECONNECT_TIMEOUT_S = 5.0
"""How long the pool tries to replace a lost connection before it rests. The next request makes it try again, so
it is back at once with the database instead of at the end of a long pause."""

STATEMENT_TIMEOUT_MS = 10_000
"""No query of ours takes a second; one that does not end must not hold a connection for ever."""

PROBE_TIMEOUT_S = 1.0

Row = DictRow
Connection = AsyncConnection[DictRow]

_running: ContextVar[tuple["Database", object, Connection] | None] = ContextVar("transaction", default=None)
"""The transaction that runs, as its database, task and connection. Tasks started within inherit the variable, but
not the transaction: a connection serves one after the other."""


class Database:
    """A pool of connections. Made closed; `open` it with a libpq connection string, `close` it at the end."""

    def __init__(self, pool_size: int) -> None:
        self._pool_size = pool_size
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._conninfo: str | None = None

    @property
    def conninfo(self) -> str:
        """The libpq connection string that it was opened with, for a connection beside the pool."""
        if self._conninfo is None:
            raise DatabaseUnavailable
        return self._conninfo

    async def open(self, conninfo: str) -> None:
        """Start the pool; connections are made in the background."""
        self._conninfo = conninfo
        self._pool = AsyncConnectionPool(
            conninfo,
            connection_class=AsyncConnection[DictRow],
            kwargs={"autocommit": True, "row_factory": dict_row, "connect_timeout": CONNECT_TIMEOUT_S},
            min_size=1,
            max_size=self._pool_size,
            max_waiting=MAX_WAITING,
            timeout=ACQUIRE_TIMEOUT_S,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="vtp",
        )
        await self._pool.open()

    async def close(self) -> None:
        """Close all connections; again it does nothing."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode; `async with connection.transaction()` for more than one statement.

        Within `transaction` it is that one's connection.

        Raises:
            DatabaseUnavailable: there is none to be had, or it was lost on the way.
        """
        if self._pool is None:
            raise DatabaseUnavailable
        running = _running.get()
        try:
            if running is not None and running[:2] == (self, asyncio.current_task()):
                yield running[2]
                return
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Make one transaction of all that this task asks of the database within the block.

        It is committed at the end and rolled back when an exception leaves the block. One within another is a part
        of that. Wait for nothing else in it: it holds a connection.

        Raises:
            DatabaseUnavailable: there is no connection to be had, or it was lost on the way; nothing was done.
        """
        async with self.connection() as connection, connection.transaction():
            token = _running.set((self, asyncio.current_task(), connection))
            try:
                yield
            finally:
                _running.reset(token)

    async def one(self, query: LiteralString, parameters: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        """Run a statement and return its first row."""
        async with self.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchone()

    async def all(self, query: LiteralString, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Run a query and return its rows; give it a LIMIT."""
        async with self.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def run(self, statement: LiteralString, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run a statement and return the number of rows it touched."""
        async with self.connection() as connection:
            return (await connection.execute(statement, parameters)).rowcount

    async def reachable(self) -> bool:
        """Tell within a second whether the database answers."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await self.one("SELECT 1 AS ok") is not None
        except (DatabaseUnavailable, TimeoutError):
            return False

    def pool_stats(self) -> dict[str, int]:
        """Return the pool's figures: `pool_size`, `pool_available`, `requests_waiting` and others."""
        return self._pool.get_stats() if self._pool is not None else {}


async def _configure(connection: Connection) -> None:
    await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    await connection.execute("SET TIME ZONE 'UTC'")
