"""Raised hands: seen by all, in the order they went up, put down by their owners and by who runs the room."""

import asyncio
from typing import Any

import pytest

from tests.support.live_backend import LiveBackend, Seat

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hands(seat: Seat) -> list[str]:
    """The participants whose hands are up, as a client puts them in order."""
    everybody = (await seat.client.request("get-participants"))["participants"]
    up = [one for one in everybody if one["handRaised"]]
    assert all(one["handRaisedAt"] is None for one in everybody if not one["handRaised"])
    return [one["participantId"] for one in sorted(up, key=lambda one: int(one["handRaisedAt"]))]


async def test_a_raised_hand_is_seen(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.client.request("raise-hand", raised=True)
    told = await teacher.client.notification("participant-updated")
    late = await backend.joined("late")
    (seen,) = [one for one in late.joined["participants"] if one["handRaised"]]
    assert told == {
        "participantId": student.id,
        "handRaised": True,
        "handRaisedAt": seen["handRaisedAt"],
    }
    assert seen["handRaisedAt"] >= seen["joinedAt"]
    await student.client.request("raise-hand", raised=False)
    told = await teacher.client.notification("participant-updated")
    assert told == {"participantId": student.id, "handRaised": False, "handRaisedAt": None}


async def test_a_hand_that_is_up_keeps_its_place(teacher: Seat, student: Seat) -> None:
    for seat in (student, teacher, student):
        await seat.client.request("raise-hand", raised=True)
    assert await hands(teacher) == [student.id, teacher.id]
    await teacher.client.request("get-participants")
    told = [data for method, data in teacher.client.notified() if method == "participant-updated"]
    assert len(told) == 1


async def test_hands_raised_at_once_have_an_order_and_everybody_sees_the_same(
    backend: LiveBackend, teacher: Seat
) -> None:
    seats = [await backend.joined(f"student-{n}") for n in range(6)]
    for answer in [await seat.client.send("raise-hand", raised=True) for seat in seats]:
        await answer
    order = await hands(teacher)
    assert order == [data["participantId"] for method, data in teacher.client.notified() if "handRaised" in data]
    assert await asyncio.gather(*(hands(seat) for seat in seats)) == [order] * len(seats)


async def test_who_runs_the_room_puts_a_hand_down(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.client.request("raise-hand", raised=True)
    assert await teacher.client.request("lower-hand", participantId=student.id) == {}
    down = {"participantId": student.id, "handRaised": False, "handRaisedAt": None}
    assert await teacher.client.notification("participant-updated", handRaised=False) == down
    assert await student.client.notification("participant-updated") == down
    await teacher.client.request("lower-hand", participantId=student.id)
    await student.client.request("get-participants")
    assert len([1 for method, _ in student.client.notified() if method == "participant-updated"]) == 1


async def test_all_hands_are_put_down_in_the_order_they_went_up(backend: LiveBackend, teacher: Seat) -> None:
    seats = [await backend.joined(f"student-{n}") for n in range(3)]
    for seat in reversed(seats):
        await seat.client.request("raise-hand", raised=True)
    await teacher.client.request("lower-hand", all=True)
    down = [data["participantId"] for method, data in teacher.client.notified() if data.get("handRaised") is False]
    assert down == [seat.id for seat in reversed(seats)]
    assert await hands(teacher) == []


@pytest.mark.parametrize("data", [{}, {"all": False}, {"all": True, "participantId": "x"}, {"all": 1}])
async def test_one_or_all(teacher: Seat, data: dict[str, Any]) -> None:
    assert (await teacher.client.refused("lower-hand", data)).code == "INVALID_INPUT"


async def test_others_put_down_nobodys_hand(teacher: Seat, student: Seat) -> None:
    await teacher.client.request("raise-hand", raised=True)
    for data in ({"all": True}, {"participantId": teacher.id}):
        refusal = await student.client.refused("lower-hand", data)
        assert (refusal.status, refusal.code) == (403, "INSUFFICIENT_PERMISSIONS")
    assert (await teacher.client.refused("lower-hand", participantId="nobody")).code == "PARTICIPANT_NOT_FOUND"
    assert await hands(student) == [teacher.id]
