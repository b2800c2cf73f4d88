"""The rooms over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.domain.seat_ports import KeptSeat
from backend.domain.users import Role
from backend.storage.database import Database
from backend.storage.seats import PostgresSeats
from backend.storage.users import PostgresUsers
from shared.ids import new_id
from tests.support.backend import Account, Client, QuietRooms, error_of, make_account

FIELDS = {
    "id",
    "name",
    "created_by",
    "max_participants",
    "is_locked",
    "students_may_publish",
    "waiting_room",
    "has_password",
    "invitation_required",
    "one_seat_per_user",
    "participant_count",
    "created_at",
}


async def make_room(account: Account, **wanted: Any) -> dict[str, Any]:
    answer = await account.call("POST", "/rooms", {"name": "Physics"} | wanted)
    body: dict[str, Any] = await answer.json()
    assert answer.status == 201, body
    return body


async def sit_down(client: Client, database: Database, room_id: str, seats: int) -> None:
    """Have so many people sit in a room, at whatever backend."""
    for number in range(seats):
        account = await make_account(client, Role.STUDENT, f"sitter-{number}@school.example")
        user = await PostgresUsers(database).get(account.id)
        assert user is not None
        seat = KeptSeat(new_id(), room_id, user, "session", b"hash", False, datetime.now(UTC))
        await PostgresSeats(database).take(seat)


async def test_a_teacher_makes_a_room(teacher: Account, student: Account) -> None:
    room = await make_room(teacher, name=" Physics ", max_participants=None, junk=1)
    assert set(room) == FIELDS
    assert room["name"] == "Physics"
    assert room["created_by"] == teacher.id
    assert (room["max_participants"], room["is_locked"], room["students_may_publish"]) == (100, False, True)
    assert room["created_at"].endswith("Z")
    assert datetime.fromisoformat(room["created_at"]).tzinfo is not None
    assert await (await student.call("GET", f"/rooms/{room['id']}")).json() == room


async def test_a_room_may_have_an_id_of_ones_choice_once(teacher: Account) -> None:
    assert (await make_room(teacher, id="physics-1.a~b_c"))["id"] == "physics-1.a~b_c"
    again = await teacher.call("POST", "/rooms", {"name": "Other", "id": "physics-1.a~b_c"})
    assert await error_of(again) == (409, "ROOM_EXISTS")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"id": "a b"}, "id"),
        ({"id": ".."}, "id"),
        ({"id": ""}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"max_participants": 0}, "max_participants"),
        ({"max_participants": 501}, "max_participants"),
        ({"max_participants": 2.5}, "max_participants"),
        ({"max_participants": 10**30}, "max_participants"),
        ({"is_locked": "yes"}, "is_locked"),
        ({"students_may_publish": 1}, "students_may_publish"),
    ],
)
async def test_a_room_refuses_bad_input(teacher: Account, wanted: dict[str, Any], field: str) -> None:
    answer = await teacher.call("POST", "/rooms", {"name": "Physics"} | wanted)
    assert await error_of(answer) == (400, "INVALID_INPUT")
    assert set((await answer.json())["details"]) == {field}


async def test_a_student_makes_no_room(student: Account) -> None:
    answer = await student.call("POST", "/rooms", {"name": "Party"})
    assert await error_of(answer) == (403, "INSUFFICIENT_PERMISSIONS")


async def test_rooms_are_listed_in_pages_with_the_newest_first(
    client: Client, teacher: Account, student: Account, database: Database
) -> None:
    made = [await make_room(teacher, name=f"Room {number}") for number in range(5)]
    await sit_down(client, database, made[4]["id"], seats=3)
    first = await (await student.call("GET", "/rooms?page=1&per_page=2")).json()
    assert (first["total"], first["page"], first["per_page"]) == (5, 1, 2)
    assert [room["name"] for room in first["items"]] == ["Room 4", "Room 3"]
    assert [room["participant_count"] for room in first["items"]] == [3, 0]
    assert (await (await student.call("GET", f"/rooms/{made[4]['id']}")).json())["participant_count"] == 3
    last = await (await student.call("GET", "/rooms?page=3&per_page=2")).json()
    assert [room["name"] for room in last["items"]] == ["Room 0"]
    beyond = await (await student.call("GET", "/rooms?page=1000000&per_page=200")).json()
    assert (beyond["items"], beyond["total"]) == ([], 5)
    assert (await (await student.call("GET", "/rooms")).json())["per_page"] == 50


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=0", "per_page=201", "page=1000001", "page=1e3"])
async def test_a_page_out_of_range(student: Account, query: str) -> None:
    assert await error_of(await student.call("GET", f"/rooms?{query}")) == (400, "INVALID_INPUT")


async def test_owner_and_admin_change_a_room(teacher: Account, admin: Account, presence: QuietRooms) -> None:
    room = await make_room(teacher)
    path = f"/rooms/{room['id']}"
    changed = await (await teacher.call("PATCH", path, {"is_locked": True, "name": None})).json()
    assert changed == room | {"is_locked": True}
    changed = await (
        await admin.call("PATCH", path, {"students_may_publish": False, "max_participants": 3})
    ).json()
    assert changed == room | {"is_locked": True, "students_may_publish": False, "max_participants": 3}
    assert [(told.is_locked, told.students_may_publish) for told in presence.changed] == [
        (True, True),
        (True, False),
    ]


async def test_nobody_else_changes_or_deletes_a_room(
    client: Client, teacher: Account, student: Account, presence: QuietRooms
) -> None:
    room = await make_room(teacher)
    colleague = await make_account(client, Role.TEACHER, "colleague@school.example")
    for stranger in (student, colleague):
        for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
            answer = await stranger.call(method, f"/rooms/{room['id']}", body)
            assert await error_of(answer) == (403, "INSUFFICIENT_PERMISSIONS")
    assert presence.closed == []
    assert (await (await teacher.call("GET", f"/rooms/{room['id']}")).json())["name"] == "Physics"


async def test_a_deleted_room_is_closed_for_everybody(teacher: Account, presence: QuietRooms) -> None:
    room = await make_room(teacher)
    assert (await teacher.call("DELETE", f"/rooms/{room['id']}")).status == 204
    assert presence.closed == [(room["id"], "deleted")]
    for method in ("GET", "PATCH", "DELETE"):
        answer = await teacher.call(method, f"/rooms/{room['id']}", {} if method == "PATCH" else None)
        assert await error_of(answer) == (404, "ROOM_NOT_FOUND")


async def test_ids_that_no_room_can_have(teacher: Account) -> None:
    assert await error_of(await teacher.call("GET", "/rooms/a%20b")) == (400, "INVALID_INPUT")
    assert await error_of(await teacher.call("GET", "/rooms/%00")) == (400, "INVALID_INPUT")
    assert await error_of(await teacher.call("GET", "/rooms/nope")) == (404, "ROOM_NOT_FOUND")


async def test_a_room_outlives_its_owner(client: Client, admin: Account) -> None:
    owner = await make_account(client, Role.TEACHER, "leaving@school.example")
    room = await make_room(owner)
    assert (await admin.call("DELETE", f"/users/{owner.id}")).status == 204
    assert (await (await admin.call("GET", f"/rooms/{room['id']}")).json())["created_by"] is None
