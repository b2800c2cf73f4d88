"""Every method with data that is nearly right, over real sockets: an answer that is documented, never a 500.

That each answer is one that the document has, the tests' protoo client and a fixture see to.
"""

import json
from random import Random
from typing import Any

import pytest

from backend.domain.users import Role
from backend.signalling.document import schemas
from backend.signalling.methods import METHODS
from tests.support.live_backend import LiveBackend, Seat
from tests.support.protoo_client import RequestError
from tests.support.signalling_fuzz import Schema, spoilt_data

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIES = 40
"""A method and role; below what one socket may send at once."""

MAY_END_ITS_SOCKET = {"leave-room", "close-room", "kick-participant"}

OWN = "own:"
"""Begins what stands for the id of something of the sender's own, which is there only when it is sent."""

OWNED = ("participant", "producer", "sender", "receiver")

SHAPES = schemas()


@pytest.mark.parametrize("role", [Role.TEACHER, Role.STUDENT])
async def test_nothing_that_is_sent_breaks_anything(backend: LiveBackend, role: Role) -> None:
    random = Random(role.value)  # noqa: S311 -- the same in every run
    taken = 0
    for name, method in METHODS.items():
        owner = await backend.joined("owner", Role.ADMIN, room=name)
        await owner.produce("audio", ssrc=2222)
        shape = SHAPES[type(method.schema).__name__]
        taken += await _try_all(backend, role, name, [_data(random, shape, name, owner) for _ in range(TRIES)])
        await owner.client.close()
    assert taken > TRIES, "hardly anything that was sent was right"
    assert (await backend.joined("late", role=Role.TEACHER, room="afterwards")).joined["resumed"] is False


@pytest.mark.parametrize(
    "data", [[], "text", 1, True, {"roomId": {}}, {"roomId": "a" * 129}, {"roomId": "physics", "resumeToken": [1]}]
)
async def test_joining_with_what_makes_no_sense_keeps_the_socket(backend: LiveBackend, data: Any) -> None:
    client = await backend.socket("teacher", Role.TEACHER)
    assert (await client.refused("join-room", data)).code == "INVALID_INPUT"
    assert (await client.request("join-room", roomId="physics"))["roomId"] == "physics"


def _data(random: Random, shape: Schema, room_id: str, other: Seat) -> Any:
    """Make what is sent; where it is about something, often about what is there."""
    return spoilt_data(random, shape, [room_id, other.id, *(f"{OWN}{what}" for what in OWNED)])


async def _own_things(seat: Seat) -> dict[str, str]:
    sender = await seat.transport("send")
    producer = await seat.produce("audio", ssrc=1111, transportId=sender)
    return dict(zip(OWNED, (seat.id, producer, sender, await seat.transport("recv")), strict=True))


async def _try_all(backend: LiveBackend, role: Role, method: str, tries: list[Any]) -> int:
    """Send all of it, from a new seat whenever the last one ended in order; return how much was taken."""
    seat, own, taken = None, {}, 0
    for data in tries:
        if seat is None:
            seat = await backend.joined(role.value, role, room=method)
            own = await _own_things(seat)
        answer = await _answer(seat, method, _with_own(data, own))
        taken += answer is not None
        if await _has_ended(seat, method, answer, own["participant"] in json.dumps(_with_own(data, own))):
            seat = None
    if seat is not None:
        await seat.client.close()
    return taken


def _with_own(data: Any, own: dict[str, str]) -> Any:
    if not isinstance(data, dict):
        return data
    return {
        name: own[value.removeprefix(OWN)] if isinstance(value, str) and value.startswith(OWN) else value
        for name, value in data.items()
    }


async def _answer(seat: Seat, method: str, data: Any) -> Any:
    """Return what was answered; None for a refusal, which is our client's fault and not the server's."""
    try:
        return await seat.client.request(method, data)
    except RequestError as refusal:
        if refusal.status == 500:
            raise AssertionError((method, json.dumps(data)[:500])) from refusal
        return None


async def _has_ended(seat: Seat, method: str, answer: Any, about_oneself: bool) -> bool:
    """Tell whether the socket ends by what was asked; nothing else may end it."""
    if answer is None or method not in MAY_END_ITS_SOCKET or (method == "kick-participant" and not about_oneself):
        assert not seat.client.ws.closed, method
        return False
    assert await seat.client.closed() == 4000
    return True
