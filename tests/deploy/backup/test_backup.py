"""backup.sh: what it makes, what it leaves alone when it fails, and that there is one at a time."""

import hashlib
import re
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.backups import Backups

DONE = re.compile(
    r"^\S+Z backup ok: \S+/vtp_db-\d{8}T\d{6}Z\.dump, \d+ bytes in \d+ s, removed \d+ old, kept \d+\n$"
)
OLD = "vtp_db-20250101T000000Z.dump"


@contextmanager
def tables_locked(conninfo: str) -> Iterator[None]:
    """Make every pg_dump of the database wait for the length of a `with` block."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield


def wait_until_dumping(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        deadline = time.monotonic() + 30
        waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        while connection.execute(waits).fetchone() is None:
            assert time.monotonic() < deadline, "no pg_dump came"


def old_backup(backups: Backups) -> Path:
    backups.folder.mkdir()
    path = backups.folder / OLD
    path.write_bytes(b"a good one")
    return path


def test_a_backup_with_checksum_key_and_figures(backups: Backups, tmp_path: Path) -> None:
    done = backups.run("backup.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert DONE.match(done.stdout), done.stdout
    dump = backups.newest()
    digest = hashlib.sha256(dump.read_bytes()).hexdigest()
    assert Path(f"{dump}.sha256").read_text() == f"{digest}  {dump.name}\n"
    assert dump.with_suffix(".key").read_bytes() == (tmp_path / "secrets" / "jwt_secret").read_bytes()
    for path in (dump, dump.with_suffix(".key")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    figures = dict(
        line.split() for line in (backups.folder / "vtp_backup.prom").read_text().splitlines() if line[0] != "#"
    )
    assert abs(int(figures["vtp_backup_last_success_timestamp_seconds"]) - time.time()) < 60
    assert int(figures["vtp_backup_last_size_bytes"]) == dump.stat().st_size
    assert 0 <= int(figures["vtp_backup_last_duration_seconds"]) < 60
    assert backups.left_over() == []


def test_check_tells_fresh_from_stale_and_none(backups: Backups) -> None:
    none = backups.run("backup.sh", "--check")
    assert (none.returncode, "there is no backup" in none.stderr) == (1, True)
    backups.run("backup.sh")
    assert backups.run("backup.sh", "--check").returncode == 0
    figures = backups.folder / "vtp_backup.prom"
    figures.write_text(re.sub(r"(timestamp_seconds) \d+", r"\1 1700000000", figures.read_text()))
    stale = backups.run("backup.sh", "--check")
    assert (stale.returncode, "the limit is 93600 s" in stale.stderr) == (1, True)


def test_a_time_to_come_is_no_fresh_backup(backups: Backups) -> None:
    """A clock that was ahead once must not keep the check quiet for years."""
    backups.run("backup.sh")
    figures = backups.folder / "vtp_backup.prom"
    figures.write_text(re.sub(r"(timestamp_seconds) \d+", r"\1 4070908800", figures.read_text()))
    ahead = backups.run("backup.sh", "--check")
    assert (ahead.returncode, "lies ahead of this machine's clock" in ahead.stderr) == (1, True)


def test_one_of_a_time_to_come_does_not_push_out_the_new_one(backups: Backups) -> None:
    backups.folder.mkdir()
    ahead = "vtp_db-20990101T000000Z.dump"
    (backups.folder / ahead).touch()
    none = {f"BACKUP_KEEP_{kind}": "0" for kind in ("DAILY", "WEEKLY", "MONTHLY")}
    assert backups.run("backup.sh", BACKUP_KEEP_LAST="1", **none).returncode == 0
    assert len(backups.made()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"PGDATABASE": "nothing_here"},
        {"PGPORT": "1"},
        {"PGDATABASE": "postgres"},  # which holds no accounts
        {"BACKUP_KEY_FILE": "/nowhere/jwt_secret"},
    ],
    ids=["no-database", "no-server", "another-database", "no-key"],
)
def test_a_failure_leaves_the_old_ones(backups: Backups, wrong: dict[str, str]) -> None:
    old = old_backup(backups)
    failed = backups.run("backup.sh", BACKUP_KEEP_LAST="1", BACKUP_KEEP_DAILY="0", **wrong)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "backup failed: " in failed.stderr.splitlines()[-1]
    assert backups.made() == [OLD]
    assert old.read_bytes() == b"a good one"
    assert backups.left_over() == []
    assert not (backups.folder / "vtp_backup.prom").exists()


def test_a_pg_dump_that_writes_half_is_not_taken(backups: Backups, tmp_path: Path) -> None:
    """As on a full disk under a program that does not notice."""
    old_backup(backups)
    real = next(
        directory for part in backups.env["PATH"].split(":") if (directory := Path(part, "pg_dump")).exists()
    )
    cut = tmp_path / "bin" / "pg_dump"
    cut.parent.mkdir()
    cut.write_text(
        f'#!/bin/sh\nfor last; do file=${{last#--file=}}; done\n"{real}" "$@" && truncate -s -200 "$file"\n'
    )
    cut.chmod(0o755)
    failed = backups.run("backup.sh", PATH=f"{cut.parent}:{backups.env['PATH']}")
    assert (failed.returncode, "cannot be read back" in failed.stderr) == (1, True)
    assert backups.made() == [OLD]
    assert backups.left_over() == []


def test_two_at_once(backups: Backups, conninfo: str) -> None:
    old = old_backup(backups)
    with ExitStack() as lock:
        lock.enter_context(tables_locked(conninfo))
        with backups.started("backup.sh") as first:
            wait_until_dumping(conninfo)
            for other in (backups.run("backup.sh"), backups.run("restore.sh", "--force", str(old))):
                assert (other.returncode, "another backup or restore is running" in other.stderr) == (3, True)
            lock.close()
            output, errors = first.communicate(timeout=60)
    assert (first.returncode, errors) == (0, "")
    assert DONE.match(output)


def test_a_signal_ends_it_and_leaves_nothing_half(backups: Backups, conninfo: str) -> None:
    with tables_locked(conninfo), backups.started("backup.sh") as process:
        wait_until_dumping(conninfo)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert backups.made() == backups.left_over() == []


def test_after_a_killed_one_the_next_clears_up(backups: Backups) -> None:
    backups.folder.mkdir()
    for kind in ("dump", "sha256", "key"):
        (backups.folder / f".vtp_db.part.{kind}").write_text("half")
    assert backups.run("backup.sh").returncode == 0
    assert backups.left_over() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKUP_KEEP_LAST", "0"),
        ("BACKUP_KEEP_DAILY", "-1"),
        ("BACKUP_KEEP_WEEKLY", "many"),
        ("BACKUP_KEEP_MONTHLY", "1001"),
        ("BACKUP_KEEP_MONTHLY", "99999999999999999999"),
        ("PGDATABASE", "x; DROP DATABASE y"),
        ("PGPASSWORD_FILE", "/nowhere/password"),
    ],
)
def test_wrong_settings_are_refused(backups: Backups, name: str, value: str) -> None:
    refused = backups.run("backup.sh", **{name: value})
    assert refused.returncode == 2
    assert name in refused.stderr


def test_the_password_comes_from_a_file(backups: Backups, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("Sponge-and-Water-2\n")
    assert backups.run("backup.sh", PGPASSWORD_FILE=str(tmp_path / "password")).returncode == 0
    both = backups.run("backup.sh", PGPASSWORD_FILE=str(tmp_path / "password"), PGPASSWORD="Sponge-and-Water-2")
    assert (both.returncode, "both set" in both.stderr) == (2, True)
