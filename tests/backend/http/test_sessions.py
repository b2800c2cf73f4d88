"""The list of one's sign-ins over HTTP, and ending them."""

import pytest

from tests.support.backend import Account, Client, QuietRooms, error_of, sign_in


async def sessions(account: Account, query: str = "") -> list[dict[str, object]]:
    answer = await account.call("GET", f"/auth/sessions{query}")
    assert answer.status == 200
    return list((await answer.json())["items"])


async def test_one_sees_ones_own_and_which_is_this_one(client: Client, student: Account, teacher: Account) -> None:
    other = await sign_in(client, "student@school.example")
    listed = await sessions(student)
    assert [one["current"] for one in listed] == [False, True]
    assert {frozenset(one) for one in listed} == {
        frozenset(
            (
                "session_id",
                "started_at",
                "last_used_at",
                "expires_at",
                "current",
                "address",
                "user_agent",
            )
        )
    }
    assert listed[0]["address"] == "127.0.0.1"
    assert "aiohttp" in str(listed[0]["user_agent"])
    assert [one["current"] for one in await sessions(other)] == [True, False]
    assert len(await sessions(teacher)) == 1
    assert [one["current"] for one in await sessions(student, "?page=2&per_page=1")] == [True]


async def test_a_refresh_keeps_the_session_and_moves_it_up(client: Client, student: Account) -> None:
    await sign_in(client, "student@school.example")
    body = {"refresh_token": student.refresh_token}
    tokens = await (await client.post("/api/v1/auth/refresh", json=body)).json()
    renewed = Account(client, student.user, tokens["access_token"], tokens["refresh_token"])
    first, second = await sessions(renewed)
    assert (first["current"], second["current"]) == (True, False)


async def test_a_session_that_is_ended_is_over_at_once(
    client: Client, admin: Account, student: Account, presence: QuietRooms
) -> None:
    other = await sign_in(client, "student@school.example")
    (mine,) = [one for one in await sessions(other) if one["current"]]
    assert (await student.call("DELETE", f"/auth/sessions/{mine['session_id']}")).status == 204
    assert presence.ended_sessions == [(mine["session_id"], "session-ended")]
    assert await error_of(await other.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
    refreshed = await client.post("/api/v1/auth/refresh", json={"refresh_token": other.refresh_token})
    assert await error_of(refreshed) == (401, "TOKEN_INVALID")
    assert len(await sessions(student)) == 1
    again = await student.call("DELETE", f"/auth/sessions/{mine['session_id']}")
    assert await error_of(again) == (404, "SESSION_NOT_FOUND")
    items = (await (await admin.call("GET", "/audit?action=sign-out")).json())["items"]
    assert [(one["actor_id"], one["target_id"]) for one in items] == [(student.id, mine["session_id"])]


async def test_nobody_ends_anybody_elses(student: Account, teacher: Account, admin: Account) -> None:
    (theirs,) = await sessions(teacher)
    for account in (student, admin):
        answer = await account.call("DELETE", f"/auth/sessions/{theirs['session_id']}")
        assert await error_of(answer) == (404, "SESSION_NOT_FOUND")
    assert len(await sessions(teacher)) == 1


@pytest.mark.parametrize("session_id", ["x", "00000000-0000-0000-0000-000000000000", "%00"])
async def test_what_is_no_session(student: Account, session_id: str) -> None:
    answer = await student.call("DELETE", f"/auth/sessions/{session_id}")
    assert await error_of(answer) == (404, "SESSION_NOT_FOUND")


async def test_one_may_end_the_session_that_asks(student: Account) -> None:
    (mine,) = await sessions(student)
    assert (await student.call("DELETE", f"/auth/sessions/{mine['session_id']}")).status == 204
    assert await error_of(await student.call("GET", "/auth/profile")) == (401, "INVALID_TOKEN")
