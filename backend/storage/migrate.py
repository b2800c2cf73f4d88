"""Migrations: numbered pairs of plain SQL files, applied up or down, each in a transaction of its own.

A migration and the note that it was applied are one transaction, so a process that is killed half-way leaves
nothing half done. An advisory lock lets one process at a time migrate; the others wait for it. The lock goes with
its connection, so nobody has to break it after a crash.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from backend.errors import StartError

MIGRATIONS_DIR = Path(__file__).parent / "migrations"

LOCK_KEY = 0x7674705F6D696772
"""The advisory lock of the migrations: "vtp_migr" in ASCII."""

_FILE = re.compile(r"(\d{4})_(\w+)\.up\.sql")
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(StartError):
    """The schema cannot be brought to the wanted version; the message says why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: how to take it, and how to take it back."""

    version: int
    name: str
    up: str
    down: str

    @property
    def title(self) -> str:
        """What its files are called."""
        return f"{self.version:04}_{self.name}"


def read_migrations(directory: Path = MIGRATIONS_DIR) -> list[Migration]:
    """Return the migrations in order.

    Raises:
        MigrationError: numbers are not 1, 2, 3, … or a file has no counterpart.
    """
    found = [_read(path) for path in sorted(directory.glob("*.up.sql"))]
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"The migrations in {directory} are not numbered 1, 2, 3, … without a gap.")
    return found


def migrate(conninfo: str, target: int | None = None, migrations: list[Migration] | None = None) -> list[int]:
    """Bring the schema to the target version (default: the newest) and return the versions taken or taken back.

    Blocks; call it from a thread.

    Raises:
        MigrationError: the database was made by a newer release, or there is no such version.
        psycopg.Error: the database refused; what came before stays applied.
    """
    steps = read_migrations() if migrations is None else migrations
    goal = len(steps) if target is None else target
    if not 0 <= goal <= len(steps):
        raise MigrationError(f"There is no version {goal}; the newest is {len(steps)}.")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        connection.execute("SET client_min_messages = warning")
        connection.execute(_TABLE)
        current = _current_version(connection)
        if current > len(steps):
            raise MigrationError(
                f"The database has schema version {current}, this release knows {len(steps)}. "
                f"Run the newer release, or let it go back first: `python -m backend migrate {len(steps)}`."
            )
        if goal >= current:
            return [_take(connection, step) for step in steps[current:goal]]
        return [_take_back(connection, step) for step in reversed(steps[goal:current])]


def schema_version(conninfo: str) -> int:
    """Return the version that the schema has; 0 before the first migration. Changes nothing. Blocks.

    Raises:
        psycopg.Error: the database refused.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_tables WHERE tablename = 'schema_migrations'").fetchone()
        return _current_version(connection) if there else 0


def _current_version(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    return row[0] if row else 0


def _take(connection: psycopg.Connection[tuple[int]], step: Migration) -> int:
    with connection.transaction():
        connection.execute(step.up.encode())
        connection.execute(
            "INSERT INTO schema_migrations (version, name) VALUES (%s, %s)", [step.version, step.name]
        )
    return step.version


def _take_back(connection: psycopg.Connection[tuple[int]], step: Migration) -> int:
    with connection.transaction():
        connection.execute(step.down.encode())
        connection.execute("DELETE FROM schema_migrations WHERE version = %s", [step.version])
    return step.version


def _read(path: Path) -> Migration:
    matched = _FILE.fullmatch(path.name)
    down = path.with_name(path.name.replace(".up.sql", ".down.sql"))
    if matched is None or not down.exists():
        raise MigrationError(f"{path.name} has no number, or no {down.name} beside it.")
    return Migration(int(matched[1]), matched[2], path.read_text("utf-8"), down.read_text("utf-8"))
