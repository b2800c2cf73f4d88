"""schedule.sh: when the next backup is due, and that it makes what was missed at once."""

import signal
import time
from datetime import datetime

import pytest
from psycopg.conninfo import conninfo_to_dict

from backend.storage.migrate import migrate
from tests.support.backups import Backups
from tests.support.database import DatabaseServer


@pytest.mark.parametrize(
    ("newest", "at", "due"),
    [
        ("20260105T010000Z", "02:30", "2026-01-05T02:30:00Z"),
        ("20260105T023000Z", "02:30", "2026-01-06T02:30:00Z"),
        ("20260105T023004Z", "02:30", "2026-01-06T02:30:00Z"),
        ("20251231T235959Z", "00:00", "2026-01-01T00:00:00Z"),
        ("20240228T090908Z", "09:09", "2024-02-29T09:09:00Z"),
    ],
)
def test_due_at_the_time_after_the_newest(backups: Backups, newest: str, at: str, due: str) -> None:
    backups.folder.mkdir()
    (backups.folder / "vtp_db-20240101T000000Z.dump").touch()
    (backups.folder / f"vtp_db-{newest}.dump").touch()
    assert backups.run("schedule.sh", "--next", BACKUP_AT=at).stdout == f"{due}\n"


def test_a_name_of_the_future_holds_nothing_up(backups: Backups) -> None:
    """As a clock leaves it that was years ahead for a while."""
    backups.folder.mkdir()
    (backups.folder / "vtp_db-20990101T000000Z.dump").touch()
    now = int(time.time())
    due = datetime.fromisoformat(backups.run("schedule.sh", "--next").stdout.strip())
    assert now <= due.timestamp() <= time.time()
    (backups.folder / "vtp_db-20260105T010000Z.dump").touch()
    assert backups.run("schedule.sh", "--next").stdout == "2026-01-05T02:30:00Z\n"


def test_what_was_missed_is_made_up_for(backups: Backups) -> None:
    with backups.started("schedule.sh") as process:
        assert process.stdout is not None
        assert "backup ok" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")
    assert len(backups.made()) == 1


def test_a_failed_one_is_no_end(backups: Backups) -> None:
    with backups.started("schedule.sh", PGDATABASE="nothing_here", BACKUP_RETRY_S="1") as process:
        assert process.stderr is not None
        failures = 0
        while failures < 2:
            failures += "backup failed" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_first_is_made_as_soon_as_there_are_tables(backups: Backups, databases: DatabaseServer) -> None:
    """A stack that starts for the first time: the database is there, the backend has not migrated it yet."""
    empty = databases.make_empty()
    with backups.started("schedule.sh", PGDATABASE=str(conninfo_to_dict(empty)["dbname"])) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "holds no accounts" in process.stderr.readline()
        migrate(empty)
        assert "backup ok" in process.stdout.readline()
    assert len(backups.made()) == 1


@pytest.mark.parametrize("at", ["24:00", "2:30", "noon", "02:60"])
def test_no_time_of_day(backups: Backups, at: str) -> None:
    refused = backups.run("schedule.sh", BACKUP_AT=at)
    assert (refused.returncode, "BACKUP_AT is a time" in refused.stderr) == (2, True)
