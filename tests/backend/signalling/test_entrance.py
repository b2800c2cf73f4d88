"""Coming into a room with a password or an invitation, over real sockets."""

from typing import Any

import pytest

from backend.domain.room_passwords import WRONG_PER_USER
from backend.domain.users import Role
from tests.support.live_backend import LiveBackend

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def make_room(backend: LiveBackend, **rules: Any) -> str:
    """Make the room `physics`, owned by the teacher; return the teacher's access token."""
    token = await backend.token("teacher", Role.TEACHER)
    status, answer = await backend.call("POST", "/rooms", token, {"id": "physics", "name": "Physics", **rules})
    assert status == 201, answer
    return token


async def invite(backend: LiveBackend, token: str) -> str:
    status, answer = await backend.call("POST", "/rooms/physics/invitation", token, {})
    assert status == 201
    invitation: str = answer["token"]
    return invitation


async def test_a_password_opens_the_room(backend: LiveBackend) -> None:
    await make_room(backend, password="open sesame")
    client = await backend.socket("student")
    for shown, code in (
        ({}, "ROOM_PASSWORD_REQUIRED"),
        ({"password": None}, "ROOM_PASSWORD_REQUIRED"),
        ({"password": "closed"}, "WRONG_ROOM_PASSWORD"),
        ({"password": "\x00"}, "WRONG_ROOM_PASSWORD"),
        ({"password": "\ud800" * 10}, "WRONG_ROOM_PASSWORD"),
        ({"invitation": "none"}, "INVALID_INVITATION"),
    ):
        refusal = await client.refused("join-room", roomId="physics", **shown)
        assert (refusal.status, refusal.code) == (403, code)
    assert (await client.refused("join-room", roomId="physics", password=4)).code == "INVALID_INPUT"
    joined = await client.request("join-room", roomId="physics", password="open sesame")
    room = joined["room"]
    assert (room["waitingRoom"], room["oneSeatPerUser"], room["maxParticipants"]) == (False, False, 100)
    assert "open sesame" not in str(joined)


async def test_staff_and_owner_need_no_password(backend: LiveBackend) -> None:
    await make_room(backend, password="open sesame", invitation_required=True)
    for name, role in (("teacher", Role.TEACHER), ("colleague", Role.TEACHER), ("head", Role.ADMIN)):
        await backend.joined(name, role)


async def test_who_guesses_too_often_waits(backend: LiveBackend) -> None:
    await make_room(backend, password="open sesame")
    clients = [await backend.socket("student"), await backend.socket("student")]
    for number in range(WRONG_PER_USER):
        refusal = await clients[number % 2].refused("join-room", roomId="physics", password=f"guess {number}")
        assert refusal.code == "WRONG_ROOM_PASSWORD"
    for client in clients:
        refusal = await client.refused("join-room", roomId="physics", password="open sesame")
        assert (refusal.status, refusal.code) == (429, "TOO_MANY_ATTEMPTS")
    other = await backend.socket("fellow")
    await other.request("join-room", roomId="physics", password="open sesame")


async def test_a_resumed_seat_needs_no_password(backend: LiveBackend) -> None:
    token = await make_room(backend)
    first = await backend.joined("student")
    await backend.call("PATCH", "/rooms/physics", token, {"password": "open sesame"})
    again = await backend.socket("student")
    joined = await again.request("join-room", roomId="physics", resumeToken=first.joined["resumeToken"])
    assert joined["resumed"] is True
    other = await backend.socket("student")
    refusal = await other.refused("join-room", roomId="physics", resumeToken="x" * 43)
    assert refusal.code == "ROOM_PASSWORD_REQUIRED"


async def test_a_changed_password_counts_at_once(backend: LiveBackend) -> None:
    token = await make_room(backend, password="open sesame")
    client = await backend.socket("student")
    await backend.call("PATCH", "/rooms/physics", token, {"password": "new words"})
    assert (
        await client.refused("join-room", roomId="physics", password="open sesame")
    ).code == "WRONG_ROOM_PASSWORD"
    await backend.call("PATCH", "/rooms/physics", token, {"password": ""})
    await client.request("join-room", roomId="physics")


async def test_an_invitation_opens_the_room_until_it_is_replaced_or_revoked(backend: LiveBackend) -> None:
    token = await make_room(backend, password="open sesame", invitation_required=True)
    first = await invite(backend, token)
    client = await backend.socket("student")
    refusal = await client.refused("join-room", roomId="physics", password="open sesame")
    assert (refusal.status, refusal.code) == (403, "INVITATION_REQUIRED")
    await client.request("join-room", roomId="physics", invitation=first)
    second = await invite(backend, token)
    client = await backend.socket("fellow")
    refusal = await client.refused("join-room", roomId="physics", invitation=first)
    assert (refusal.status, refusal.code) == (403, "INVALID_INVITATION")
    await backend.call("DELETE", "/rooms/physics/invitation", token)
    assert (await client.refused("join-room", roomId="physics", invitation=second)).code == "INVALID_INVITATION"
    await client.request("join-room", roomId="physics", invitation=await invite(backend, token))


async def test_an_invitation_opens_one_room_only(backend: LiveBackend) -> None:
    token = await make_room(backend, invitation_required=True)
    await backend.call("POST", "/rooms", token, {"id": "chemistry", "name": "Chemistry", "password": "1234"})
    invitation = await invite(backend, token)
    client = await backend.socket("student")
    assert (
        await client.refused("join-room", roomId="chemistry", invitation=invitation)
    ).code == "INVALID_INVITATION"
    await client.request("join-room", roomId="chemistry", invitation=invitation, password="1234")


async def test_a_locked_or_full_room_says_what_one_may_know(backend: LiveBackend) -> None:
    token = await make_room(backend, password="open sesame", max_participants=1, is_locked=True)
    client = await backend.socket("student")
    assert (await client.refused("join-room", roomId="physics", password="wrong")).code == "ROOM_LOCKED"
    await backend.call("PATCH", "/rooms/physics", token, {"is_locked": False})
    await backend.joined("teacher")
    assert (await client.refused("join-room", roomId="physics", password="wrong")).code == "WRONG_ROOM_PASSWORD"
    assert (await client.refused("join-room", roomId="physics", password="open sesame")).code == "ROOM_FULL"
