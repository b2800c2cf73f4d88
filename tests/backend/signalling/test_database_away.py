"""The database goes away in mid-class: what runs goes on, what needs it is told to come back, nothing is lost."""

import asyncio

import pytest

from backend import keys
from backend.domain.users import Role
from tests.support.database import shut_out
from tests.support.live_backend import LiveBackend, Seat
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_class_goes_on_and_who_comes_is_told_to_come_back(
    backend: LiveBackend, teacher: Seat, student: Seat, database_url: str, sfu: RunningSfu
) -> None:
    late = await backend.socket("late")
    with shut_out(database_url):
        refusal = await late.refused("join-room", roomId="physics")
        assert (refusal.status, refusal.code) == (503, "DATABASE_UNAVAILABLE")
        assert refusal.answer["retryAfter"] >= 1
        producer_id = await teacher.produce()
        await student.client.notification("new-producer", producerId=producer_id)
        await student.consume(producer_id)
        await student.client.request("raise-hand", raised=True)
        await teacher.client.notification("participant-updated")
        assert (await teacher.client.request("get-participants"))["count"] == 2
    joined = await late.request("join-room", roomId="physics")
    hands = {one["participantId"]: one["handRaised"] for one in joined["participants"]}
    assert hands == {teacher.id: False, student.id: True}
    peers = (await sfu.get("/rooms/physics")).ok()["peers"]
    assert {peer["peerId"] for peer in peers} == {teacher.id, student.id, joined["participantId"]}


async def test_a_seat_is_taken_back_while_the_database_is_away(
    backend: LiveBackend, teacher: Seat, student: Seat, database_url: str
) -> None:
    client = await backend.socket("student")
    with shut_out(database_url):
        await student.client.vanish()
        joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
        assert joined["resumed"] is True
    told = [method for method, _ in teacher.client.notified()]
    assert told == ["participant-joined"]


async def test_who_left_meanwhile_has_left_when_it_is_back(
    backend: LiveBackend, teacher: Seat, student: Seat, database_url: str, sfu: RunningSfu
) -> None:
    with shut_out(database_url):
        await asyncio.gather(student.client.request("leave-room"), teacher.client.notification("participant-left"))
        assert await student.client.closed() == 4000
        peers = (await sfu.get("/rooms/physics")).ok()["peers"]
        assert [peer["peerId"] for peer in peers] == [teacher.id]
        await teacher.client.request("kick-participant", participantId=teacher.id)
    newcomer = await backend.joined("newcomer", Role.TEACHER)
    assert newcomer.joined["participants"] == [], "nobody who is just leaving is put back"
    token, count = await backend.token("newcomer"), 3
    async with asyncio.timeout(30):
        while count != 1:
            count = (await backend.call("GET", "/rooms/physics", token))[1]["participant_count"]
    assert [seat.participant_id for seat in await backend.server.app[keys.SEATS].of_room("physics")] == [
        newcomer.id
    ]
