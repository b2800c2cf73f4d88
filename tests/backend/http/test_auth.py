"""Sign-up, sign-in, refresh, sign-out, profile and password over HTTP."""

from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from tests.support.backend import (
    ADMIN_EMAIL,
    API,
    PASSWORD,
    Account,
    Client,
    QuietRooms,
    error_of,
    make_app,
    settings_for,
    sign_in,
)

NEW = {"email": "new@school.example", "password": PASSWORD, "full_name": "Nova New"}


async def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return await client.post(API + path, json=body, headers=headers)


async def test_register_makes_a_student_who_can_sign_in(client: Client) -> None:
    answer = await post(client, "/auth/register", NEW | {"phone": "+49 30 1234", "unknown": 1})
    body = await answer.json()
    assert answer.status == 201
    assert set(body) == {"user_id", "email", "full_name", "role", "message"}
    assert (body["email"], body["full_name"], body["role"]) == ("new@school.example", "Nova New", "student")

    answer = await post(client, "/auth/login", {"email": " NEW@School.example ", "password": PASSWORD})
    signed_in = await answer.json()
    assert answer.status == 200
    assert signed_in["token_type"] == "Bearer"
    assert signed_in["expires_in"] == 900
    assert signed_in["user"] == {
        "user_id": body["user_id"],
        "email": "new@school.example",
        "full_name": "Nova New",
        "phone": "+49 30 1234",
        "role": "student",
    }


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"email": "no address"}, "INVALID_INPUT", "email"),
        ({"email": "a@b@c"}, "INVALID_INPUT", "email"),
        ({"email": None}, "INVALID_INPUT", "email"),
        ({"email": 7}, "INVALID_INPUT", "email"),
        ({"email": "x" * 250 + "@school.example"}, "INVALID_INPUT", "email"),
        ({"email": "nul\0@school.example"}, "INVALID_INPUT", "email"),
        ({"full_name": "   "}, "INVALID_INPUT", "full_name"),
        ({"full_name": "x" * 201}, "INVALID_INPUT", "full_name"),
        ({"full_name": "half a \ud800 pair"}, "INVALID_INPUT", "full_name"),
        ({"full_name": "two\nlines"}, "INVALID_INPUT", "full_name"),
        ({"phone": "1" * 33}, "INVALID_INPUT", "phone"),
        ({"role": "headmaster"}, "INVALID_INPUT", "role"),
        ({"role": ["admin"]}, "INVALID_INPUT", "role"),
        ({"password": {}}, "INVALID_INPUT", "password"),
        ({"password": "Short1"}, "WEAK_PASSWORD", "password"),
        ({"password": "alllower1"}, "WEAK_PASSWORD", "password"),
        ({"password": "ALLUPPER1"}, "WEAK_PASSWORD", "password"),
        ({"password": "NoDigitsHere"}, "WEAK_PASSWORD", "password"),
        ({"password": "Aa1" + "ü" * 35}, "WEAK_PASSWORD", "password"),
        ({"password": "Aa1\ud800aaaa"}, "WEAK_PASSWORD", "password"),
    ],
)
async def test_register_refuses_bad_input(client: Client, change: dict[str, Any], code: str, field: str) -> None:
    answer = await post(client, "/auth/register", NEW | change)
    assert await error_of(answer) == (400, code)
    assert set((await answer.json())["details"]) == {field}


async def test_register_takes_an_email_once_whatever_its_case(client: Client) -> None:
    assert (await post(client, "/auth/register", NEW)).status == 201
    again = await post(client, "/auth/register", NEW | {"email": "NEW@SCHOOL.EXAMPLE"})
    assert await error_of(again) == (409, "EMAIL_EXISTS")


@pytest.mark.parametrize("role", ["teacher", "admin"])
async def test_only_an_admin_makes_staff(client: Client, admin: Account, teacher: Account, role: str) -> None:
    wanted = NEW | {"role": role}
    assert await error_of(await post(client, "/auth/register", wanted)) == (403, "INSUFFICIENT_PERMISSIONS")
    by_teacher = await teacher.call("POST", "/auth/register", wanted)
    assert await error_of(by_teacher) == (403, "INSUFFICIENT_PERMISSIONS")
    by_nobody = await post(client, "/auth/register", wanted, Authorization="Bearer nonsense")
    assert await error_of(by_nobody) == (401, "INVALID_TOKEN")
    by_admin = await admin.call("POST", "/auth/register", wanted)
    assert (by_admin.status, (await by_admin.json())["role"]) == (201, role)


async def test_login_says_the_same_for_unknown_and_wrong(client: Client) -> None:
    bodies = []
    for credentials in (
        {"email": "nobody@school.example", "password": PASSWORD},
        {"email": ADMIN_EMAIL, "password": "Wrong-Password-1"},
        {"email": ADMIN_EMAIL, "password": PASSWORD + "x" * 100},
        {"email": ADMIN_EMAIL, "password": ""},
        {"email": ADMIN_EMAIL, "password": "\ud800"},
        {"email": "no address", "password": PASSWORD},
    ):
        answer = await post(client, "/auth/login", credentials)
        assert await error_of(answer) == (401, "INVALID_CREDENTIALS")
        bodies.append(await answer.text())
    assert len(set(bodies)) == 1


async def test_login_limits_failures_by_account(aiohttp_client: AiohttpClient, database_url: str) -> None:
    client = await aiohttp_client(make_app(settings_for(database_url, login_attempts_per_account=3)))
    wrong = {"email": ADMIN_EMAIL, "password": "Wrong-Password-1"}
    for _ in range(3):
        assert (await post(client, "/auth/login", wrong)).status == 401
    for credentials in (wrong, {"email": ADMIN_EMAIL.upper(), "password": PASSWORD}):
        answer = await post(client, "/auth/login", credentials)
        assert await error_of(answer) == (429, "TOO_MANY_ATTEMPTS")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    other = await post(client, "/auth/login", {"email": "other@school.example", "password": PASSWORD})
    assert other.status == 401


async def test_login_limits_all_attempts_by_address(aiohttp_client: AiohttpClient, database_url: str) -> None:
    client = await aiohttp_client(make_app(settings_for(database_url, login_attempts_per_address=2)))
    right = {"email": ADMIN_EMAIL, "password": PASSWORD}
    assert [(await post(client, "/auth/login", right)).status for _ in range(3)] == [200, 200, 429]


async def test_sign_up_is_limited_by_address(aiohttp_client: AiohttpClient, database_url: str) -> None:
    """Each is an account for ever, and the work of a slow hash; what an admin makes does not count."""
    client = await aiohttp_client(make_app(settings_for(database_url, login_attempts_per_address=2)))
    admin = await sign_in(client, ADMIN_EMAIL)
    for number in range(3):
        body = NEW | {"email": f"made-{number}@school.example"}
        assert (await post(client, "/auth/register", body, **admin.headers)).status == 201
    for number in range(2):
        assert (await post(client, "/auth/register", NEW | {"email": f"{number}@school.example"})).status == 201
    answer = await post(client, "/auth/register", NEW)
    assert await error_of(answer) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    await sign_in(client, "0@school.example")


async def test_refresh_gives_new_tokens_that_work(client: Client, student: Account) -> None:
    answer = await post(client, "/auth/refresh", {"refresh_token": student.refresh_token})
    body = await answer.json()
    assert answer.status == 200
    assert set(body) == {"access_token", "refresh_token", "expires_in", "token_type"}
    assert body["refresh_token"] != student.refresh_token
    renewed = Account(client, student.user, body["access_token"], body["refresh_token"])
    assert (await renewed.call("GET", "/auth/profile")).status == 200


async def test_a_reused_refresh_token_ends_its_family(client: Client, student: Account) -> None:
    other = await sign_in(client, "student@school.example")
    first = await (await post(client, "/auth/refresh", {"refresh_token": student.refresh_token})).json()
    reused = await post(client, "/auth/refresh", {"refresh_token": student.refresh_token})
    assert await error_of(reused) == (401, "TOKEN_INVALID")
    newest = await post(client, "/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert await error_of(newest) == (401, "TOKEN_INVALID")
    thief = Account(client, student.user, first["access_token"], first["refresh_token"])
    assert await error_of(await thief.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
    assert (await other.call("GET", "/auth/profile")).status == 200


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 100_000])
async def test_refresh_refuses_what_is_no_refresh_token(client: Client, token: str) -> None:
    assert await error_of(await post(client, "/auth/refresh", {"refresh_token": token})) == (401, "TOKEN_INVALID")


async def test_the_two_kinds_of_token_do_not_replace_each_other(client: Client, student: Account) -> None:
    as_refresh = await post(client, "/auth/refresh", {"refresh_token": student.access_token})
    assert await error_of(as_refresh) == (401, "TOKEN_INVALID")
    as_access = Account(client, student.user, student.refresh_token, "")
    assert await error_of(await as_access.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")


async def test_a_reuse_is_noted_once_however_often_the_token_comes(
    client: Client, admin: Account, student: Account, presence: QuietRooms
) -> None:
    token = {"refresh_token": student.refresh_token}
    await post(client, "/auth/refresh", token)
    for _ in range(3):
        assert await error_of(await post(client, "/auth/refresh", token)) == (401, "TOKEN_INVALID")
    noted = await (await admin.call("GET", "/audit?action=refresh-reuse")).json()
    assert noted["total"] == 1
    assert len(presence.ended_sessions) == 1


async def test_logout_ends_both_tokens(client: Client, student: Account) -> None:
    answer = await student.call("POST", "/auth/logout", {"refresh_token": student.refresh_token})
    assert (answer.status, await answer.read()) == (204, b"")
    assert await error_of(await student.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
    refreshed = await post(client, "/auth/refresh", {"refresh_token": student.refresh_token})
    assert await error_of(refreshed) == (401, "TOKEN_INVALID")


async def test_logout_ends_nobody_elses_session(student: Account, teacher: Account) -> None:
    await student.call("POST", "/auth/logout", {"refresh_token": teacher.refresh_token})
    assert (await teacher.call("GET", "/auth/profile")).status == 200


async def test_profile_shows_and_changes_oneself(student: Account) -> None:
    assert await (await student.call("GET", "/auth/profile")).json() == student.user
    changed = await student.call(
        "PATCH", "/auth/profile", {"full_name": " Stu D. ", "phone": "123", "role": "admin"}
    )
    assert await changed.json() == student.user | {"full_name": "Stu D.", "phone": "123"}
    kept = await student.call("PATCH", "/auth/profile", {"full_name": None, "phone": ""})
    assert await kept.json() == student.user | {"full_name": "Stu D.", "phone": None}
    assert await error_of(await student.call("PATCH", "/auth/profile", {"full_name": ""})) == (
        400,
        "INVALID_INPUT",
    )


async def test_a_changed_password_ends_all_other_sessions(client: Client, student: Account) -> None:
    other = await sign_in(client, "student@school.example")
    wanted = {"current_password": PASSWORD, "new_password": "Sponge-and-Water-2"}
    assert (await student.call("POST", "/auth/change-password", wanted)).status == 200
    assert (await student.call("GET", "/auth/profile")).status == 200
    assert await error_of(await other.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
    assert (await post(client, "/auth/refresh", {"refresh_token": other.refresh_token})).status == 401
    assert (await post(client, "/auth/refresh", {"refresh_token": student.refresh_token})).status == 200
    old = await post(client, "/auth/login", {"email": "student@school.example", "password": PASSWORD})
    assert old.status == 401
    await sign_in(client, "student@school.example", "Sponge-and-Water-2")


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [("Wrong-Password-1", "Sponge-and-Water-2", "WRONG_PASSWORD"), (PASSWORD, "weak", "WEAK_PASSWORD")],
)
async def test_change_password_refuses(student: Account, current: str, new: str, code: str) -> None:
    answer = await student.call(
        "POST", "/auth/change-password", {"current_password": current, "new_password": new}
    )
    assert await error_of(answer) == (400, code)
    await sign_in(student.client, "student@school.example")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MISSING_TOKEN"),
        ("Bearer", "INVALID_TOKEN"),
        ("Bearer ", "INVALID_TOKEN"),
        ("Basic YTpi", "INVALID_TOKEN"),
        ("Bearer a.b.c", "INVALID_TOKEN"),
        ("Bearer " + "x" * 5000, "INVALID_TOKEN"),
    ],
)
async def test_protected_routes_want_a_token(client: Client, header: str | None, code: str) -> None:
    headers = {"Authorization": header} if header else {}
    for method, path in (
        ("GET", "/auth/profile"),
        ("PATCH", "/auth/profile"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/change-password"),
        ("GET", "/users"),
        ("GET", "/rooms"),
        ("POST", "/rooms"),
        ("GET", "/rooms/x"),
        ("GET", "/ice-servers"),
        ("POST", "/signalling/ticket"),
        ("GET", "/signalling/rooms/stats"),
    ):
        answer = await client.request(method, API + path, headers=headers)
        assert await error_of(answer) == (401, code), path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
