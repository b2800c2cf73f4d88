"""A real PostgreSQL for the tests: one embedded server a run, an empty migrated database a test."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from backend.storage.embedded import EmbeddedPostgres
from backend.storage.migrate import migrate
from tests.support.services import fresh_data_dir

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
"""What the tests write may be lost with the machine."""


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"


class DatabaseServer:
    """Hands out databases. `conninfo` strings are libpq's, for psycopg and `Settings.database_url` alike."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._admin = server.conninfo("postgres")
        self._numbers = itertools.count(1)

    def make_empty(self) -> str:
        """Make a database without tables and return its connection string."""
        name = f"test_{next(self._numbers)}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self._admin, dbname=name)

    def make_migrated(self) -> str:
        """Make a database with the newest schema and return its connection string."""
        conninfo = self.make_empty()
        migrate(conninfo)
        return conninfo

    def drop(self, conninfo: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]))
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def shut_out(conninfo: str) -> Iterator[None]:
    """Cut every connection to a database and let nobody in for the length of a `with` block."""
    name = str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])
    change = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as admin:
        admin.execute(change.format(sql.Identifier(name), sql.SQL("false")))
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            admin.execute(change.format(sql.Identifier(name), sql.SQL("true")))


def as_url(conninfo: str) -> str:
    """Write a connection string as a URL, as operators put it into `DATABASE_URL`."""
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    place = urlencode({"host": given["host"], "port": given["port"]})
    return f"postgresql://{given['user']}@/{given['dbname']}?{place}"


def empty_tables(conninfo: str) -> None:
    """Delete every row of a migrated database, ten times as fast as TRUNCATE does with few rows."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # neither cascades nor news
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


@contextmanager
def running_database_server() -> Iterator[DatabaseServer]:
    """Run an embedded server for the length of a `with` block, with a migrated template."""
    with fresh_data_dir() as data_dir:
        server = EmbeddedPostgres(data_dir, FAST)
        server.start()
        try:
            yield DatabaseServer(server)
        finally:
            server.stop()
