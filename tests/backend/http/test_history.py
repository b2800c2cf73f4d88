"""Who was in a room, over HTTP: as pages and as a file for spreadsheets."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from backend.domain import room_history
from backend.domain.ports import AttendanceRow
from backend.domain.users import Role
from backend.errors import DatabaseUnavailable
from backend.storage.database import Database
from backend.storage.history import PostgresAttendanceHistory
from tests.support.backend import Account, Client, error_of, make_account

FIELDS = ["participant_id", "user_id", "full_name", "role", "joined_at", "left_at", "duration_s"]
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
async def room(teacher: Account) -> str:
    answer = await teacher.call("POST", "/rooms", {"name": "Physics", "id": "physics"})
    assert answer.status == 201
    return "physics"


async def sat(database: Database, participant_id: str, name: str, joined: int, left: int | None) -> None:
    """Somebody whose account is gone sat in the room, in seconds after the start."""
    times = [None if seconds is None else START + timedelta(seconds=seconds) for seconds in (joined, left)]
    await database.run(
        """
        INSERT INTO attendance (participant_id, room_id, full_name, role, joined_at, left_at)
        VALUES (%s, 'physics', %s, 'student', %s, %s)
        """,
        [participant_id, name, *times],
    )


async def page(account: Account, query: str = "") -> dict[str, Any]:
    answer = await account.call("GET", f"/rooms/physics/attendance{query}")
    body: dict[str, Any] = await answer.json()
    assert answer.status == 200, body
    return body


async def report(account: Account) -> list[dict[str, str]]:
    answer = await account.call("GET", "/rooms/physics/attendance?format=csv")
    assert answer.status == 200
    text = (await answer.read()).decode()
    assert text.replace("\r\n", "").count("\n") == 0
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_seats_come_in_pages_in_the_order_they_were_taken(
    teacher: Account, room: str, database: Database
) -> None:
    await sat(database, "b", "Ana", 60, 120)
    await sat(database, "a", "Bo", 60, 61)
    await sat(database, "c", "Ana", 0, 3600)
    body = await page(teacher)
    assert (body["total"], body["page"], body["per_page"]) == (3, 1, 50)
    assert [one["participant_id"] for one in body["items"]] == ["c", "a", "b"]
    assert [one["duration_s"] for one in body["items"]] == [3600, 1, 60]
    assert body["items"][0] == {
        "participant_id": "c",
        "user_id": None,
        "full_name": "Ana",
        "role": "student",
        "joined_at": "2026-03-02T08:00:00.000Z",
        "left_at": "2026-03-02T09:00:00.000Z",
        "duration_s": 3600,
    }
    assert [one["participant_id"] for one in (await page(teacher, "?page=2&per_page=2"))["items"]] == ["b"]
    assert (await page(teacher, "?page=9"))["total"] == 3


async def test_a_seat_still_taken_counts_until_now(teacher: Account, room: str, database: Database) -> None:
    await sat(database, "a", "Ana", 0, None)
    at_least = int((datetime.now(UTC) - START).total_seconds())
    (item,) = (await page(teacher))["items"]
    assert item["left_at"] is None
    assert at_least <= item["duration_s"] <= at_least + 60
    (line,) = await report(teacher)
    assert line["left_at"] == ""
    assert int(line["duration_s"]) >= at_least


async def test_the_whole_report_as_a_file(
    teacher: Account, room: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_history, "BATCH", 2)
    for n in range(5):
        await sat(database, f"p{n}", f"Pupil {n}", n // 2, 60)
    answer = await teacher.call("GET", "/rooms/physics/attendance?format=csv&per_page=1")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="attendance-physics.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await answer.text()).splitlines()[0] == ",".join(FIELDS)
    lines = await report(teacher)
    assert [line["participant_id"] for line in lines] == [f"p{n}" for n in range(5)]
    assert lines[0]["joined_at"] == "2026-03-02T08:00:00.000Z"


async def test_an_empty_report_has_its_header(teacher: Account, room: str) -> None:
    answer = await teacher.call("GET", "/rooms/physics/attendance?format=csv")
    assert await answer.text() == ",".join(FIELDS) + "\r\n"


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ('=HYPERLINK("http://evil.example")', '\'=HYPERLINK("http://evil.example")'),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ('Ana "Nana", the first', 'Ana "Nana", the first'),
        ("Đặng Thị Ánh", "Đặng Thị Ánh"),
    ],
)
async def test_a_name_is_no_formula(teacher: Account, room: str, database: Database, name: str, cell: str) -> None:
    await sat(database, "a", name, 0, 60)
    assert [line["full_name"] for line in await report(teacher)] == [cell]
    assert [one["full_name"] for one in (await page(teacher))["items"]] == [name]


async def test_attendance_is_for_who_runs_the_room(
    client: Client, teacher: Account, admin: Account, student: Account, room: str
) -> None:
    other = await make_account(client, Role.TEACHER, "other@school.example")
    for query in ("", "?format=csv"):
        for account in (teacher, admin):
            assert (await account.call("GET", f"/rooms/physics/attendance{query}")).status == 200
        for account in (student, other):
            refused = await account.call("GET", f"/rooms/physics/attendance{query}")
            assert await error_of(refused) == (403, "INSUFFICIENT_PERMISSIONS")
        absent = await teacher.call("GET", f"/rooms/absent/attendance{query}")
        assert await error_of(absent) == (404, "ROOM_NOT_FOUND")


async def test_an_unknown_format_is_refused(teacher: Account, room: str) -> None:
    assert await error_of(await teacher.call("GET", "/rooms/physics/attendance?format=pdf")) == (
        400,
        "INVALID_INPUT",
    )


@pytest.mark.parametrize("good_batches", [0, 1])
async def test_half_a_report_never_looks_whole(
    teacher: Account, room: str, database: Database, monkeypatch: pytest.MonkeyPatch, good_batches: int
) -> None:
    """The database goes away: before the first byte that is an answer, later the connection breaks."""
    await sat(database, "a", "Ana", 0, 60)
    after, asked = PostgresAttendanceHistory.after, 0

    async def failing(self: Any, room_id: str, last: AttendanceRow | None, limit: int) -> Any:
        nonlocal asked
        asked += 1
        if asked > good_batches:
            raise DatabaseUnavailable
        return await after(self, room_id, last, limit)

    monkeypatch.setattr(PostgresAttendanceHistory, "after", failing)
    if good_batches:
        with pytest.raises(aiohttp.ClientError):
            await (await teacher.call("GET", "/rooms/physics/attendance?format=csv")).read()
    else:
        refused = await teacher.call("GET", "/rooms/physics/attendance?format=csv")
        assert await error_of(refused) == (503, "DATABASE_UNAVAILABLE")
