"""The audit log over HTTP: what is noted, by whom it is seen."""

from typing import Any

import pytest

from tests.support.backend import ADMIN_EMAIL, PASSWORD, Account, Client, error_of, sign_in

NEW = {"email": "new@school.example", "password": PASSWORD, "full_name": "Nova New", "role": "teacher"}


async def entries(admin: Account, query: str = "") -> list[dict[str, Any]]:
    answer = await admin.call("GET", f"/audit{query}")
    body = await answer.json()
    assert answer.status == 200, body
    return list(body["items"])


async def noted(admin: Account, action: str) -> list[dict[str, Any]]:
    return await entries(admin, f"?action={action}")


async def test_only_admins_see_it(student: Account, teacher: Account, client: Client) -> None:
    for account in (student, teacher):
        answer = await account.call("GET", "/audit?action=nonsense")
        assert await error_of(answer) == (403, "INSUFFICIENT_PERMISSIONS")
    assert await error_of(await client.get("/api/v1/audit")) == (401, "MISSING_TOKEN")


@pytest.mark.parametrize(
    "query",
    [
        "action=dance",
        "since=yesterday",
        "until=2026-13-01",
        "since=0001-01-01T00:00:00%2B23:59",
        "page=0",
        "room_id=" + "x" * 200,
    ],
)
async def test_a_bad_filter(admin: Account, query: str) -> None:
    assert await error_of(await admin.call("GET", f"/audit?{query}")) == (400, "INVALID_INPUT")


async def test_a_sign_in_is_noted_with_whose_and_where_from(admin: Account, student: Account) -> None:
    entry = (await entries(admin))[0]
    assert set(entry) == {
        "id",
        "at",
        "action",
        "actor_id",
        "actor_email",
        "target_id",
        "target_type",
        "room_id",
        "address",
        "details",
    }
    assert (entry["action"], entry["actor_id"], entry["actor_email"]) == (
        "sign-in",
        student.id,
        "student@school.example",
    )
    assert (entry["target_type"], entry["address"], entry["room_id"]) == ("session", "127.0.0.1", None)
    assert len(await entries(admin, f"?actor_id={student.id}&since={entry['at'].replace('Z', '%2B00:00')}")) <= 1
    assert await entries(admin, "?since=2100-01-01T00:00:00Z") == []
    assert await entries(admin, "?until=2000-01-01") == []


async def test_a_failed_sign_in_is_noted_without_the_password(
    admin: Account, student: Account, client: Client
) -> None:
    for email in ("student@school.example", "Nobody@school.example ", "My-Secret-Passw0rd"):
        body = {"email": email, "password": "Wrong-Password-1"}
        assert (await client.post("/api/v1/auth/login", json=body)).status == 401
    typed_wrong, nobody, known = await noted(admin, "sign-in-failed")
    assert (known["actor_id"], known["actor_email"], known["target_id"]) == (
        None,
        "student@school.example",
        student.id,
    )
    assert (nobody["actor_email"], nobody["target_id"]) == ("Nobody@school.example", None)
    assert typed_wrong["actor_email"] is None
    text = str(await entries(admin))
    assert "Passw0rd" not in text
    assert "Wrong-Password" not in text


async def test_what_happens_to_accounts_is_noted(admin: Account, client: Client) -> None:
    user = await (await admin.call("POST", "/users", NEW)).json()
    path = f"/users/{user['id']}"
    for change in (
        {"role": "student"},
        {"active": False},
        {"active": True},
        {"full_name": "N. N."},
        {"role": "student"},
    ):
        assert (await admin.call("PATCH", path, change)).status == 200
    assert (await admin.call("DELETE", path)).status == 204
    told = [
        (one["action"], one["details"])
        for one in await entries(admin, f"?actor_id={admin.id}")
        if one["target_id"] == user["id"]
    ]
    account = {"email": NEW["email"], "role": "teacher"}
    assert told == [
        ("user-deleted", account | {"role": "student"}),
        ("user-activated", {}),
        ("user-deactivated", {}),
        ("role-changed", {"old_role": "teacher", "new_role": "student"}),
        ("user-created", account),
    ]


async def test_a_change_that_is_refused_is_not_noted(admin: Account) -> None:
    assert (await admin.call("PATCH", f"/users/{admin.id}", {"role": "student"})).status == 409
    assert (await admin.call("DELETE", f"/users/{admin.id}")).status == 409
    assert (await admin.call("POST", "/users", NEW | {"email": ADMIN_EMAIL})).status == 409
    actions = {one["action"] for one in await entries(admin)}
    assert actions == {"sign-in", "user-created"}  # the first admin's


async def test_the_end_of_sessions_is_noted(admin: Account, student: Account, client: Client) -> None:
    other = await sign_in(client, "student@school.example")
    body = {"refresh_token": student.refresh_token}
    for status in (200, 401):
        assert (await client.post("/api/v1/auth/refresh", json=body)).status == status
    (reuse,) = await noted(admin, "refresh-reuse")
    assert (reuse["actor_id"], reuse["target_type"]) == (student.id, "session")
    wanted = {"current_password": PASSWORD, "new_password": "Sponge-and-Water-2"}
    assert (await other.call("POST", "/auth/change-password", wanted)).status == 200
    (changed,) = await noted(admin, "password-changed")
    assert (changed["actor_id"], changed["target_id"]) == (student.id, student.id)
    await other.call("POST", "/auth/logout", {"refresh_token": other.refresh_token})
    (left,) = await noted(admin, "sign-out")
    assert left["actor_id"] == student.id


async def test_self_made_accounts_are_noted(admin: Account, client: Client) -> None:
    answer = await client.post("/api/v1/auth/register", json=NEW | {"role": "student"})
    assert answer.status == 201
    created = (await noted(admin, "user-created"))[0]
    assert (created["actor_id"], created["target_id"]) == (None, (await answer.json())["user_id"])


async def test_what_happens_to_rooms_is_noted(admin: Account, teacher: Account) -> None:
    assert (await teacher.call("POST", "/rooms", {"id": "physics", "name": "Physics"})).status == 201
    assert (await teacher.call("POST", "/rooms", {"id": "physics", "name": "Again"})).status == 409
    for change in ({"is_locked": True}, {"is_locked": True, "name": "Optics"}, {"is_locked": False}):
        assert (await teacher.call("PATCH", "/rooms/physics", change)).status == 200
    assert (await teacher.call("DELETE", "/rooms/physics")).status == 204
    told = [
        (one["action"], one["actor_id"], one["target_type"], one["target_id"], one["details"])
        for one in await entries(admin, "?room_id=physics")
    ]
    assert told == [
        ("room-deleted", teacher.id, "room", "physics", {"name": "Optics"}),
        ("room-unlocked", teacher.id, "room", "physics", {}),
        ("room-locked", teacher.id, "room", "physics", {}),
        ("room-created", teacher.id, "room", "physics", {}),
    ]
