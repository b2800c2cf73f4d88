"""Two unmodified pymediasoup clients in one class: each decodes what the other sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.classmate import sign_up
from tests.support.protoo_client import connect
from tests.support.pymediasoup_class import MEDIA_WITHIN_S, Bars, MediasoupParticipant, Tone, hears, sees
from tests.support.services import Platform

pytestmark = pytest.mark.interop

ROOM = "interop"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    running = Platform(tmp_path / "platform", {"SFU_WORKERS": "1"})
    await asyncio.to_thread(running.start)
    yield running
    await asyncio.to_thread(running.stop)


@asynccontextmanager
async def participant(platform: Platform, name: str, role: str) -> AsyncIterator[MediasoupParticipant]:
    """Sign somebody in and take a seat."""
    async with aiohttp.ClientSession() as session:
        token = await sign_up(session, platform.backend.url, f"{name}@school.example", role)
        somebody = MediasoupParticipant(await connect(session, platform.backend.url, token=token))
        try:
            await somebody.open(ROOM)
            yield somebody
        finally:
            await somebody.close()


async def test_each_decodes_what_the_other_sends(platform: Platform) -> None:
    tracks = {"teacher": (Tone(600), Bars(40)), "student": (Tone(1500), Bars(120))}
    async with (
        participant(platform, "teacher", "teacher") as teacher,
        participant(platform, "student", "student") as student,
    ):
        sent = {
            who: [await somebody.publish(track) for track in tracks[who]]
            for who, somebody in (("teacher", teacher), ("student", student))
        }
        for other, whose in ((student, "teacher"), (teacher, "student")):
            announced = [(await other.client.notification("new-producer"))["producerId"] for _ in sent[whose]]
            assert announced == sent[whose]
        teachers_sound, teachers_picture = [await student.receive(one) for one in sent["teacher"]]
        students_sound, students_picture = [await teacher.receive(one) for one in sent["student"]]
        await asyncio.gather(
            hears(teachers_sound, 600),
            sees(teachers_picture, 40),
            hears(students_sound, 1500),
            sees(students_picture, 120),
        )
        await teacher.client.request("leave-room")
        left = await student.client.notification("participant-left")
        assert left == {"participantId": teacher.joined["participantId"], "reason": "left"}
    for pair in tracks.values():
        for track in pair:
            track.stop()


async def test_each_reads_what_the_other_writes(platform: Platform) -> None:
    async with (
        participant(platform, "teacher", "teacher") as teacher,
        participant(platform, "student", "student") as student,
    ):
        pairs = []
        for writer, reader in ((teacher, student), (student, teacher)):
            producer = await writer.publish_data("chat")
            announced = await reader.client.notification("new-data-producer", label="chat")
            assert announced["dataProducerId"] == producer.id
            read: asyncio.Queue[str | bytes] = asyncio.Queue()
            consumer = await reader.receive_data(producer.id)
            consumer.on("message", read.put_nowait)
            pairs.append((producer, read))
        async with asyncio.timeout(MEDIA_WITHIN_S):
            for producer, read in pairs:
                while not read.qsize():  # what is said before both ends are open is lost
                    if producer.readyState == "open":
                        producer.send("are you there?")
                    await asyncio.sleep(0.05)
                for message in ("text", b"\x00bytes", "\u00e9" * 50_000):
                    producer.send(message)
                    while (heard := await read.get()) == "are you there?":
                        pass
                    assert heard == message
