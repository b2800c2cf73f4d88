"""A database with accounts in it, and a folder for its backups."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend.storage.embedded import EmbeddedPostgres
from tests.support.backups import Backups, backups_of
from tests.support.database import FAST, DatabaseServer
from tests.support.services import fresh_data_dir

KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    with fresh_data_dir() as data_dir:
        embedded = EmbeddedPostgres(data_dir, FAST)
        embedded.start()
        yield embedded
        embedded.stop()


@pytest.fixture(scope="session")
def databases(server: EmbeddedPostgres) -> DatabaseServer:
    return DatabaseServer(server)


@pytest.fixture
def conninfo(databases: DatabaseServer) -> str:
    """A database with the newest schema and two accounts. Tests rename it, so nobody drops it: the server goes."""
    made = databases.make_migrated()
    with psycopg.connect(made) as connection:
        connection.execute(
            "INSERT INTO users (email, full_name, role, password_hash) VALUES "
            "('teacher@school.example', 'T', 'teacher', 'x'), ('student@school.example', 'S', 'student', 'x')"
        )
    return made


@pytest.fixture
def backups(server: EmbeddedPostgres, conninfo: str, tmp_path: Path) -> Backups:
    key_file = tmp_path / "secrets" / "jwt_secret"
    key_file.parent.mkdir()
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    return backups_of(conninfo, server.bin_dir, tmp_path / "backups", BACKUP_KEY_FILE=str(key_file))
