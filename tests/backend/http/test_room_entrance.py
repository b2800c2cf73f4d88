"""The rules of a room's entrance over HTTP: switches, password, invitation, and finding a room by its name."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from backend.domain.users import Role
from tests.backend.http.test_rooms import make_room
from tests.support.backend import Account, Client, QuietRooms, error_of, make_account

SWITCHES = ("waiting_room", "invitation_required", "one_seat_per_user")


@pytest.mark.parametrize("switch", SWITCHES)
async def test_a_rule_is_switched_on_and_off(teacher: Account, presence: QuietRooms, switch: str) -> None:
    room = await make_room(teacher)
    assert room[switch] is False
    assert (await make_room(teacher, **{switch: True}))[switch] is True
    for on in (True, False):
        changed = await (await teacher.call("PATCH", f"/rooms/{room['id']}", {switch: on})).json()
        assert changed == room | {switch: on}
        assert getattr(presence.changed[-1], switch) is on
    for method, path in (("POST", "/rooms"), ("PATCH", f"/rooms/{room['id']}")):
        refused = await teacher.call(method, path, {"name": "Physics", switch: "yes"})
        assert await error_of(refused) == (400, "INVALID_INPUT")


async def test_a_password_is_set_kept_and_removed(teacher: Account, student: Account, database_url: str) -> None:
    room = await make_room(teacher, password="open sesame")
    path = f"/rooms/{room['id']}"
    assert room["has_password"] is True
    assert "open sesame" not in str(await (await student.call("GET", path)).json())
    with psycopg.connect(database_url) as connection:
        (kept,) = connection.execute("SELECT password_hash FROM rooms").fetchone() or ("",)
    assert kept.startswith("$2b$04$")
    for body, has_password in (
        ({"name": "Optics"}, True),
        ({"password": None}, True),
        ({"password": ""}, False),
        ({"password": "1234"}, True),
    ):
        changed = await (await teacher.call("PATCH", path, body)).json()
        assert (changed["has_password"], "password" in changed) == (has_password, False)
    assert (await make_room(teacher, password=""))["has_password"] is False


@pytest.mark.parametrize("password", ["123", "x" * 73, "ä" * 37, "12\x0034", 1234])
async def test_passwords_that_no_room_can_have(teacher: Account, password: Any) -> None:
    room = await make_room(teacher)
    for method, path in (("POST", "/rooms"), ("PATCH", f"/rooms/{room['id']}")):
        answer = await teacher.call(method, path, {"name": "Physics", "password": password})
        assert await error_of(answer) == (400, "INVALID_INPUT")
        assert set((await answer.json())["details"]) == {"password"}


async def test_an_invitation_is_made_seen_replaced_and_revoked(teacher: Account, database_url: str) -> None:
    path = f"/rooms/{(await make_room(teacher))['id']}/invitation"
    assert await error_of(await teacher.call("GET", path)) == (404, "INVITATION_NOT_FOUND")
    made = await teacher.call("POST", path)
    first = await made.json()
    assert (made.status, set(first)) == (201, {"token", "created_at", "expires_at"})
    assert await (await teacher.call("GET", path)).json() == {
        name: first[name] for name in ("created_at", "expires_at")
    }
    second = await (await teacher.call("POST", path, {"valid_for_s": 3600})).json()
    assert second["token"] != first["token"]
    lifetime = datetime.fromisoformat(second["expires_at"]) - datetime.fromisoformat(second["created_at"])
    assert lifetime == timedelta(hours=1)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT * FROM invitations").fetchall()
    assert len(rows) == 1
    assert second["token"] not in str(rows)
    for _ in range(2):
        assert (await teacher.call("DELETE", path)).status == 204
    assert await error_of(await teacher.call("GET", path)) == (404, "INVITATION_NOT_FOUND")


async def test_an_invitation_that_is_over_is_none(teacher: Account, database_url: str) -> None:
    path = f"/rooms/{(await make_room(teacher))['id']}/invitation"
    await teacher.call("POST", path)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE invitations SET expires_at = now()")
    assert await error_of(await teacher.call("GET", path)) == (404, "INVITATION_NOT_FOUND")


@pytest.mark.parametrize("valid_for_s", [59, 366 * 24 * 3600 + 1, "3600", 60.5])
async def test_an_invitation_lasts_a_minute_to_a_year(teacher: Account, valid_for_s: Any) -> None:
    path = f"/rooms/{(await make_room(teacher))['id']}/invitation"
    assert await error_of(await teacher.call("POST", path, {"valid_for_s": valid_for_s})) == (400, "INVALID_INPUT")


async def test_invitations_are_for_who_runs_the_room(
    client: Client, teacher: Account, admin: Account, student: Account
) -> None:
    path = f"/rooms/{(await make_room(teacher))['id']}/invitation"
    colleague = await make_account(client, Role.TEACHER, "colleague@school.example")
    for method in ("POST", "GET", "DELETE"):
        for stranger in (student, colleague):
            assert await error_of(await stranger.call(method, path)) == (403, "INSUFFICIENT_PERMISSIONS")
        assert await error_of(await admin.call(method, "/rooms/nowhere/invitation")) == (404, "ROOM_NOT_FOUND")
    assert [(await admin.call(method, path)).status for method in ("POST", "GET", "DELETE")] == [201, 200, 204]


async def test_rooms_are_found_by_a_part_of_their_name(teacher: Account, student: Account) -> None:
    for name in ("Physics 8a", "Physics 8b", "100% Chemistry", "Biology_1"):
        await make_room(teacher, name=name)

    async def found(query: str) -> tuple[int, list[str]]:
        page = await (await student.call("GET", f"/rooms?{query}")).json()
        return page["total"], [room["name"] for room in page["items"]]

    assert await found("search=physics") == (2, ["Physics 8b", "Physics 8a"])
    assert await found("search=PHYSICS%208&per_page=1&page=2") == (2, ["Physics 8a"])
    assert await found("search=100%25") == (1, ["100% Chemistry"])
    assert await found("search=y_1") == (1, ["Biology_1"])
    assert await found("search=nothing") == (0, [])
    assert (await found("search="))[0] == 4
    assert await error_of(await student.call("GET", "/rooms?search=" + "x" * 201)) == (400, "INVALID_INPUT")
