"""The users over HTTP, as an admin manages them."""

from typing import Any

import pytest

from tests.support.backend import ADMIN_EMAIL, PASSWORD, Account, Client, QuietRooms, error_of, sign_in

NEW = {"email": "new@school.example", "password": PASSWORD, "full_name": "Nova New", "role": "teacher"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", NEW),
        ("GET", "/users/x", None),
        ("PATCH", "/users/x", {}),
        ("DELETE", "/users/x", None),
    ],
)
async def test_only_admins_see_users(
    teacher: Account, student: Account, method: str, path: str, body: Any
) -> None:
    for account in (teacher, student):
        answer = await account.call(method, path, body)
        assert await error_of(answer) == (403, "INSUFFICIENT_PERMISSIONS")


async def test_create_read_change_delete(admin: Account, client: Client, presence: QuietRooms) -> None:
    made = await admin.call("POST", "/users", NEW)
    user = await made.json()
    assert made.status == 201
    assert (user["role"], user["active"], user["email"]) == ("teacher", True, NEW["email"])
    path = f"/users/{user['id']}"
    assert await (await admin.call("GET", path)).json() == user
    changed = await (await admin.call("PATCH", path, {"role": "student", "full_name": "N. N."})).json()
    assert changed == user | {"role": "student", "full_name": "N. N."}
    assert (await sign_in(client, "new@school.example")).user["role"] == "student"
    assert (await admin.call("DELETE", path)).status == 204
    assert presence.ended_users == [(user["id"], "account-closed")]
    for method in ("GET", "PATCH", "DELETE"):
        assert await error_of(await admin.call(method, path, {})) == (404, "USER_NOT_FOUND")


async def test_a_changed_role_counts_at_once(admin: Account, teacher: Account) -> None:
    await admin.call("PATCH", f"/users/{teacher.id}", {"role": "student"})
    answer = await teacher.call("POST", "/rooms", {"name": "Physics"})
    assert await error_of(answer) == (403, "INSUFFICIENT_PERMISSIONS")


async def test_an_inactive_account_is_out_at_once(
    admin: Account, student: Account, client: Client, presence: QuietRooms
) -> None:
    answer = await admin.call("PATCH", f"/users/{student.id}", {"active": False})
    assert (await answer.json())["active"] is False
    assert presence.ended_users == [(student.id, "account-closed")]
    assert await error_of(await student.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
    login = await client.post("/api/v1/auth/login", json={"email": "student@school.example", "password": PASSWORD})
    assert await error_of(login) == (401, "INVALID_CREDENTIALS")
    await admin.call("PATCH", f"/users/{student.id}", {"active": True})
    await sign_in(client, "student@school.example")


@pytest.mark.parametrize("change", [{"role": "teacher"}, {"active": False}])
async def test_the_last_admin_stays(admin: Account, change: dict[str, Any]) -> None:
    assert await error_of(await admin.call("PATCH", f"/users/{admin.id}", change)) == (409, "LAST_ADMIN")
    assert await error_of(await admin.call("DELETE", f"/users/{admin.id}")) == (409, "LAST_ADMIN")
    other = await (await admin.call("POST", "/users", NEW | {"role": "admin"})).json()
    assert (await admin.call("PATCH", f"/users/{admin.id}", change)).status == 200
    assert other["role"] == "admin"


async def test_users_are_listed_filtered_and_paged(admin: Account, teacher: Account, student: Account) -> None:
    async def emails(query: str) -> list[str]:
        body = await (await admin.call("GET", f"/users{query}")).json()
        assert body["total"] >= len(body["items"])
        return [user["email"] for user in body["items"]]

    assert await emails("") == [ADMIN_EMAIL, teacher.user["email"], student.user["email"]]
    assert await emails("?role=teacher") == [teacher.user["email"]]
    assert await emails("?search=STU") == [student.user["email"]]
    assert await emails("?search=tea%20CHER") == [teacher.user["email"]]
    assert await emails("?search=%25") == []
    assert await emails("?search=_") == []
    assert await emails("?page=2&per_page=2") == [student.user["email"]]
    await admin.call("PATCH", f"/users/{student.id}", {"active": False})
    assert await emails("?active=false") == [student.user["email"]]
    assert student.user["email"] not in await emails("?active=true")


@pytest.mark.parametrize("query", ["role=boss", "active=perhaps", "search=%00", "search=" + "x" * 201, "page=-1"])
async def test_a_bad_filter(admin: Account, query: str) -> None:
    assert await error_of(await admin.call("GET", f"/users?{query}")) == (400, "INVALID_INPUT")
