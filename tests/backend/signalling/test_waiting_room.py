"""The waiting room over real sockets, a real database and a real SFU; and one seat a user."""

from typing import Any

import psycopg
import pytest

from backend.domain.users import Role
from tests.support.backend import settings_for
from tests.support.live_backend import LiveBackend, Seat, running_backend
from tests.support.protoo_client import ProtooClient
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def make_room(backend: LiveBackend, **rules: Any) -> str:
    """Make the room `physics`, owned by the teacher; return the teacher's access token."""
    token = await backend.token("teacher", Role.TEACHER)
    body = {"id": "physics", "name": "Physics", "waiting_room": True} | rules
    status, answer = await backend.call("POST", "/rooms", token, body)
    assert status == 201, answer
    return token


async def waiting(backend: LiveBackend, name: str) -> ProtooClient:
    """Open a socket, knock and be told to wait."""
    client = await backend.socket(name)
    refusal = await client.refused("join-room", roomId="physics")
    assert (refusal.status, refusal.code) == (403, "WAITING_FOR_ADMISSION")
    return client


async def told_names(client: ProtooClient, *names: str) -> list[dict[str, Any]]:
    """Wait until who runs the room is told that these wait."""
    while True:
        people: list[dict[str, Any]] = (await client.notification("waiting-updated"))["waiting"]
        if [one["fullName"] for one in people] == list(names):
            return people


async def test_knocking_being_let_in_and_being_turned_away(backend: LiveBackend) -> None:
    await make_room(backend)
    anna = await waiting(backend, "anna")
    teacher = await backend.joined("teacher", Role.TEACHER)
    assert teacher.joined["room"]["waitingRoom"] is True
    (first,) = await told_names(teacher.client, "Anna")
    assert set(first) == {"waitingId", "userId", "fullName", "role", "since"}
    assert (first["role"], type(first["since"])) == ("student", int)
    ben = await waiting(backend, "ben")
    _, second = await told_names(teacher.client, "Anna", "Ben")
    assert (await teacher.client.request("get-waiting"))["waiting"] == [first, second]
    refusal = await anna.refused("get-participants")
    assert (refusal.status, refusal.code) == (409, "NOT_JOINED")
    assert await teacher.client.request("admit-participant", waitingId=first["waitingId"]) == {}
    assert await anna.notification("admitted") == {"roomId": "physics"}
    joined = await anna.request("join-room", roomId="physics")
    assert [one["fullName"] for one in joined["participants"]] == ["Teacher"]
    assert await teacher.client.request("deny-participant", waitingId=second["waitingId"]) == {}
    assert await ben.notification("admission-denied") == {"roomId": "physics"}
    assert await ben.closed() == 4000
    await told_names(teacher.client)
    for method in ("admit-participant", "deny-participant"):
        refusal = await teacher.client.refused(method, waitingId=second["waitingId"])
        assert (refusal.status, refusal.code) == (404, "WAITING_NOT_FOUND")
    for data in ({}, {"all": True, "waitingId": "x"}, {"all": "yes"}, {"waitingId": 7}):
        assert (await teacher.client.refused("admit-participant", data)).code == "INVALID_INPUT"


async def test_who_closes_the_socket_waits_no_more(backend: LiveBackend) -> None:
    await make_room(backend)
    teacher = await backend.joined("teacher", Role.TEACHER)
    for leave in (ProtooClient.close, ProtooClient.vanish):
        client = await waiting(backend, "anna")
        await told_names(teacher.client, "Anna")
        await leave(client)
        await told_names(teacher.client)


async def test_an_account_that_is_closed_waits_no_more(backend: LiveBackend) -> None:
    await make_room(backend)
    teacher = await backend.joined("teacher", Role.TEACHER)
    anna = await waiting(backend, "anna")
    (one,) = await told_names(teacher.client, "Anna")
    admin = await backend.token("head", Role.ADMIN)
    assert (await backend.call("DELETE", f"/users/{one['userId']}", admin))[0] == 204
    assert await anna.closed() == 4000
    await told_names(teacher.client)


async def test_a_class_is_let_in_at_once(backend: LiveBackend) -> None:
    await make_room(backend)
    teacher = await backend.joined("teacher", Role.TEACHER)
    clients = [await waiting(backend, f"student{number}") for number in range(5)]
    await teacher.client.request("admit-participant", all=True)
    for client in clients:
        assert await client.notification("admitted") == {"roomId": "physics"}
        await client.request("join-room", roomId="physics")
    assert (await teacher.client.request("get-waiting")) == {"waiting": []}


async def test_the_password_comes_before_the_waiting_room(backend: LiveBackend) -> None:
    token = await make_room(backend, password="open sesame")
    _, invitation = await backend.call("POST", "/rooms/physics/invitation", token, {})
    teacher = await backend.joined("teacher", Role.TEACHER)
    client = await backend.socket("anna")
    for shown, code in (
        ({}, "ROOM_PASSWORD_REQUIRED"),
        ({"password": "open sesame"}, "WAITING_FOR_ADMISSION"),
        ({"invitation": invitation["token"]}, "WAITING_FOR_ADMISSION"),
    ):
        assert (await client.refused("join-room", roomId="physics", **shown)).code == code
    await teacher.client.request("admit-participant", all=True)
    await client.notification("admitted")
    assert (await client.refused("join-room", roomId="physics")).code == "ROOM_PASSWORD_REQUIRED"
    await client.request("join-room", roomId="physics", password="open sesame")


async def test_switched_off_lets_everybody_in(backend: LiveBackend) -> None:
    token = await make_room(backend)
    anna = await waiting(backend, "anna")
    await backend.call("PATCH", "/rooms/physics", token, {"waiting_room": False})
    assert await anna.notification("admitted") == {"roomId": "physics"}
    await anna.request("join-room", roomId="physics")
    await backend.call("PATCH", "/rooms/physics", token, {"waiting_room": True})
    assert (await anna.notification("room-updated"))["room"]["waitingRoom"] is True
    await waiting(backend, "ben")


async def test_a_deleted_room_sends_who_waits_away(backend: LiveBackend) -> None:
    token = await make_room(backend)
    anna = await waiting(backend, "anna")
    assert (await backend.call("DELETE", "/rooms/physics", token))[0] == 204
    assert await anna.notification("room-closed") == {"reason": "deleted"}
    assert await anna.closed() == 4000


async def test_a_room_whose_owner_is_gone_is_run_by_admins(backend: LiveBackend) -> None:
    await make_room(backend)
    admin_token = await backend.token("head", Role.ADMIN)
    _, found = await backend.call("GET", "/users?search=teacher@", admin_token)
    teacher = await backend.joined("teacher", Role.TEACHER)
    anna = await waiting(backend, "anna")
    assert (await backend.call("DELETE", f"/users/{found['items'][0]['id']}", admin_token))[0] == 204
    assert await teacher.client.closed() == 4000
    admin = await backend.joined("head", Role.ADMIN)
    await told_names(admin.client, "Anna")
    await admin.client.request("admit-participant", all=True)
    await anna.notification("admitted")
    joined = await anna.request("join-room", roomId="physics")
    assert joined["room"]["ownerId"] is None


async def test_an_admission_outlives_the_backend_and_ends_with_the_class(
    database_url: str, sfu: RunningSfu
) -> None:
    settings = settings_for(database_url, sfu_url=sfu.url)
    async with running_backend(settings) as before:
        await make_room(before)
        teacher = await before.joined("teacher", Role.TEACHER)
        anna = await waiting(before, "anna")
        await teacher.client.request("admit-participant", all=True)
        await anna.notification("admitted")
    async with running_backend(settings) as backend:
        backend.tokens.update(before.tokens)
        anna = await backend.socket("anna")
        await anna.request("join-room", roomId="physics")
        again = await backend.socket("teacher")
        await again.request("join-room", roomId="physics", resumeToken=teacher.joined["resumeToken"])
        for client in (anna, again):
            await client.request("leave-room")
        await waiting(backend, "anna")
        await backend.joined("teacher")
        await waiting(backend, "anna")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM admissions").fetchone() == (0,)


async def test_a_kicked_student_knocks_again(backend: LiveBackend) -> None:
    await make_room(backend)
    teacher = await backend.joined("teacher", Role.TEACHER)
    anna = await waiting(backend, "anna")
    await teacher.client.request("admit-participant", all=True)
    await anna.notification("admitted")
    joined = await anna.request("join-room", roomId="physics")
    await teacher.client.request("kick-participant", participantId=joined["participantId"])
    assert await anna.closed() == 4000
    await waiting(backend, "anna")


async def test_where_a_user_has_one_seat_the_later_replaces_the_earlier(backend: LiveBackend) -> None:
    await make_room(backend, waiting_room=False, one_seat_per_user=True, max_participants=2)
    teacher = await backend.joined("teacher", Role.TEACHER)
    first: Seat = await backend.joined("student")
    await first.produce()
    assert first.joined["room"]["oneSeatPerUser"] is True
    second = await backend.joined("student")
    assert await first.client.closed() == 4000
    left = await teacher.client.notification("participant-left")
    assert left == {"participantId": first.id, "reason": "replaced"}
    assert [one["participantId"] for one in second.joined["participants"]] == [teacher.id]
    fellow = await backend.socket("fellow")
    assert (await fellow.refused("join-room", roomId="physics")).code == "ROOM_FULL"
