"""Each service restarts alone while the other goes on."""

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest

from tests.support.classmate import PASSWORD, classmate, sign_in, sign_up
from tests.support.services import Platform, running_platform

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with running_platform({"RESUME_GRACE_S": "3", "SFU_WORKERS": "1"}) as platform:
        yield platform


async def test_the_sfu_stops_and_starts_while_the_class_waits(platform: Platform) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        video = await teacher.publish("video", 1000)
        await student.receives(await student.subscribe(video))
        await asyncio.to_thread(platform.sfu.stop)
        await teacher.socket.notification("sfu-unavailable")
        refusal = await teacher.socket.refused("create-transport", direction="send")
        assert (refusal.status, refusal.code) == (503, "SFU_UNAVAILABLE")
        async with aiohttp.ClientSession(platform.backend.url) as session, session.get("/health") as health:
            assert health.status == 200
            assert (await health.json())["sfu"] == "unavailable"
        assert len((await student.socket.request("get-participants"))["participants"]) == 2
        await asyncio.to_thread(platform.sfu.start)
        await teacher.socket.notification("sfu-restarted")
        await student.socket.notification("sfu-restarted")
        for someone in (teacher, student):
            for peer in someone.peers.values():
                await peer.close(politely=False)
            someone.peers.clear()
        video = await teacher.publish("video", 1000)
        await student.receives(await student.subscribe(video))


async def test_media_flows_while_the_backend_restarts_and_everybody_can_sign_in_after(platform: Platform) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        video = await teacher.publish("video", 1000)
        consumed = await student.subscribe(video)
        await student.receives(consumed)
        await asyncio.to_thread(platform.backend.stop)
        await student.socket.notification("server-shutdown")
        assert await student.socket.closed() == 1012
        await student.receives(consumed)
        await asyncio.to_thread(platform.backend.start)
        await student.receives(consumed)
        async with aiohttp.ClientSession() as session:
            await sign_up(session, platform.backend.url, STUDENT)
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("chemistry")
        await student.join("chemistry")
        video = await teacher.publish("video", 1000)
        await student.receives(await student.subscribe(video))


async def test_a_killed_backend_leaves_a_database_that_recovers(platform: Platform) -> None:
    async with aiohttp.ClientSession() as session:
        await sign_up(session, platform.backend.url, STUDENT)
        await asyncio.to_thread(platform.backend.kill)
        await asyncio.to_thread(platform.backend.start)
        assert await sign_in(session, platform.backend.url, STUDENT, PASSWORD), "the account is still there"
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        video = await teacher.publish("video", 1000)
        await student.receives(await student.subscribe(video))
