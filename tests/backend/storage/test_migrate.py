"""Migrations: up, down, up; one at a time; whole or not at all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from backend.storage.migrate import Migration, MigrationError, migrate, read_migrations
from tests.support.database import DatabaseServer

NEWEST = len(read_migrations())


@pytest.fixture
def empty(database_server: DatabaseServer) -> Iterator[str]:
    conninfo = database_server.make_empty()
    yield conninfo
    database_server.drop(conninfo)


def schema(conninfo: str) -> list[tuple[object, ...]]:
    """Every column, constraint and index of our tables."""
    with psycopg.connect(conninfo) as connection:
        columns = connection.execute(
            """
            SELECT table_name, column_name, data_type, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
            """
        ).fetchall()
        rules = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ).fetchall()
        indexes = connection.execute(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
        ).fetchall()
    return [*columns, *rules, *indexes]


def test_up_down_up(empty: str) -> None:
    assert migrate(empty) == list(range(1, NEWEST + 1))
    complete = schema(empty)
    assert {"users", "refresh_tokens", "tickets", "rooms", "attendance"} <= {str(row[0]) for row in complete}
    assert migrate(empty) == []
    assert migrate(empty, 0) == list(range(NEWEST, 0, -1))
    assert {row[0] for row in schema(empty)} == {"schema_migrations"}
    assert migrate(empty) == list(range(1, NEWEST + 1))
    assert schema(empty) == complete


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_every_step_can_be_taken_back(empty: str, version: int) -> None:
    migrate(empty, version - 1)
    before = schema(empty)
    migrate(empty, version)
    assert schema(empty) != before
    migrate(empty, version - 1)
    assert schema(empty) == before


def test_several_at_once_migrate_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(migrate, [empty] * 4))
    assert sorted(taken) == [[], [], [], list(range(1, NEWEST + 1))]


def test_a_step_that_fails_leaves_nothing(empty: str) -> None:
    steps = [
        Migration(1, "good", "CREATE TABLE good (n integer)", "DROP TABLE good"),
        Migration(2, "bad", "CREATE TABLE bad (n integer); SELECT 1 / 0", "DROP TABLE bad"),
    ]
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, migrations=steps)
    assert {row[0] for row in schema(empty)} == {"schema_migrations", "good"}
    assert migrate(empty, 1, steps) == []


def test_a_database_of_a_newer_release_is_refused(empty: str) -> None:
    steps = read_migrations()
    newer = [*steps, Migration(NEWEST + 1, "newer", "SELECT 1", "SELECT 1")]
    migrate(empty, migrations=newer)
    with pytest.raises(MigrationError, match=f"has schema version {NEWEST + 1}, this release knows {NEWEST}"):
        migrate(empty)
    migrate(empty, NEWEST, newer)
    assert migrate(empty) == []


@pytest.mark.parametrize("version", [-1, NEWEST + 1])
def test_a_version_that_is_not_there(empty: str, version: int) -> None:
    with pytest.raises(MigrationError, match="There is no version"):
        migrate(empty, version)


@pytest.mark.parametrize(
    "names",
    [
        ["0002_b.up.sql", "0002_b.down.sql"],
        ["0001_a.up.sql"],
        ["one.up.sql", "one.down.sql"],
        ["0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"],
    ],
)
def test_files_out_of_order_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        read_migrations(tmp_path)
