"""A sign-in that is over takes its sockets and seats with it; a changed role counts in a running class."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backend import keys
from backend.domain.ports import Identity
from backend.domain.users import Role, User
from tests.support.backend import ADMIN_EMAIL, PASSWORD
from tests.support.live_backend import Json, LiveBackend, Seat
from tests.support.protoo_client import ProtooClient, connect
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW_PASSWORD = "Sponge-and-Water-2"


async def sign_in(backend: LiveBackend, name: str = "student", password: str = PASSWORD) -> Json:
    """Sign in once more as the user of that name."""
    await backend.token(name)
    body = {"email": f"{name}@school.example", "password": password}
    status, answer = await backend.call("POST", "/auth/login", body=body)
    assert status == 200, answer
    return dict(answer)


async def socket(backend: LiveBackend, tokens: Json, *, by_ticket: bool = False) -> ProtooClient:
    """Open a socket with these tokens."""
    if by_ticket:
        _, body = await backend.call("POST", "/signalling/ticket", tokens["access_token"])
        return await connect(backend.session, backend.url, ticket=body["ticket"])
    return await connect(backend.session, backend.url, token=tokens["access_token"])


async def join(client: ProtooClient, **wish: Any) -> Seat:
    return Seat(client, await client.request("join-room", {"roomId": "physics", **wish}))


async def logout(backend: LiveBackend, tokens: Json) -> None:
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await backend.call("POST", "/auth/logout", tokens["access_token"], body))[0] == 204


async def logout_by_refresh_token(backend: LiveBackend, tokens: Json) -> None:
    other = await sign_in(backend)
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await backend.call("POST", "/auth/logout", other["access_token"], body))[0] == 204


async def change_password(backend: LiveBackend, tokens: Json) -> None:
    other = await sign_in(backend)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await backend.call("POST", "/auth/change-password", other["access_token"], body))[0] == 200


async def reuse_refresh_token(backend: LiveBackend, tokens: Json) -> None:
    body = {"refresh_token": tokens["refresh_token"]}
    assert [(await backend.call("POST", "/auth/refresh", body=body))[0] for _ in range(2)] == [200, 401]


async def deactivate(backend: LiveBackend, tokens: Json) -> None:
    path = f"/users/{tokens['user']['user_id']}"
    status, _ = await backend.call("PATCH", path, await admin(backend), {"active": False})
    assert status == 200


async def delete(backend: LiveBackend, tokens: Json) -> None:
    path = f"/users/{tokens['user']['user_id']}"
    assert (await backend.call("DELETE", path, await admin(backend)))[0] == 204


async def admin(backend: LiveBackend) -> str:
    return await backend.sign_in(ADMIN_EMAIL)


ENDINGS = [logout, logout_by_refresh_token, change_password, reuse_refresh_token, deactivate, delete]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
async def test_sockets_and_seats_end_with_their_sign_in(
    backend: LiveBackend, teacher: Seat, sfu: RunningSfu, end: Callable[[LiveBackend, Json], Awaitable[None]]
) -> None:
    tokens = await sign_in(backend)
    idle, in_class = await socket(backend, tokens, by_ticket=True), await socket(backend, tokens)
    seat, gone = await join(in_class), await join(await socket(backend, tokens, by_ticket=True))
    await gone.client.vanish()
    await end(backend, tokens)
    assert await idle.closed() == 4000
    assert await in_class.closed() == 4000
    left = [await teacher.client.notification("participant-left") for _ in range(2)]
    assert {one["participantId"] for one in left} == {seat.id, gone.id}
    assert {one["reason"] for one in left} <= {"session-ended", "account-closed"}
    assert (await teacher.client.request("get-participants"))["count"] == 1


@pytest.mark.parametrize(
    "end", [logout, logout_by_refresh_token, reuse_refresh_token], ids=lambda end: end.__name__
)
async def test_other_sign_ins_of_the_user_stay(
    backend: LiveBackend, teacher: Seat, end: Callable[[LiveBackend, Json], Awaitable[None]]
) -> None:
    tokens, others = await sign_in(backend), await sign_in(backend)
    ending, staying = await join(await socket(backend, tokens)), await join(await socket(backend, others))
    await end(backend, tokens)
    assert await ending.client.closed() == 4000
    assert (await staying.client.request("get-participants"))["count"] == 2
    await staying.client.close()


async def test_a_changed_password_keeps_the_sign_in_that_changed_it(backend: LiveBackend, teacher: Seat) -> None:
    tokens = await sign_in(backend)
    seat = await join(await socket(backend, tokens))
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    await backend.call("POST", "/auth/change-password", tokens["access_token"], body)
    assert (await seat.client.request("get-participants"))["count"] == 2
    await seat.client.close()


async def test_a_seat_goes_with_the_sign_in_that_took_it_last(backend: LiveBackend, teacher: Seat) -> None:
    first, second = await sign_in(backend), await sign_in(backend)
    seat = await join(await socket(backend, first))
    await seat.client.vanish()
    back = await join(await socket(backend, second), resumeToken=seat.joined["resumeToken"])
    assert back.joined["resumed"]
    await logout(backend, first)
    assert (await back.client.request("get-participants"))["count"] == 2
    await logout(backend, second)
    assert await back.client.closed() == 4000
    assert (await teacher.client.notification("participant-left"))["participantId"] == back.id


async def test_a_seat_that_is_just_being_taken_is_free_again(
    backend: LiveBackend, teacher: Seat, sfu: RunningSfu
) -> None:
    tokens = await sign_in(backend)
    client = await socket(backend, tokens)
    answer = await client.send("join-room", roomId="physics")
    await logout(backend, tokens)
    assert await client.closed() == 4000
    joined = await asyncio.gather(answer, return_exceptions=True)
    if isinstance(joined[0], dict):
        left = await teacher.client.notification("participant-left", participantId=joined[0]["participantId"])
        assert left["reason"] == "session-ended"
    assert (await teacher.client.request("get-participants"))["count"] == 1


async def test_a_sign_in_that_ends_while_its_socket_opens(
    backend: LiveBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, access = await sign_in(backend), backend.server.app[keys.TOKENS]
    verify = access.verify_access

    async def verify_then_end(token: str) -> Identity:
        identity = await verify(token)
        monkeypatch.undo()
        await logout(backend, tokens)  # what was read of the session is old when the socket opens
        return identity

    monkeypatch.setattr(access, "verify_access", verify_then_end)
    client = await socket(backend, tokens)
    assert await client.closed() == 4000


async def set_role(backend: LiveBackend, seat: Seat, role: Role) -> None:
    user_id = seat.joined["self"]["userId"]
    status, _ = await backend.call("PATCH", f"/users/{user_id}", await admin(backend), {"role": role.value})
    assert status == 200


async def test_a_demoted_teacher_loses_the_powers_at_once(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    await teacher.client.request("lock-room", locked=True)
    await set_role(backend, teacher, Role.STUDENT)
    for seat in (teacher, student):
        updated = await seat.client.notification("participant-updated")
        assert (updated["participantId"], updated["role"]) == (teacher.id, "student")
    for method, data in (
        ("mute-participant", {"participantId": student.id}),
        ("kick-participant", {"participantId": student.id}),
        ("lock-room", {"locked": False}),
        ("close-room", {}),
    ):
        refusal = await teacher.client.refused(method, data)
        assert (refusal.status, refusal.code) == (403, "INSUFFICIENT_PERMISSIONS")
    others = await backend.socket("teacher")
    assert (await others.refused("join-room", roomId="physics")).code == "ROOM_LOCKED"


async def test_a_demoted_teacher_is_silent_where_students_are(
    backend: LiveBackend, teacher: Seat, sfu: RunningSfu
) -> None:
    guest = await backend.joined("guest", Role.TEACHER)
    token = await backend.token("teacher")
    await backend.call("PATCH", "/rooms/physics", token, {"students_may_publish": False})
    producer_id = await guest.produce()
    await set_role(backend, guest, Role.STUDENT)
    assert await guest.client.notification("muted") == {"producerId": producer_id, "by": None}
    await teacher.client.notification("producer-paused", producerId=producer_id)
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    assert [one["paused"] for peer in peers for one in peer["producers"]] == [True]
    assert (await guest.client.refused("resume-producer", producerId=producer_id)).status == 403


async def test_a_new_role_counts_in_a_socket_that_was_open_before(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    idle = await backend.socket("student")
    assert (await idle.refused("join-room", roomId="new-room")).code == "ROOM_NOT_FOUND"
    await set_role(backend, student, Role.TEACHER)
    joined = await idle.request("join-room", roomId="new-room")
    assert joined["self"]["role"] == "teacher"


async def test_a_new_name_is_told(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await backend.call("PATCH", "/auth/profile", await backend.token("student"), {"full_name": "Stu Dent"})
    updated = await teacher.client.notification("participant-updated")
    assert updated == {
        "participantId": student.id,
        "handRaised": False,
        "handRaisedAt": None,
        "fullName": "Stu Dent",
        "role": "student",
    }
    names = {one["fullName"] for one in (await teacher.client.request("get-participants"))["participants"]}
    assert names == {"Teacher", "Stu Dent"}


async def test_a_role_that_changes_while_the_socket_opens(
    backend: LiveBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, access = await sign_in(backend, "climber"), backend.server.app[keys.TOKENS]
    verify = access.verify_access

    async def verify_then_promote(token: str) -> Identity:
        identity = await verify(token)
        monkeypatch.undo()
        path = f"/users/{tokens['user']['user_id']}"
        await backend.call("PATCH", path, await admin(backend), {"role": "teacher"})
        return identity

    monkeypatch.setattr(access, "verify_access", verify_then_promote)
    client = await socket(backend, tokens)
    joined = await client.request("join-room", roomId="fresh-room")
    assert joined["self"]["role"] == "teacher"
    await client.close()


async def test_nobody_is_told_what_did_not_change(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    user = next(iter(backend.presence._classes._seats_of[student.joined["self"]["userId"]])).user
    assert isinstance(user, User)
    await backend.presence.user_changed(user)
    await student.client.request("raise-hand", raised=True)
    assert "role" not in await teacher.client.notification("participant-updated")
