"""A class over both services with real packets: seats, media, leaving, vanishing."""

import pytest

from tests.integration.conftest import Eventually
from tests.support.classmate import classmate
from tests.support.services import Platform
from tests.support.sfu import SfuApi

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"


async def test_each_sees_and_hears_the_other_and_the_room_ends_with_the_last(
    platform: Platform, sfu: SfuApi, eventually: Eventually
) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics", roomName="Physics")
        await student.join("physics")
        assert (await teacher.socket.notification("participant-joined"))["participant"]["participantId"] == (
            student.participant_id
        )
        video = await teacher.publish("video", 1000)
        assert (await student.socket.notification("new-producer"))["producerId"] == video
        audio = await student.publish("audio", 2000)
        await student.receives(await student.subscribe(video))
        await teacher.receives(await teacher.subscribe(audio))
        await student.socket.request("leave-room")
        assert await student.socket.closed() == 4000
        left = await teacher.socket.notification("participant-left")
        assert left["participantId"] == student.participant_id
        await teacher.socket.request("leave-room")

    async def is_gone() -> bool:
        return (await sfu.get("/rooms/physics")).status == 404

    await eventually(is_gone)


async def test_a_late_joiner_learns_every_producer_and_sees_it(platform: Platform) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as late:
        await teacher.join("history")
        producers = {await teacher.publish("video", 1000), await teacher.publish("audio", 2000)}
        joined = await late.join("history")
        listed = {producer["producerId"] for other in joined["participants"] for producer in other["producers"]}
        assert listed == producers
        for producer_id in producers:
            await late.receives(await late.subscribe(producer_id))


async def test_who_vanishes_keeps_the_seat_for_the_grace_and_then_leaves_nothing_behind(
    platform: Platform, sfu: SfuApi, eventually: Eventually
) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher:
        await teacher.join("maths")
        async with classmate(platform, STUDENT) as student:
            await student.join("maths")
            await student.publish("audio", 3000)
            await student.socket.vanish()
            assert (await sfu.get("/rooms/maths")).ok()["peerCount"] == 2
        left = await teacher.socket.notification("participant-left")
        assert left["participantId"] == student.participant_id
        closed = [method for method, _ in teacher.socket.notified()]
        assert "new-producer" in closed

        async def only_the_teacher() -> bool:
            return bool((await sfu.get("/rooms/maths")).ok()["peerCount"] == 1)

        await eventually(only_the_teacher)


async def test_a_resumed_seat_keeps_its_media_and_nobody_hears_of_it(platform: Platform) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("latin")
        await student.join("latin")
        video = await teacher.publish("video", 1000)
        consumed = await student.subscribe(video)
        await student.receives(consumed)
        token = student.joined["resumeToken"]
        before = student.participant_id
        await student.socket.vanish()
        await student.receives(consumed)
        async with classmate(platform, STUDENT) as again:
            joined = await again.join("latin", resumeToken=token)
            assert (joined["resumed"], joined["participantId"]) == (True, before)
            assert [p["producerId"] for p in joined["participants"][0]["producers"]] == [video]
            await student.receives(consumed)
        assert "participant-left" not in [method for method, _ in teacher.socket.notified()]
