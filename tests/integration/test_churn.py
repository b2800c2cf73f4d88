"""Nothing is left of those who came and went: rooms, transports, sockets, memory."""

import asyncio
import re
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import Eventually
from tests.support.classmate import Classmate, classmate
from tests.support.services import Platform
from tests.support.sfu import SfuApi

pytestmark = pytest.mark.integration

JOINS = 200
AT_ONCE = 20
GROWTH_ALLOWED_BYTES = 8 << 20
"""Allocators keep some of what they were given. A leak of one whole seat a join (a transport is about 200 kB with
its DTLS) would be 40 MB."""

KEPT_ALIVE = AT_ONCE
"""Idle connections that services may keep to each other for a while. A leak of one file a join would be 200."""


def processes(platform: Platform) -> list[psutil.Process]:
    roots = [psutil.Process(platform.sfu.pid), psutil.Process(platform.backend.pid)]
    return [process for root in roots for process in (root, *root.children(recursive=True)) if is_ours(process)]


def is_ours(process: psutil.Process) -> bool:
    return "postgres" not in process.name()


def resident(platform: Platform) -> dict[str, int]:
    return {f"{p.name()} {p.pid}": p.memory_info().rss for p in processes(platform)}


def open_files(platform: Platform) -> dict[int, int]:
    return {process.pid: len(list(Path(f"/proc/{process.pid}/fd").iterdir())) for process in processes(platform)}


async def come_and_go(platform: Platform, number: int) -> None:
    async with classmate(platform, f"student{number % AT_ONCE}@school.example") as student:
        await student.join("busy")
        await student.publish("audio", 1000 + number)
        await student.socket.request("leave-room")
        assert await student.socket.closed() == 4000


async def wave(platform: Platform, count: int) -> None:
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(come_and_go(platform, number) for number in range(first, first + AT_ONCE)))


async def nothing_but(teacher: Classmate, sfu: SfuApi) -> bool:
    rooms = (await sfu.get("/rooms")).ok()
    metrics: str = (await sfu.get("/metrics")).body
    left = [
        line for line in metrics.splitlines() if re.match(r"vtp_sfu_(transports|producers|consumers)[{ ]", line)
    ]
    assert len(left) == 5, left
    return rooms["totalRooms"] == 1 and rooms["totalPeers"] == 1 and all(line.endswith(" 0.0") for line in left)


async def test_two_hundred_joins_and_leaves_leave_nothing(
    platform: Platform, sfu: SfuApi, eventually: Eventually
) -> None:
    async with classmate(platform, "teacher@school.example", "teacher") as teacher:
        await teacher.join("busy")
        await wave(platform, 3 * AT_ONCE)  # what is made once and kept is made by now

        async def settled() -> bool:
            return await nothing_but(teacher, sfu)

        await eventually(settled)
        files, memory = open_files(platform), resident(platform)
        await wave(platform, JOINS)
        await eventually(settled)
        participants = (await teacher.socket.request("get-participants"))["participants"]
        assert [one["participantId"] for one in participants] == [teacher.participant_id]

        async def no_more_files() -> bool:
            now = open_files(platform)
            return all(now[pid] <= count + KEPT_ALIVE for pid, count in files.items())

        await eventually(no_more_files)
        grown = {name: resident(platform)[name] - before for name, before in memory.items()}
        assert all(growth < GROWTH_ALLOWED_BYTES for growth in grown.values()), grown
        joined = [method for method, _ in teacher.socket.notified() if method == "participant-joined"]
        left = [method for method, _ in teacher.socket.notified() if method == "participant-left"]
        assert len(joined) == len(left) == 3 * AT_ONCE + JOINS
        await teacher.socket.request("leave-room")
