"""restore.sh: refuses what is not whole or would overwrite something, and takes nothing away."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.backups import Backups

COUNT = "SELECT count(*) FROM users"


def accounts(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(COUNT).fetchone()
        assert row is not None
        return int(row[0])


def add_account(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "INSERT INTO users (email, full_name, role, password_hash) "
            "VALUES ('late@school.example', 'L', 'student', 'x')"
        )


def databases_of(conninfo: str) -> set[str]:
    name = str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres")) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [f"^{name}(_|$)"])
        return {row[0].removeprefix(name) for row in rows}


def vouch_for(dump: Path) -> None:
    Path(f"{dump}.sha256").write_text(f"{hashlib.sha256(dump.read_bytes()).hexdigest()}  {dump.name}\n")


@pytest.fixture
def backup(backups: Backups) -> Path:
    assert backups.run("backup.sh").returncode == 0
    return backups.newest()


def test_over_a_database_in_use_only_by_force_and_the_old_one_stays(
    backups: Backups, backup: Path, conninfo: str
) -> None:
    add_account(conninfo)
    refused = backups.run("restore.sh", str(backup))
    assert (refused.returncode, "holds data; --force puts" in refused.stderr) == (1, True)
    assert accounts(conninfo) == 3
    done = backups.run("restore.sh", "--force", backup.name)  # by its name alone
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 accounts, schema version" in done.stdout
    assert accounts(conninfo) == 2
    [kept] = databases_of(conninfo) - {""}
    assert kept.startswith("_before_")
    assert f"dropdb --maintenance-db=postgres {conninfo_name(conninfo)}{kept}\n" in done.stdout
    assert accounts(make_conninfo(conninfo, dbname=conninfo_name(conninfo) + kept)) == 3


def test_everything_belongs_to_the_role_that_had_the_database(
    backups: Backups, backup: Path, conninfo: str
) -> None:
    """As in the compose stack, where the backend signs in as another role than the one that backs up."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE ROLE school LOGIN")
        connection.execute(f"ALTER DATABASE {conninfo_name(conninfo)} OWNER TO school".encode())
    assert backups.run("restore.sh", "--force", str(backup)).returncode == 0
    as_school = make_conninfo(conninfo, user="school")
    add_account(as_school)
    assert accounts(as_school) == 3
    with psycopg.connect(as_school) as connection:
        connection.execute("ALTER TABLE users ADD COLUMN of_the_next_migration text")


def conninfo_name(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


@pytest.mark.parametrize("emptied", ["TRUNCATE users CASCADE", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"])
def test_into_an_empty_database_without_force(backups: Backups, backup: Path, conninfo: str, emptied: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(emptied.encode())
    assert backups.run("restore.sh", str(backup)).returncode == 0
    assert accounts(conninfo) == 2
    assert databases_of(conninfo) == {""}


def test_into_a_server_without_the_database(backups: Backups, backup: Path, conninfo: str) -> None:
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {conninfo_name(conninfo)}".encode())
    assert backups.run("restore.sh", str(backup)).returncode == 0
    assert accounts(conninfo) == 2


def test_not_under_a_running_backend(backups: Backups, backup: Path, conninfo: str) -> None:
    with psycopg.connect(conninfo):
        refused = backups.run("restore.sh", "--force", str(backup))
    assert (refused.returncode, "stop every backend first" in refused.stderr) == (1, True)
    assert databases_of(conninfo) == {""}


@contextmanager
def being_vacuumed(conninfo: str) -> Iterator[None]:
    """Have an autovacuum worker in the database for the length of a `with` block; it is busy for minutes."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE big AS SELECT n, repeat('x', 200) FROM generate_series(1, 20000) AS n")
        connection.execute(
            "ALTER TABLE big SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
        )
        connection.execute("DELETE FROM big WHERE n % 2 = 0")
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            deadline = time.monotonic() + 30
            there = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND datname = %s"
            while admin.execute(there, [conninfo_name(conninfo)]).fetchone() is None:
                assert time.monotonic() < deadline, "no autovacuum came"
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET autovacuum_naptime")
            admin.execute("SELECT pg_reload_conf()")


def test_an_autovacuum_is_no_running_backend(backups: Backups, backup: Path, conninfo: str) -> None:
    with being_vacuumed(conninfo):
        done = backups.run("restore.sh", "--force", str(backup))
    assert (done.returncode, done.stderr) == (0, "")
    assert accounts(conninfo) == 2


@pytest.mark.parametrize("length", [40, 62, 63])
def test_a_name_that_leaves_no_room_for_those_beside_it(
    backups: Backups, backup: Path, conninfo: str, length: int
) -> None:
    """PostgreSQL cuts names off at 63 bytes: the fresh database would have the name of the one in use."""
    name = f"school_{length}".ljust(length, "x")
    admin = make_conninfo(conninfo, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {conninfo_name(conninfo)} RENAME TO {name}".encode())
    add_account(make_conninfo(conninfo, dbname=name))
    refused = backups.run("restore.sh", "--force", str(backup), PGDATABASE=name)
    assert accounts(make_conninfo(conninfo, dbname=name)) == 3
    assert (refused.returncode, "PGDATABASE" in refused.stderr) == (2, True)


def flip_a_byte(dump: Path) -> None:
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 0xFF
    dump.write_bytes(content)


def cut_off(dump: Path) -> None:
    dump.write_bytes(dump.read_bytes()[:-300])
    vouch_for(dump)


def no_dump(dump: Path) -> None:
    dump.write_text("SELECT 1;")
    vouch_for(dump)


def of_a_newer_server(dump: Path) -> None:
    """The header names the server that was dumped, as a string with its length before it."""
    content = dump.read_bytes()
    assert content.count(b"\x0018.") >= 1
    dump.write_bytes(content.replace(b"\x0018.", b"\x0099.", 2))
    vouch_for(dump)


def of_a_newer_format(dump: Path) -> None:
    """The archive's own version: "PGDMP", then major, minor, revision."""
    content = bytearray(dump.read_bytes())
    assert content[:5] == b"PGDMP"
    content[6] = 99
    dump.write_bytes(content)
    vouch_for(dump)


def without_checksum(dump: Path) -> None:
    Path(f"{dump}.sha256").unlink()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (flip_a_byte, "is damaged: its SHA-256 is not the one"),
        (cut_off, "is as it was"),
        (no_dump, "pg_restore cannot read"),
        (of_a_newer_server, "was made by PostgreSQL 99, and the server is 18"),
        (of_a_newer_format, "unsupported version"),
        (without_checksum, "to check the backup against"),
    ],
)
def test_a_spoilt_backup_changes_nothing(
    backups: Backups, backup: Path, conninfo: str, spoil: Callable[[Path], None], why: str
) -> None:
    spoil(backup)
    add_account(conninfo)
    refused = backups.run("restore.sh", "--force", str(backup))
    assert refused.returncode == 1
    assert why in refused.stderr
    assert "restore ok" not in refused.stdout
    assert accounts(conninfo) == 3
    assert databases_of(conninfo) == {""}


def test_another_key_is_refused_and_by_force_kept_aside(backups: Backups, backup: Path) -> None:
    key = Path(backups.env["BACKUP_KEY_FILE"])
    saved = key.read_text()
    key.write_text("another key that opens nothing of this backup")
    refused = backups.run("restore.sh", str(backup))
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    done = backups.run("restore.sh", "--force", str(backup))
    assert done.returncode == 0
    assert key.read_text() == saved
    assert key.stat().st_mode & 0o777 == 0o600
    [aside] = key.parent.glob("jwt_secret.before_*")
    assert aside.read_text().startswith("another key")


def test_a_key_that_may_not_be_written_is_left_to_the_operator(backups: Backups, backup: Path) -> None:
    done = backups.run("restore.sh", "--force", str(backup), BACKUP_KEY_FILE="/proc/nowhere/jwt_secret")
    assert done.returncode == 0
    assert f"COPY {backup.with_suffix('.key')} TO WHERE JWT_SECRET COMES FROM" in done.stdout


@pytest.mark.parametrize("call", [[], ["--force"], ["nothing.dump"], ["--now", "nothing.dump"], ["a", "b"]])
def test_wrong_calls(backups: Backups, call: list[str]) -> None:
    assert backups.run("restore.sh", *call).returncode == 2
