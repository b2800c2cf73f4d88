"""Everything killed in turn with SIGKILL, at random moments of a class that goes on: consistent afterwards."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.classmate import Classmate, Json, classmate
from tests.support.protoo_client import RequestError, connect
from tests.support.services import Platform, running_platform
from tests.support.sfu import SfuApi
from tests.support.survivor import LOST, Survivor, survivor

pytestmark = pytest.mark.integration

Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]

ROOM = "physics"
KILLS = 20
VICTIMS = ("backend", "sfu", "postgres", "worker")
STUDENTS = 2
MOST_BETWEEN_S = 1.5
"""A kill may come before the class has recovered from the one before."""

WELL_WITHIN_S = 60.0
"""Only bounds a test that hangs."""


@pytest.fixture
def platform() -> Iterator[Platform]:
    with running_platform({"RESUME_GRACE_S": "15", "SFU_WORKERS": "1", "PEER_TIMEOUT_S": "5"}) as platform:
        yield platform


async def test_twenty_kills_leave_everything_consistent(platform: Platform, eventually: Eventually) -> None:
    rng = random.Random()  # noqa: S311 - it chooses moments, it guards nothing
    async with a_class(platform) as everybody:
        await well(everybody)
        visits: list[str] = []
        visiting = asyncio.create_task(visit_again_and_again(platform, visits))
        for victim in in_turn(rng):
            await asyncio.sleep(rng.uniform(0, MOST_BETWEEN_S))
            await kill(platform, victim, eventually)
            if rng.random() < 0.5:
                await well(everybody)
        visiting.cancel()
        await asyncio.gather(visiting, return_exceptions=True)
        await well(everybody)
        seats = [one.me.participant_id for one in everybody]
        assert [one.lost_seats for one in everybody] == [0] * len(everybody), "everybody came back to the seat"
        assert not {gone for one in everybody for gone in one.gone} & set(seats), "nobody was said to have left"
        assert visits, "somebody came and went"
        assert all(one.said for one in everybody), "everybody could say something"
        await only_these_sit(platform, everybody, seats)
        await everything_confirmed_is_kept(everybody)
        for one in everybody:
            await one.close()
            await one.me.socket.request("leave-room")
    await nothing_is_left(platform, eventually)


def in_turn(rng: random.Random) -> Iterator[str]:
    """Name each victim equally often, in an order that is new in each round."""
    rounds = (rng.sample(VICTIMS, len(VICTIMS)) for _ in range(KILLS // len(VICTIMS)))
    return itertools.chain.from_iterable(rounds)


async def kill(platform: Platform, victim: str, eventually: Eventually) -> None:
    """Kill one part; the services are started again at once, the other two come back by themselves."""
    if victim in {"backend", "sfu"}:
        service = getattr(platform, victim)
        await asyncio.to_thread(service.kill)
        await asyncio.to_thread(service.start)
        return

    async def runs() -> bool:
        return bool(pids_of(platform, victim))

    await eventually(runs)
    for pid in pids_of(platform, victim):
        os.kill(pid, signal.SIGKILL)


def pids_of(platform: Platform, victim: str) -> list[int]:
    return workers_of(platform.sfu.pid) if victim == "worker" else postmasters(platform.data_dir)


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def postmasters(data_dir: Path) -> list[int]:
    """Return the process of the embedded database; none while it is down."""
    pids = [int(path.read_text().split()[0]) for path in data_dir.glob("**/postmaster.pid")]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@asynccontextmanager
async def a_class(platform: Platform) -> AsyncIterator[list[Survivor]]:
    """Sit a teacher who sends a video and students who watch it into the room."""
    async with AsyncExitStack() as stack:
        sending = survivor(platform, ROOM, "teacher@school.example", "teacher", 1000)
        everybody = [await stack.enter_async_context(sending)]
        for number in range(STUDENTS):
            watching = survivor(platform, ROOM, f"student-{number}@school.example")
            everybody.append(await stack.enter_async_context(watching))
        yield everybody


async def well(everybody: Sequence[Survivor]) -> None:
    """Wait until everybody sits, the teacher sends and all students see the video."""
    async with asyncio.timeout(WELL_WITHIN_S):
        await asyncio.gather(*(one.well(0 if number == 0 else 1) for number, one in enumerate(everybody)))


async def visit_again_and_again(platform: Platform, visits: list[str]) -> None:
    """Come, open a transport and leave, over and over: somebody is always half way when something dies."""
    async with classmate(platform, "visitor@school.example") as me:
        while True:
            try:
                visits.append(await visit(me))
            except (RequestError, *LOST):
                await asyncio.sleep(0.1)


async def visit(me: Classmate) -> str:
    await me.drop_media()
    me.transports.clear()
    await me.socket.close()
    me.socket = await connect(me.session, me.url, token=me.token)
    await me.join(ROOM)
    await me.socket.request("create-transport", direction="send")
    await me.socket.request("leave-room")
    return me.participant_id


async def only_these_sit(platform: Platform, everybody: Sequence[Survivor], seats: Sequence[str]) -> None:
    """All who ask, and the SFU, say the same; the visitor's last seat may still be in its grace."""
    for one in everybody:
        listed = (await one.me.socket.request("get-participants"))["participants"]
        assert {
            entry["participantId"]: len(entry["producers"]) for entry in listed if entry["participantId"] in seats
        } == {seat: int(number == 0) for number, seat in enumerate(seats)}
        assert {entry["fullName"] for entry in listed if entry["participantId"] not in seats} <= {"Visitor"}
    async with aiohttp.ClientSession() as session:
        [room] = (await SfuApi(session, platform.sfu.url).get("/rooms")).ok()["rooms"]
        assert room["roomId"] == ROOM
        peers = (await SfuApi(session, platform.sfu.url).get(f"/rooms/{ROOM}?detail=1")).ok()["peers"]
    held = {
        peer["peerId"]: [len(peer[kind]) for kind in ("transports", "producers", "consumers")] for peer in peers
    }
    assert {seat: held[seat] for seat in seats} == {
        seat: [1, 1, 0] if number == 0 else [1, 0, 1] for number, seat in enumerate(seats)
    }, "nothing is doubled, nothing is gone"


async def everything_confirmed_is_kept(everybody: Sequence[Survivor]) -> None:
    """Each confirmed message is there once, in its sender's order; a refused one is not."""
    teacher = everybody[0].me
    texts = [item["text"] for item in await all_items(teacher, "messages")]
    assert len(texts) == len(set(texts)), "stored once"
    for one in everybody:
        own = [text for text in texts if text.startswith(one.me.participant_id)]
        assert own == sorted(own, key=lambda text: int(text.split()[1]))
        assert set(one.said) <= set(own), "what was confirmed is kept"
        assert not set(one.refused) & set(own), "what was refused is not"
    attendance = {item["participant_id"]: item for item in await all_items(teacher, "attendance")}
    for one in everybody:
        assert attendance[one.me.participant_id]["left_at"] is None


async def all_items(me: Classmate, what: str) -> list[Json]:
    headers = {"Authorization": f"Bearer {me.token}"}
    items: list[Json] = []
    for page in itertools.count(1):
        url = f"{me.url}/api/v1/rooms/{ROOM}/{what}?per_page=200&page={page}"
        async with me.session.get(url, headers=headers) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        items += body["items"]
        if len(items) >= body["total"]:
            return items
    raise AssertionError("unreachable")


async def nothing_is_left(platform: Platform, eventually: Eventually) -> None:
    """When everybody has left, no room, seat or open attendance remains; the visitor's last seat has its grace."""
    async with classmate(platform, "teacher@school.example", "teacher") as teacher:

        async def no_rooms() -> bool:
            return (await SfuApi(teacher.session, platform.sfu.url).get("/rooms")).ok()["rooms"] == []

        async def nobody_is_there() -> bool:
            rows = await all_items(teacher, "attendance")
            return all(row["left_at"] is not None for row in rows)

        await eventually(no_rooms)
        await eventually(nobody_is_there)
        headers = {"Authorization": f"Bearer {teacher.token}"}
        async with teacher.session.get(f"{teacher.url}/api/v1/rooms/{ROOM}", headers=headers) as answer:
            assert (await answer.json())["participant_count"] == 0
