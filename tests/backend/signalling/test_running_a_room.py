"""What whoever runs a room can do to it: kick, mute, lock, close, and the same over REST."""

from typing import Any

import pytest

from tests.support.backend import ADMIN_EMAIL
from tests.support.live_backend import LiveBackend, Seat
from tests.support.sfu import RunningSfu
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_running_a_room_is_for_who_runs_it(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    for method, data in (
        ("mute-participant", {"participantId": teacher.id}),
        ("kick-participant", {"participantId": teacher.id}),
        ("lock-room", {"locked": True}),
        ("close-room", {}),
    ):
        refusal = await student.client.refused(method, data)
        assert (refusal.status, refusal.code) == (403, "INSUFFICIENT_PERMISSIONS")
    refusal = await teacher.client.refused("kick-participant", participantId="nobody")
    assert refusal.code == "PARTICIPANT_NOT_FOUND"


async def test_a_kicked_participant_hears_it_and_is_out(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    await teacher.client.request("kick-participant", participantId=student.id)
    assert await student.client.notification("kicked") == {"by": teacher.id}
    assert await student.client.closed() == 4000
    left = await teacher.client.notification("participant-left")
    assert left == {"participantId": student.id, "reason": "kicked"}
    again = await backend.socket("student")
    joined = await again.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
    assert joined["resumed"] is False


async def test_muting_pauses_at_the_sfu_and_is_told(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await student.produce()
    await teacher.client.request("mute-participant", participantId=student.id)
    assert await student.client.notification("muted") == {"producerId": producer_id, "by": teacher.id}
    assert await teacher.client.notification("producer-paused") == {
        "producerId": producer_id,
        "participantId": student.id,
    }
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    assert [one["paused"] for peer in peers for one in peer["producers"]] == [True]


async def test_closing_the_room_ends_it_for_all(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    assert await teacher.client.request("close-room") == {}
    for seat in (teacher, student):
        assert "Teacher" in (await seat.client.notification("room-closed"))["reason"]
        assert await seat.client.closed() == 4000
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0
    again = await backend.joined("student")
    assert again.joined["participants"] == []


async def test_deleting_the_room_over_rest_ends_it_for_all(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    status, _ = await backend.call("DELETE", "/rooms/physics", await backend.token("teacher"))
    assert status in {200, 204}
    for seat in (teacher, student):
        assert await seat.client.notification("room-closed") == {"reason": "deleted"}
        assert await seat.client.closed() == 4000
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0


async def test_a_change_over_rest_reaches_the_live_room(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    token = await backend.token("teacher")
    await backend.call("PATCH", "/rooms/physics", token, {"students_may_publish": False, "name": "Optics"})
    for seat in (teacher, student):
        room = (await seat.client.notification("room-updated"))["room"]
        assert (room["name"], room["studentsMayPublish"]) == ("Optics", False)
    transport_id = await student.transport()
    refusal = await student.client.refused(
        "produce", transportId=transport_id, kind="audio", rtpParameters={"codecs": []}
    )
    assert refusal.status == 403
    await teacher.produce()


async def test_stats_over_rest_count_who_is_there(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.produce()
    status, stats = await backend.call("GET", "/signalling/rooms/physics/stats", await backend.token("teacher"))
    assert status == 200
    assert stats["participant_count"] == 2
    assert stats["producer_count"] == 1
    assert {one["participant_id"] for one in stats["participants"]} == {teacher.id, student.id}


async def test_what_is_done_in_a_class_is_noted(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.produce()
    teacher_id = teacher.joined["self"]["userId"]
    await teacher.client.request("mute-participant", participantId=student.id)
    await teacher.client.request("mute-participant", participantId=student.id)
    for locked in (True, True, False):
        await teacher.client.request("lock-room", locked=locked)
    await teacher.client.request("kick-participant", participantId=student.id)
    await teacher.client.request("close-room")
    assert await teacher.client.closed() == 4000
    wanted = ["room-closed", "participant-kicked", "room-unlocked", "room-locked", "participant-muted"]
    wanted.append("room-created")

    async def all_are_noted() -> bool:  # what is done in a class is written in the background
        return len(await noted(backend)) >= len(wanted)

    await until(all_are_noted)
    items = await noted(backend)
    assert [one["action"] for one in items] == wanted
    assert {one["actor_id"] for one in items} == {teacher_id}
    assert {one["address"] for one in items} == {"127.0.0.1"}
    kicked = items[1]
    assert (kicked["target_type"], kicked["target_id"]) == ("participant", student.id)
    assert kicked["details"] == {"user_id": student.joined["self"]["userId"], "full_name": "Student"}


async def noted(backend: LiveBackend) -> list[dict[str, Any]]:
    token = await backend.sign_in(ADMIN_EMAIL)
    _, body = await backend.call("GET", "/audit?room_id=physics", token)
    return list(body["items"])
