"""Which backups go and which stay, over made-up dates."""

import datetime as dt
import random
import subprocess
from collections.abc import Callable, Iterable

import pytest

from tests.support.backups import SCRIPTS, Backups

KEPT_BY_DEFAULT = {"last": 3, "daily": 7, "weekly": 4, "monthly": 6}


def named(at: dt.datetime) -> str:
    return f"vtp_db-{at:%Y%m%dT%H%M%SZ}.dump"


def removed(names: Iterable[str], **kept: int) -> set[str]:
    """Ask retention.awk."""
    rules = [part for name, most in kept.items() for part in ("-v", f"{name}={most}")]
    newest_first = "".join(f"{name}\n" for name in sorted(names, reverse=True))
    command = ["awk", *rules, "-f", str(SCRIPTS / "retention.awk")]
    done = subprocess.run(command, input=newest_first, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def expected(times: Iterable[dt.datetime], last: int, daily: int, weekly: int, monthly: int) -> set[str]:
    """The same by the standard library's calendar; what goes."""
    newest_first = sorted(times, reverse=True)
    kept = set(newest_first[:last])
    periods: list[tuple[int, Callable[[dt.datetime], object]]] = [
        (daily, lambda at: at.date()),
        (weekly, lambda at: at.isocalendar()[:2]),
        (monthly, lambda at: (at.year, at.month)),
    ]
    for most, period in periods:
        newest: dict[object, dt.datetime] = {}
        for at in newest_first:
            newest.setdefault(period(at), at)
        kept |= set(list(newest.values())[:most])
    return {named(at) for at in newest_first if at not in kept}


def nightly(nights: int, until: dt.datetime) -> list[dt.datetime]:
    return [until - dt.timedelta(days=n) for n in range(nights)]


def test_a_year_of_nights() -> None:
    times = nightly(400, dt.datetime(2026, 3, 1, 2, 30, tzinfo=dt.UTC))
    left = sorted({named(at) for at in times} - removed(map(named, times), **KEPT_BY_DEFAULT))
    assert [name[7:15] for name in left] == [
        *("20251031", "20251130", "20251231", "20260131"),  # months; October to March, of which February and
        *("20260208", "20260215", "20260222"),  # March have theirs below; weeks, each its Sunday's
        *("20260223", "20260224", "20260225", "20260226", "20260227", "20260228", "20260301"),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_as_the_calendar_says(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- made-up dates
    first = dt.datetime(chance.choice([1999, 2019, 2023, 2026]), 1, 1, tzinfo=dt.UTC)
    times = {first + dt.timedelta(minutes=chance.randrange(3 * 366 * 1440)) for _ in range(300)}
    rules = {name: chance.randrange(0, 20) for name in ("daily", "weekly", "monthly")}
    rules["last"] = chance.randrange(1, 5)
    gone = removed(map(named, times), **rules)
    assert gone == expected(times, **rules)
    assert named(max(times)) not in gone


def test_only_backups_go_and_with_them_what_is_theirs(backups: Backups) -> None:
    backups.folder.mkdir()
    times = nightly(30, dt.datetime(2025, 6, 30, 2, 30, tzinfo=dt.UTC))
    for at in times:
        name = named(at)
        for file in (name, f"{name}.sha256", name.replace(".dump", ".key")):
            (backups.folder / file).write_text("made up")
    others = ("notes.txt", "vtp_db-before-upgrade.dump", "vtp_db-20250601T023000Z.dump.gpg", "other-20250601.dump")
    for file in others:
        (backups.folder / file).write_text("not ours")
    done = backups.run(
        "backup.sh", BACKUP_KEEP_LAST="1", BACKUP_KEEP_DAILY="2", BACKUP_KEEP_WEEKLY="0", BACKUP_KEEP_MONTHLY="0"
    )
    assert done.returncode == 0
    assert "removed 29 old, kept 2" in done.stdout
    left = {path.name for path in backups.folder.iterdir()}
    assert set(others) <= left
    assert sum(name.endswith(".key") for name in left) == 2
    assert sum(name.endswith(".sha256") for name in left) == 2
    assert named(times[0]) in left
