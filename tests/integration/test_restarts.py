"""Each service restarts alone while the other goes on."""

import asyncio
import itertools
from collections.abc import Iterator

import aiohttp
import pytest

from tests.integration.conftest import Eventually
from tests.support.classmate import PASSWORD, Classmate, Json, classmate, sign_in, sign_up
from tests.support.services import Platform, running_platform
from tests.support.sfu import SfuApi

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"

BACK_WITHIN_S = 5.0
"""How soon after the backend answers everybody must be back in the seat."""


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


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_class_goes_on_over_a_restart_of_the_backend(platform: Platform, how: str, sfu: SfuApi) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        video = await teacher.publish("video", 1000)
        voice = await student.publish("audio", 3000, levels=[20])
        consumed = await student.subscribe(video)
        heard = await teacher.subscribe(voice)
        await student.socket.request("raise-hand", raised=True)
        before = (teacher.joined, student.joined, await held_at(sfu, "physics"))
        await student.receives(consumed)

        await asyncio.to_thread(getattr(platform.backend, how))
        for someone in (teacher, student):
            assert await someone.socket.closed() == (1012 if how == "stop" else 1006)
        await student.receives(consumed, packets=50)
        await asyncio.to_thread(platform.backend.start)
        async with asyncio.timeout(BACK_WITHIN_S):
            await asyncio.gather(teacher.come_back(), student.come_back())
        await asyncio.gather(student.receives(consumed, packets=50), teacher.receives(heard, packets=50))

        for someone, former in zip((teacher, student), before, strict=False):
            assert someone.joined["resumed"] is True
            assert someone.participant_id == former["participantId"]
            assert someone.joined["routerRtpCapabilities"] == former["routerRtpCapabilities"]
            assert told(someone) == [], "nobody left, nobody came, and nothing is new"
        assert producers_of(student.joined["participants"]) == producers_of([teacher.joined["self"]]) == [video]
        assert producers_of(teacher.joined["participants"]) == producers_of([student.joined["self"]]) == [voice]
        assert teacher.joined["participants"][0]["handRaised"] is True
        assert await held_at(sfu, "physics") == before[2], "nothing is doubled, nothing is gone"
        for listener, stream in ((student, consumed), (teacher, heard)):
            assert_gapless(listener.sequence(stream))
            assert len({packet[8:12] for packet in listener.peers["recv"].rtp}) == 1, "one SSRC throughout"
        await control(student, consumed)
        await who_comes_later_sees_everything_once(platform, teacher, student, {video, voice})


async def control(student: Classmate, consumed: Json) -> None:
    """Consumers from before the restart do as they are told."""
    for method in ("pause-consumer", "request-key-frame", "resume-consumer"):
        await student.socket.request(method, consumerId=consumed["consumerId"])
    await student.receives(consumed)
    stats = await student.socket.request("get-stats", consumerId=consumed["consumerId"])
    assert stats["stats"]


async def who_comes_later_sees_everything_once(
    platform: Platform, teacher: Classmate, student: Classmate, producers: set[str]
) -> None:
    async with classmate(platform, "late@school.example") as late:
        answer = await late.join("physics")
        assert {one["participantId"] for one in answer["participants"]} == {
            teacher.participant_id,
            student.participant_id,
        }
        assert set(producers_of(answer["participants"])) == producers
        new = await teacher.publish("audio", 5000)
        for someone in (student, late):
            await someone.socket.notification("new-producer", producerId=new)
            await someone.socket.request("get-participants")  # whatever was told before it has come by now
            assert [data["producerId"] for method, data in told(someone) if method == "new-producer"] == [new]
        await late.socket.request("leave-room")
    await teacher.socket.notification("participant-left")


async def test_who_does_not_come_back_after_a_restart_leaves_when_the_grace_is_over(
    platform: Platform, sfu: SfuApi, eventually: Eventually
) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        voice = await student.publish("audio", 3000)
        await asyncio.to_thread(platform.backend.kill)
        await asyncio.to_thread(platform.backend.start)
        await teacher.come_back()
        left = {"participantId": student.participant_id, "reason": "connection-lost"}
        assert await teacher.socket.notification("participant-left") == left
        assert [method for method, _ in told(teacher)] == ["producer-closed", "participant-left"]
        assert producers_of(teacher.joined["participants"]) == [voice]
        headers = {"Authorization": f"Bearer {teacher.token}"}
        url = f"{platform.backend.url}/api/v1/rooms/physics/attendance"
        async with teacher.session.get(url, headers=headers) as answer:
            rows = {row["participant_id"]: row["left_at"] for row in (await answer.json())["items"]}
        assert rows[teacher.participant_id] is None
        assert rows[student.participant_id] is not None

        async def only_the_teacher() -> bool:
            return set(await held_at(sfu, "physics")) == {teacher.participant_id}

        await eventually(only_the_teacher)


async def held_at(sfu: SfuApi, room: str) -> dict[str, dict[str, list[str]]]:
    """Return the ids of all that the SFU holds of a room, by peer."""
    peers = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
    return {
        peer["peerId"]: {
            "transports": [one["transportId"] for one in peer["transports"]],
            "producers": [one["producerId"] for one in peer["producers"]],
            "consumers": [one["consumerId"] for one in peer["consumers"]],
        }
        for peer in peers
    }


def producers_of(participants: list[Json]) -> list[str]:
    return [producer["producerId"] for one in participants for producer in one["producers"]]


def told(someone: Classmate) -> list[tuple[str, Json]]:
    """Return what somebody was told of others since the last socket was opened."""
    of_media = {"active-speaker", "consumer-layers-changed", "producer-layers-wanted"}
    return [(method, data) for method, data in someone.socket.notified() if method not in of_media]


def assert_gapless(sequence: list[int]) -> None:
    steps = {(after - before) & 0xFFFF for before, after in itertools.pairwise(sequence)}
    assert steps == {1}, "every packet came, once and in order"


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
