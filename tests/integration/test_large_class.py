"""A class that is on two media workers of the SFU, one of which dies."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import aiohttp
import psutil
import pytest

from tests.support.classmate import classmate
from tests.support.services import Platform, running_platform

pytestmark = pytest.mark.integration


@pytest.fixture
def platform() -> Iterator[Platform]:
    with running_platform({"SFU_WORKERS": "2", "SFU_ROOM_SPREAD": "1"}) as platform:
        yield platform


async def workers_of(platform: Platform, room: str) -> list[int]:
    """The process ids of the workers that a room is on, home first."""
    async with aiohttp.ClientSession(platform.sfu.url) as session, session.get(f"/rooms/{room}") as answer:
        indexes = (await answer.json())["workers"]
    pids = {}
    for process in psutil.Process(platform.sfu.pid).children():
        command = process.cmdline()
        if "--config" in command:
            pids[json.loads(command[command.index("--config") + 1])["workerIndex"]] = process.pid
    return [pids[index] for index in indexes]


async def test_only_who_received_by_the_dead_worker_starts_over(platform: Platform) -> None:
    async with (
        classmate(platform, "teacher@school.example", "teacher") as teacher,
        classmate(platform, "near@school.example") as near,
        classmate(platform, "far@school.example") as far,
    ):
        for someone in (teacher, near, far):
            await someone.join("physics")
        video = await teacher.publish("video", 1000)
        for someone in (near, far):
            await someone.receives(await someone.subscribe(video))
        home, other = await workers_of(platform, "physics")
        os.kill(other, signal.SIGKILL)
        await far.socket.notification("sfu-restarted")
        await far.socket.notification("new-producer", producerId=video)
        await asyncio.gather(*(peer.close(politely=False) for peer in far.peers.values()))
        far.peers.clear()
        await far.receives(await far.subscribe(video))
        voice = await teacher.publish("audio", 2000)
        for someone in (near, far):
            await someone.receives(await someone.subscribe(voice))
        for someone in (teacher, near):
            assert "sfu-restarted" not in [name for name, _ in someone.socket.notified()]
        assert (await workers_of(platform, "physics"))[0] == home
