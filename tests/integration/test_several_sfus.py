"""Media servers that die, restart and drain in mid-class, with real packets and clients that help themselves.

One SFU of the platform is its own, the other runs beside it. Which of them a room is at, only the SFUs tell.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.support.services import Platform, Service, fresh_data_dir
from tests.support.sfu import SfuApi
from tests.support.steady import Steady, steady

pytestmark = pytest.mark.integration

BACK_WITHIN_S = 5.0
"""What is promised: video is back so soon after the media server answers."""

MOVED_WITHIN_S = 15.0
"""An SFU is given up after three seconds; the rest is for making everything anew on a loaded machine."""

STUDENTS = 3
KILLS = 8


@asynccontextmanager
async def platform_with(sfus: int) -> AsyncIterator[tuple[Platform, list[Service]]]:
    """Run a platform with so many SFUs."""
    with fresh_data_dir() as data_dir:
        settings = {"SFU_WORKERS": "1", "RESUME_GRACE_S": "5"}
        platform = Platform(data_dir, settings)
        services = [platform.sfu]
        for number in range(1, sfus):
            (data_dir / str(number)).mkdir()
            services.append(Platform(data_dir / str(number), settings).sfu)
        platform.backend.env["SFU_URL"] = ",".join(service.url for service in services)
        try:
            for other in services[1:]:
                await asyncio.to_thread(other.start)
            await asyncio.to_thread(platform.start)
            yield platform, services
        finally:
            await asyncio.to_thread(platform.stop)
            for other in services[1:]:
                await asyncio.to_thread(other.stop)


@asynccontextmanager
async def a_class(platform: Platform, room: str, students: int = STUDENTS) -> AsyncIterator[list[Steady]]:
    """Sit a teacher who sends a video and students who watch it into a room."""
    async with AsyncExitStack() as stack:
        teacher = await stack.enter_async_context(steady(platform, f"{room}@school.example", "teacher", 1000))
        await teacher.join(room)
        everybody = [teacher]
        for number in range(students):
            student = await stack.enter_async_context(steady(platform, f"{room}-{number}@school.example"))
            everybody.append(student)
            await student.join(room)
        await watching(everybody)
        yield everybody


async def watching(everybody: Sequence[Steady]) -> None:
    """Wait until all students see the teacher's video."""
    for student in everybody[1:]:
        await student.settled(1)
    await asyncio.gather(*(student.sees() for student in everybody[1:]))


async def rooms_at(service: Service) -> dict[str, Any]:
    """Return the rooms of an SFU with all they hold, by id; none when it is down."""
    async with aiohttp.ClientSession() as session:
        sfu = SfuApi(session, service.url)
        try:
            listed = (await sfu.get("/rooms")).ok()["rooms"]
            return {room["roomId"]: (await sfu.get(f"/rooms/{room['roomId']}?detail=1")).ok() for room in listed}
        except aiohttp.ClientError:
            return {}


async def assert_nothing_is_doubled(everybody: Sequence[Steady], room: str, services: Sequence[Service]) -> None:
    """Everybody is in the room once, at one SFU, with just what the class needs."""
    found = [(await rooms_at(service)).get(room) for service in services]
    [at] = [one for one in found if one is not None]
    teacher, *students = (one.me.participant_id for one in everybody)
    peers = {peer["peerId"]: peer for peer in at["peers"]}
    assert set(peers) == {teacher, *students}
    for peer_id, peer in peers.items():
        counts = [len(peer[kind]) for kind in ("transports", "producers", "consumers")]
        assert counts == ([1, 1, 0] if peer_id == teacher else [1, 0, 1]), (peer_id, counts)
    for one in everybody:
        listed = (await one.me.socket.request("get-participants"))["participants"]
        assert {entry["participantId"]: len(entry["producers"]) for entry in listed} == {
            teacher: 1,
            **dict.fromkeys(students, 0),
        }


async def test_the_sfu_restarts_in_mid_class_and_everybody_sees_again() -> None:
    async with platform_with(1) as (platform, services), a_class(platform, "physics") as everybody:
        for restarts in (1, 2):
            await asyncio.to_thread(services[0].kill)
            for one in everybody:
                await one.me.socket.notification("sfu-unavailable")
            await asyncio.to_thread(services[0].start)
            async with asyncio.timeout(BACK_WITHIN_S):
                while any(one.restarts < restarts for one in everybody):  # noqa: ASYNC110 - told by the server
                    await asyncio.sleep(0.01)
                await watching(everybody)
            assert [one.restarts for one in everybody] == [restarts] * len(everybody), "told once"
            await assert_nothing_is_doubled(everybody, "physics", services)
        left = [method for method, _ in everybody[0].me.socket.notified() if method == "participant-left"]
        assert left == []


async def test_one_of_two_dies_and_its_classes_go_on_at_the_other() -> None:
    async with (
        platform_with(2) as (platform, services),
        a_class(platform, "physics", 2) as physics,
        a_class(platform, "maths", 2) as maths,
    ):
        held = [set(await rooms_at(service)) for service in services]
        assert sorted(map(sorted, held)) == [["maths"], ["physics"]], "spread"
        classes = {"physics": physics, "maths": maths}
        [lost] = held[0]
        [other] = held[1]
        await asyncio.to_thread(services[0].kill)
        async with asyncio.timeout(MOVED_WITHIN_S):
            while any(one.restarts < 1 for one in classes[lost]):  # noqa: ASYNC110 - told by the server
                await asyncio.sleep(0.01)
            await watching(classes[lost])
        await watching(classes[other])
        assert [one.restarts for one in classes[lost]] == [1] * 3
        assert [method for one in classes[other] for method, _ in one.me.socket.notified()].count(
            "sfu-unavailable"
        ) == 0, "the other class has noticed nothing"
        await asyncio.to_thread(services[0].start)
        async with aiohttp.ClientSession(platform.backend.url) as session, session.get("/metrics") as metrics:
            text = await metrics.text()
        assert f'vtp_backend_sfu_rooms{{sfu="{services[1].url}"}} 2.0' in text
        for room, everybody in classes.items():
            await assert_nothing_is_doubled(everybody, room, services)
            assert all(one.restarts <= 1 for one in everybody)


async def test_an_sfu_that_drains_ends_with_its_last_class_and_nobody_is_disturbed() -> None:
    async with platform_with(2) as (platform, services), AsyncExitStack() as stack:
        physics = await stack.enter_async_context(a_class(platform, "physics", 1))
        [drained] = [service for service in services if await rooms_at(service)]
        [other] = [service for service in services if service is not drained]
        assert drained.process is not None
        drained.process.send_signal(signal.SIGTERM)
        for room in ("maths", "chemistry"):
            await stack.enter_async_context(a_class(platform, room, 1))
        assert set(await rooms_at(other)) == {"maths", "chemistry"}
        late = await stack.enter_async_context(steady(platform, "late@school.example"))
        await late.join("physics")
        await watching([*physics, late])
        assert await asyncio.to_thread(drained.process.poll) is None
        for one in [*physics, late]:
            assert one.restarts == 0
            await one.me.socket.request("leave-room")
        assert await asyncio.to_thread(drained.process.wait, 20) == 0
        drained.process = None
        async with aiohttp.ClientSession(platform.backend.url) as session, session.get("/health") as health:
            assert (await health.json())["sfu"] == "ok"
        again = await stack.enter_async_context(steady(platform, "again@school.example"))
        await again.join("physics")
        assert set(await rooms_at(other)) == {"maths", "chemistry", "physics"}


@pytest.mark.parametrize("sfus", [1, 2])
async def test_an_sfu_dies_again_and_again_while_people_come_and_send(sfus: int) -> None:
    chance = random.Random(7)  # noqa: S311 - it picks moments, it guards nothing
    async with platform_with(sfus) as (platform, services), AsyncExitStack() as stack:
        everybody: list[Steady] = []
        joins: list[asyncio.Task[None]] = []
        for number in range(KILLS):
            victim = chance.choice(services)
            ssrc = 1000 + 10 * number
            one = await stack.enter_async_context(steady(platform, f"t{number}@school.example", "teacher", ssrc))
            everybody.append(one)
            joins.append(asyncio.create_task(one.join("physics")))
            await asyncio.sleep(chance.uniform(0, 0.5))
            await asyncio.to_thread(victim.kill)
            await asyncio.to_thread(victim.start)
        async with asyncio.timeout(60):
            await asyncio.gather(*joins)
            for one in everybody:
                await one.settled(KILLS - 1)
            await asyncio.gather(*(one.sees() for one in everybody))
        [at] = [rooms["physics"] for rooms in [await rooms_at(one) for one in services] if "physics" in rooms]
        assert {peer["peerId"] for peer in at["peers"]} == {one.me.participant_id for one in everybody}
        for peer in at["peers"]:
            held = [len(peer[kind]) for kind in ("transports", "producers", "consumers")]
            assert held == [2, 1, KILLS - 1], held
        listed = (await everybody[0].me.socket.request("get-participants"))["participants"]
        assert {entry["participantId"] for entry in listed} == {one.me.participant_id for one in everybody}
