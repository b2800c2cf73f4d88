"""The one connection by which this process is part of the cluster: its life, and the news of the others.

While the connection stands, it holds the advisory lock that tells the others that this process lives, and it
listens for news. It beats once a second, so a connection that leads nowhere is noticed, on either side, within
some ten seconds.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from backend.domain.news import News, parse_news
from backend.errors import DatabaseUnavailable
from backend.storage.database import Database
from shared.logging import get_logger

LOCK_CLASS = 0x76747062
"""The first half of the advisory locks of backends: "vtpb" in ASCII. The second is the backend's number."""

CHANNEL = "vtp_news"

BEAT_S = 1.0
"""How often a backend says that it lives; a lost row, or a connection that leads nowhere, is noticed by it."""

BEAT_WITHIN_S = 5.0
CONNECT_WITHIN_S = 3
"""A database that takes longer is away."""

RECONNECT_S = 0.3
"""Wait between tries: a database that is back should be found within a second."""

KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 9000,
}
"""A lost machine, ours or the database's, is noticed within some 9 s. Unix sockets ignore all this."""

_SERVER_KEEPALIVES = """
SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3
"""
_SERVER_UNACKNOWLEDGED = "SET tcp_user_timeout = 9000"
"""An answer that nobody acknowledges holds keepalives up; Linux only."""

_log = get_logger(__name__)

Url = Callable[[str], str]
"""Makes our base URL for the other backends from the IP address under which the database has us."""


class LinkListener(Protocol):
    """Who is told of the link. None of these may block."""

    def link_opened(self, *, buried: bool) -> None:
        """We are part of the cluster (again); news may have been missed.

        `buried`: the others had given us up, so all rooms that were at home here are not any more.
        """

    def news_came(self, news: News) -> None:
        """Some backend, perhaps this one, changed something."""

    def link_beat(self) -> None:
        """The link stands; called about once a second."""


class _Buried(Exception):  # noqa: N818 - named for what happened
    """Our row is gone: another backend found us dead."""


class ClusterLink:
    """Keeps the link of the backend `backend_id` for as long as it is open."""

    def __init__(self, database: Database, backend_id: str, url: Url, listener: LinkListener) -> None:
        self._database = database
        self._id = backend_id
        self._url = url
        self._listener = listener
        self._first_opened = asyncio.Event()
        self._is_known = False
        self._number = 0
        self._has_lock = False
        self._running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Become part of the cluster; returns when we are. Waits for a database that is away."""
        self._running = asyncio.create_task(self._run())
        opened = asyncio.create_task(self._first_opened.wait())
        await asyncio.wait({self._running, opened}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self._running.done():
            self._running.result()

    async def close(self) -> None:
        """End the link and take our row away, and with it every home; again it does nothing.

        When the database is away the others find out by themselves that we are gone.
        """
        if self._running is None:
            return
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._running = None
        with suppress(DatabaseUnavailable):
            await self._database.run("DELETE FROM backends WHERE id = %s", [self._id])

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(None) as patience:
                    await self._stay_linked(patience)
            except _Buried:
                continue
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError, OSError) as error:
                _log.warning("the link to the cluster broke", reason=str(error).strip() or type(error).__name__)
            except psycopg.Error:
                _log.exception("the link to the cluster failed")
            await asyncio.sleep(RECONNECT_S)

    async def _stay_linked(self, patience: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time
        patience.reschedule(now() + BEAT_WITHIN_S)
        async with await self._connected() as connection:
            buried = await self._sign_in(connection)
            self._listener.link_beat()
            self._listener.link_opened(buried=buried)
            self._first_opened.set()
            while True:
                patience.reschedule(None)
                async for notify in connection.notifies(timeout=BEAT_S):
                    self._take(notify.payload)
                patience.reschedule(now() + BEAT_WITHIN_S)
                await self._beat(connection)
                self._listener.link_beat()

    async def _connected(self) -> AsyncConnection[DictRow]:
        connection = await AsyncConnection[DictRow].connect(
            make_conninfo(self._database.conninfo, **KEEPALIVES),
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=CONNECT_WITHIN_S,
        )
        await connection.execute(_SERVER_KEEPALIVES)
        with suppress(psycopg.Error):
            await connection.execute(_SERVER_UNACKNOWLEDGED)
        return connection

    async def _sign_in(self, connection: AsyncConnection[DictRow]) -> bool:
        """Make or renew our row, take the lock, and listen; tells whether the row had been taken away."""
        async with connection.transaction():  # nobody sees the row before it has its lock
            cursor = await connection.execute(
                """
                INSERT INTO backends (id, url) VALUES (%s, %s)
                ON CONFLICT (id) DO UPDATE SET url = EXCLUDED.url, seen_at = now()
                RETURNING number
                """,
                [self._id, self._url(await _own_address(connection))],
            )
            row = await cursor.fetchone()
            if row is None:
                raise AssertionError("INSERT … RETURNING gave no row")
            buried = self._is_known and row["number"] != self._number
            self._is_known, self._number = True, row["number"]
            await self._take_lock(connection)
        await connection.execute(f"LISTEN {CHANNEL}")
        return buried

    async def _take_lock(self, connection: AsyncConnection[DictRow]) -> None:
        """Take the lock. Our own earlier connection may still have it for some seconds, and is as good as this."""
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s) AS taken", [LOCK_CLASS, self._number]
        )
        row = await cursor.fetchone()
        self._has_lock = row is not None and row["taken"]

    async def _beat(self, connection: AsyncConnection[DictRow]) -> None:
        if not self._has_lock:
            await self._take_lock(connection)
        cursor = await connection.execute("UPDATE backends SET seen_at = now() WHERE id = %s", [self._id])
        if cursor.rowcount == 0:
            _log.warning("the other backends had given this one up")
            raise _Buried

    def _take(self, payload: str) -> None:
        try:
            news = parse_news(payload)
        except ValueError:
            _log.warning("news that make no sense")
            return
        if news is not None:
            self._listener.news_came(news)


async def _own_address(connection: AsyncConnection[DictRow]) -> str:
    """Return the IP address under which the database has us: loopback when it is on this machine's own socket."""
    cursor = await connection.execute("SELECT host(inet_client_addr()) AS address")
    row = await cursor.fetchone()
    return (row and row["address"]) or "127.0.0.1"
