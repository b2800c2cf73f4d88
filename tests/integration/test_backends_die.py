"""One of several backends dies or stops in mid-class: its clients come back elsewhere, and media never stops."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

import aiohttp
import psycopg
import pytest

from backend.storage.embedded import EmbeddedPostgres
from tests.support.classmate import Classmate, Json, classmate
from tests.support.protoo_client import ProtooClient, RequestError, connect
from tests.support.services import Platform, Service, running_platform
from tests.support.waiting import until

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"
WATCHER = "watcher@school.example"


@pytest.fixture(scope="module")
def running() -> Iterator[Platform]:
    with running_platform({"RESUME_GRACE_S": "6", "SFU_WORKERS": "1"}, backends=3) as platform:
        yield platform


@pytest.fixture
async def platform(running: Platform) -> AsyncIterator[Platform]:
    """Three backends, all up: those that a test ended are started again."""
    yield running
    for backend in running.backends:
        if backend.process is None:
            await asyncio.to_thread(backend.start)


class Class:
    """A teacher who sends video, and others who watch it, each connected to another backend."""

    def __init__(self, room: str, everybody: list[Classmate]) -> None:
        self.room = room
        self.everybody = everybody
        self.watched: list[Json] = []
        self.sockets: list[ProtooClient] = [one.socket for one in everybody]

    @property
    def teacher(self) -> Classmate:
        return self.everybody[0]

    @property
    def others(self) -> list[Classmate]:
        return self.everybody[1:]

    async def begin(self) -> None:
        for one in self.everybody:
            await one.join(self.room)
        video = await self.teacher.publish("video", 1000)
        self.watched = [await one.subscribe(video) for one in self.others]
        await self.media_flows()

    async def media_flows(self) -> None:
        for one, consumed in zip(self.others, self.watched, strict=True):
            await one.receives(consumed)

    async def come_back(self, one: Classmate, backend: Service) -> Json:
        """Take the seat back at another backend, as a client does: try until one answers."""
        one.socket = await connect(one.session, backend.url, token=one.token)
        self.sockets.append(one.socket)
        token = one.joined["resumeToken"]
        before = one.participant_id
        while True:
            try:
                one.joined = await one.socket.request("join-room", roomId=self.room, resumeToken=token)
                break
            except RequestError as refusal:
                if refusal.status != 503:
                    raise
        assert one.joined["resumed"] is True
        assert one.participant_id == before
        return one.joined

    async def goes_on(self) -> None:
        """See that the class is one class with everybody in it, and that nothing was lost on the way."""
        await self.media_flows()
        ids = {one.participant_id for one in self.everybody}
        for one in self.everybody:
            found = (await one.socket.request("get-participants"))["participants"]
            assert {each["participantId"] for each in found} == ids
            assert len(found) == len(ids)
        await self.teacher.socket.request("chat-message", text="still here")
        for one in self.everybody:
            assert (await one.socket.notification("chat-message"))["text"] == "still here"
        for one, consumed in zip(self.others, self.watched, strict=True):
            assert missing_packets(one, consumed) == 0
        told = [message for socket in self.sockets for message in socket.messages]
        methods = {message.get("method") for message in told}
        assert not methods & {"participant-left", "producer-closed", "consumer-closed", "sfu-restarted"}

    async def end(self) -> None:
        if self.teacher.socket.close_code is None:
            await self.teacher.socket.request("close-room")


def missing_packets(one: Classmate, consumed: Json) -> int:
    """Count the gaps in what somebody received of a consumer, from the first packet to the last."""
    ssrc = consumed["rtpParameters"]["encodings"][0]["ssrc"].to_bytes(4, "big")
    numbers = {int.from_bytes(packet[2:4], "big") for packet in one.peers["recv"].rtp if packet[8:12] == ssrc}
    first = next(int.from_bytes(packet[2:4], "big") for packet in one.peers["recv"].rtp if packet[8:12] == ssrc)
    unwrapped = {(number - first) & 0xFFFF for number in numbers}
    return max(unwrapped) + 1 - len(unwrapped)


@asynccontextmanager
async def class_at(room: str, platform: Platform, *backends: Service) -> AsyncIterator[Class]:
    """Begin a class with its home at the first backend."""
    first, second, third = backends
    async with (
        classmate(platform, TEACHER, "teacher", url=first.url) as teacher,
        classmate(platform, STUDENT, url=second.url) as student,
        classmate(platform, WATCHER, url=third.url) as watcher,
    ):
        lesson = Class(room, [teacher, student, watcher])
        await lesson.begin()
        yield lesson
        await lesson.end()


async def test_the_home_is_killed(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("home-killed", platform, home, edge, third) as lesson:
        old = [one.socket for one in lesson.everybody]
        await asyncio.to_thread(home.kill)
        assert [await socket.closed() for socket in old] == [1006, 1012, 1012]
        await asyncio.gather(
            *(
                lesson.come_back(one, backend)
                for one, backend in zip(lesson.everybody, (edge, third, edge), strict=True)
            )
        )
        await lesson.goes_on()


async def test_an_edge_is_killed(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("edge-killed", platform, home, edge, third) as lesson:
        student = lesson.others[0]
        await asyncio.to_thread(edge.kill)
        assert await student.socket.closed() == 1006
        await lesson.come_back(student, third)
        await lesson.goes_on()
        assert lesson.teacher.socket.close_code is None


async def test_the_home_stops_as_planned_and_hands_over(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("home-stops", platform, home, edge, third) as lesson:
        stopping = asyncio.create_task(asyncio.to_thread(home.stop))
        for one in lesson.everybody:
            await one.socket.notification("server-shutdown")
            assert await one.socket.closed() == 1012
        await asyncio.gather(
            *(
                lesson.come_back(one, backend)
                for one, backend in zip(lesson.everybody, (edge, third, edge), strict=True)
            )
        )
        await lesson.goes_on()
        assert await stopping == 0


async def test_an_edge_stops_as_planned(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("edge-stops", platform, home, edge, third) as lesson:
        student = lesson.others[0]
        stopping = asyncio.create_task(asyncio.to_thread(edge.stop))
        await student.socket.notification("server-shutdown")
        assert await student.socket.closed() == 1012
        await lesson.come_back(student, home)
        await lesson.goes_on()
        assert await stopping == 0


async def test_all_backends_but_one_are_killed_at_once(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("two-killed", platform, home, edge, third) as lesson:
        await asyncio.gather(*(asyncio.to_thread(each.kill) for each in (home, edge)))
        for one in lesson.everybody:
            await one.socket.closed()
        await asyncio.gather(*(lesson.come_back(one, third) for one in lesson.everybody))
        await lesson.goes_on()


async def test_seats_of_a_dead_home_are_freed_though_nobody_comes_back(platform: Platform) -> None:
    home, edge, third = platform.backends
    room = "nobody-back"
    async with (
        classmate(platform, TEACHER, "teacher", url=home.url) as teacher,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {teacher.token}"}) as session,
    ):
        await teacher.join(room)
        await asyncio.to_thread(home.kill)

        async def count(backend: Service) -> int:
            async with session.get(f"{backend.url}/api/v1/rooms/{room}") as answer:
                counted: int = (await answer.json())["participant_count"]
                return counted

        assert await count(edge) == 1

        async def is_empty() -> bool:
            return await count(edge) == 0 and await count(third) == 0

        await until(is_empty)


async def test_the_database_restarts_and_nobody_loses_a_home(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("database", platform, home, edge, third) as lesson:
        pid_file = next(platform.data_dir.glob("postgres/pg*/postmaster.pid"))
        before = pid_file.read_text().splitlines()[0]
        os.kill(int(before), signal.SIGINT)

        async def is_back() -> bool:
            await asyncio.sleep(0)
            up = pid_file.exists() and pid_file.read_text().splitlines()[0] != before
            return up and all([await asyncio.to_thread(each.is_healthy) for each in platform.backends])

        await until(is_back)
        await lesson.goes_on()
        assert [one.socket.close_code for one in lesson.everybody] == [None, None, None]


async def test_a_home_that_was_given_up_lets_its_clients_come_back_elsewhere(platform: Platform) -> None:
    home, edge, third = platform.backends
    async with class_at("given-up", platform, home, edge, third) as lesson:
        await asyncio.to_thread(_bury, platform, home)
        assert [await one.socket.closed() for one in lesson.everybody] == [1012, 1012, 1012]
        for one, backend in zip(lesson.everybody, (edge, third, home), strict=True):
            await lesson.come_back(one, backend)
        await lesson.goes_on()


def _bury(platform: Platform, backend: Service) -> None:
    """Take a backend out of the table, as another does that finds it dead."""
    server = EmbeddedPostgres(platform.data_dir)
    with closing(psycopg.connect(server.start(), autocommit=True)) as connection:
        connection.execute("DELETE FROM backends WHERE url = %s", [backend.url])
    server.stop()
