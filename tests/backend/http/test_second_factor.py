"""The second factor over HTTP: set up, signing in, backup codes, replay, limits, reset, changed keys."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from aiohttp import ClientResponse
from pytest_aiohttp import AiohttpClient

from backend import keys
from backend.domain import login_attempts
from backend.security.totp import TotpCodes
from backend.settings import Settings
from tests.support.authenticator import totp, wrong_code
from tests.support.backend import (
    API,
    JWT_SECRET,
    PASSWORD,
    Account,
    Client,
    error_of,
    make_app,
    settings_for,
    sign_in,
)

EMAIL = "student@school.example"
STEP = 60_000_000
NEXT_SECRET = "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210zyxwvuts"


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test run over the end of a time step."""
    step_of = TotpCodes.step_of
    moment = datetime.fromtimestamp(STEP * 30 + 15, UTC)
    monkeypatch.setattr(TotpCodes, "step_of", lambda codes, secret, code, at: step_of(codes, secret, code, moment))


async def login(client: Client, code: str | None = None, password: str = PASSWORD) -> ClientResponse:
    body = {"email": EMAIL, "password": password, "totp_code": code}
    return await client.post(f"{API}/auth/login", json=body)


async def set_up(account: Account) -> str:
    """Begin; return the secret."""
    answer = await account.call("POST", "/auth/totp/setup", {"password": PASSWORD})
    assert answer.status == 200, await answer.text()
    secret: str = (await answer.json())["secret"]
    return secret


class Factor:
    """Somebody's enabled second factor. Each code serves once, so `code` goes on to the next step at each call."""

    def __init__(self, secret: str, backup_codes: list[str]) -> None:
        self.secret = secret
        self.backup_codes = backup_codes
        self._step = STEP - 1

    def code(self) -> str:
        self._step += 1
        return totp(self.secret, self._step)


async def enabled(account: Account) -> Factor:
    secret = await set_up(account)
    answer = await account.call("POST", "/auth/totp/enable", {"code": totp(secret, STEP - 1)})
    assert answer.status == 200, await answer.text()
    return Factor(secret, (await answer.json())["backup_codes"])


async def actions(admin: Account) -> list[tuple[str, dict[str, Any]]]:
    items = (await (await admin.call("GET", "/audit")).json())["items"]
    return [(one["action"], one["details"]) for one in items]


async def test_set_up_enable_and_sign_in(client: Client, admin: Account, student: Account) -> None:
    assert await (await student.call("GET", "/auth/totp")).json() == {"enabled": False, "backup_codes_left": 0}
    answer = await (await student.call("POST", "/auth/totp/setup", {"password": PASSWORD})).json()
    assert answer["otpauth_uri"].startswith("otpauth://totp/VTP:student%40school.example?")
    assert f"secret={answer['secret']}" in answer["otpauth_uri"]
    assert (await login(client)).status == 200  # not enabled yet
    wrong = await student.call("POST", "/auth/totp/enable", {"code": wrong_code(answer["secret"], STEP)})
    assert await error_of(wrong) == (401, "INVALID_TOTP")
    used = totp(answer["secret"], STEP - 1)
    codes = (await (await student.call("POST", "/auth/totp/enable", {"code": used})).json())["backup_codes"]
    assert len(set(codes)) == 10
    assert await (await student.call("GET", "/auth/totp")).json() == {"enabled": True, "backup_codes_left": 10}

    assert await error_of(await login(client)) == (401, "TOTP_REQUIRED")
    assert await error_of(await login(client, "")) == (401, "TOTP_REQUIRED")
    assert await error_of(await login(client, wrong_code(answer["secret"], STEP))) == (401, "INVALID_TOTP")
    assert await error_of(await login(client, used)) == (401, "INVALID_TOTP")
    factor = Factor(answer["secret"], codes)
    signed_in = await login(client, factor.code())
    assert set(await signed_in.json()) >= {"access_token", "refresh_token", "user"}
    noted = await actions(admin)
    assert noted[0] == ("sign-in", {"second_factor": "totp"})
    assert noted[1:3] == [("sign-in-failed", {"reason": "totp"})] * 2
    assert ("totp-enabled", {}) in noted


async def test_without_the_password_nothing_is_told_of_it(client: Client, student: Account) -> None:
    factor = await enabled(student)
    for code in (None, factor.code(), "123456"):
        wrong = await login(client, code, "Wrong-Password-1")
        assert await error_of(wrong) == (401, "INVALID_CREDENTIALS")


async def test_a_code_serves_once_however_many_try(client: Client, student: Account) -> None:
    factor = await enabled(student)
    code = factor.code()
    statuses = [answer.status for answer in await asyncio.gather(*(login(client, code) for _ in range(4)))]
    assert sorted(statuses) == [200, 401, 401, 401]
    assert (await login(client, factor.code())).status == 200
    assert await error_of(await login(client, code)) == (401, "INVALID_TOTP")


async def test_a_backup_code_serves_once_however_it_is_typed(client: Client, student: Account) -> None:
    factor = await enabled(student)
    first, second, third = factor.backup_codes[:3]
    statuses = [answer.status for answer in await asyncio.gather(*(login(client, first) for _ in range(3)))]
    assert sorted(statuses) == [200, 401, 401]
    assert (await login(client, second.lower().replace("-", " "))).status == 200
    assert (await login(client, third.replace("0", "o").replace("1", "l"))).status == 200
    status = await (await student.call("GET", "/auth/totp")).json()
    assert status == {"enabled": True, "backup_codes_left": 7}


async def test_new_backup_codes_replace_the_former_ones(client: Client, student: Account) -> None:
    factor = await enabled(student)
    refused = await student.call("POST", "/auth/totp/backup-codes", {"code": wrong_code(factor.secret, STEP)})
    assert await error_of(refused) == (401, "INVALID_TOTP")
    renewed = await student.call("POST", "/auth/totp/backup-codes", {"code": factor.code()})
    codes = (await renewed.json())["backup_codes"]
    assert not set(codes) & set(factor.backup_codes)
    assert await error_of(await login(client, factor.backup_codes[0])) == (401, "INVALID_TOTP")
    assert (await login(client, codes[0])).status == 200


async def test_turning_it_off_takes_both(client: Client, admin: Account, student: Account) -> None:
    factor = await enabled(student)
    for password, code, refusal in (
        ("Wrong-Password-1", factor.code(), (400, "WRONG_PASSWORD")),
        (PASSWORD, wrong_code(factor.secret, STEP), (401, "INVALID_TOTP")),
    ):
        answer = await student.call("POST", "/auth/totp/disable", {"password": password, "code": code})
        assert await error_of(answer) == refusal
    body = {"password": PASSWORD, "code": factor.backup_codes[0]}
    assert (await student.call("POST", "/auth/totp/disable", body)).status == 204
    assert (await login(client)).status == 200
    assert (await actions(admin))[1] == ("totp-disabled", {})
    assert (await set_up(student)) != factor.secret


async def test_steps_out_of_order(student: Account) -> None:
    code = {"code": "123456"}
    for path, body, refusal in (
        ("enable", code, "TOTP_NOT_SET_UP"),
        ("disable", code | {"password": PASSWORD}, "TOTP_NOT_ENABLED"),
        ("backup-codes", code, "TOTP_NOT_ENABLED"),
    ):
        answer = await student.call("POST", f"/auth/totp/{path}", body)
        assert await error_of(answer) == (409, refusal)
    refused = await student.call("POST", "/auth/totp/setup", {"password": "Wrong-Password-1"})
    assert await error_of(refused) == (400, "WRONG_PASSWORD")
    factor = await enabled(student)
    for path, body in (("setup", {"password": PASSWORD}), ("enable", {"code": factor.code()})):
        assert await error_of(await student.call("POST", f"/auth/totp/{path}", body)) == (409, "TOTP_ENABLED")


async def test_a_second_set_up_replaces_the_first(student: Account) -> None:
    first, second = await set_up(student), await set_up(student)
    stale = await student.call("POST", "/auth/totp/enable", {"code": totp(first, STEP)})
    assert await error_of(stale) == (401, "INVALID_TOTP")
    assert (await student.call("POST", "/auth/totp/enable", {"code": totp(second, STEP)})).status == 200


@pytest.mark.parametrize(
    "code",
    ["", "12345", "1234567", "\uff11" * 6, "\ud800", "0x1234", "-12345", "x" * 64],
)
async def test_what_is_no_code(client: Client, student: Account, code: str) -> None:
    await enabled(student)
    expected = "INVALID_TOTP" if code else "TOTP_REQUIRED"
    assert await error_of(await login(client, code)) == (401, expected)


async def test_a_code_beyond_all_length_is_bad_input(client: Client, student: Account) -> None:
    assert await error_of(await login(client, "1" * 65)) == (400, "INVALID_INPUT")


async def test_wrong_codes_count_as_failed_attempts(aiohttp_client: AiohttpClient, database_url: str) -> None:
    client = await aiohttp_client(make_app(settings_for(database_url, login_attempts_per_account=3)))
    body = {"email": EMAIL, "password": PASSWORD, "full_name": "Stu"}
    assert (await client.post(f"{API}/auth/register", json=body)).status == 201
    factor = await enabled(await sign_in(client, EMAIL))
    for _ in range(3):
        assert await error_of(await login(client, wrong_code(factor.secret, STEP))) == (401, "INVALID_TOTP")
    refused = await login(client, factor.code())
    assert await error_of(refused) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


async def test_wrong_codes_are_limited_by_the_hour_too(
    client: Client, student: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    factor = await enabled(student)
    attempts = client.app[keys.SESSIONS]._attempts
    monkeypatch.setattr(attempts, "_passwords", login_attempts.FailureLimit(10**6, 60, attempts._clock))
    for _ in range(login_attempts.CODE_FAILURES):
        assert await error_of(await login(client, wrong_code(factor.secret, STEP))) == (401, "INVALID_TOTP")
    refused = await login(client, factor.code())
    assert await error_of(refused) == (429, "TOO_MANY_ATTEMPTS")
    assert 60 < int(refused.headers["Retry-After"]) <= 3600


async def test_an_admin_resets_what_somebody_lost(client: Client, admin: Account, student: Account) -> None:
    await enabled(student)
    path = f"/users/{student.id}"
    assert (await (await admin.call("GET", path)).json())["totp_enabled"] is True
    listed = (await (await admin.call("GET", "/users")).json())["items"]
    assert {one["email"] for one in listed if one["totp_enabled"]} == {EMAIL}
    assert await error_of(await student.call("DELETE", f"{path}/totp")) == (403, "INSUFFICIENT_PERMISSIONS")
    for _ in range(2):
        assert (await admin.call("DELETE", f"{path}/totp")).status == 204
    assert (await login(client)).status == 200
    assert [action for action, _ in await actions(admin)].count("totp-disabled") == 1
    assert await error_of(await admin.call("DELETE", "/users/x/totp")) == (404, "USER_NOT_FOUND")


async def test_nothing_secret_is_stored_or_noted_in_the_clear(
    client: Client, student: Account, database_url: str
) -> None:
    factor = await enabled(student)
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT (SELECT string_agg(f::text, ' ') FROM second_factors f)"
            " || (SELECT string_agg(b::text, ' ') FROM backup_codes b)"
            " || (SELECT string_agg(a::text, ' ') FROM audit_log a)"
        ).fetchone()
    assert kept is not None
    for secret in (factor.secret, *factor.backup_codes):
        for spelling in (secret, secret.replace("-", ""), secret.encode().hex()):
            assert spelling not in kept[0]


async def test_it_outlives_a_changed_key_and_is_sealed_anew(
    aiohttp_client: AiohttpClient, database_url: str, client: Client, student: Account
) -> None:
    factor = await enabled(student)

    async def backend(secret: str, *previous: str) -> Client:
        settings: Settings = settings_for(database_url, jwt_secret=secret, jwt_previous_secrets=previous)
        return await aiohttp_client(make_app(settings))

    without = await backend(NEXT_SECRET)
    assert await error_of(await login(without, factor.code())) == (401, "INVALID_TOTP")
    assert (await login(without, factor.backup_codes[0])).status == 200
    changed = await backend(NEXT_SECRET, JWT_SECRET)
    profile = await changed.get(f"{API}/auth/profile", headers=student.headers)
    assert profile.status == 200  # signed with the former key
    assert (await login(changed, factor.code())).status == 200
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE second_factors SET last_step = 0")
    dropped = await backend(NEXT_SECRET)
    assert (await login(dropped, totp(factor.secret, STEP))).status == 200
