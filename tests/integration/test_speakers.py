"""Who speaks, from real packets over both services to what everybody in the class is told."""

from collections.abc import Iterator

import pytest

from tests.support.classmate import classmate
from tests.support.conversation import room_noise, seeded, speech
from tests.support.services import Platform, running_platform

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"
OTHER = "other@school.example"


@pytest.fixture(scope="module")
def quiet_platform() -> Iterator[Platform]:
    with running_platform({"SFU_AUDIO_LAST_N": "1", "SFU_WORKERS": "1"}) as platform:
        yield platform


async def test_everybody_is_told_who_speaks_and_whose_turn_is_next(platform: Platform) -> None:
    rng = seeded(1)
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("rhetoric", roomName="Rhetoric")
        await student.join("rhetoric")
        await student.publish("audio", 3000, room_noise(rng, 10))
        spoken = await teacher.publish("audio", 1000, speech(rng, 20))
        for person in (teacher, student):
            told = await person.socket.notification("active-speaker")
            assert told == {
                "participantId": teacher.participant_id,
                "producerId": spoken,
                "volume": told["volume"],
            }
            assert -45 < told["volume"] < -15
        await teacher.socket.request("pause-producer", producerId=spoken)
        answer = await student.publish("audio", 4000, speech(rng, 20))
        for person in (teacher, student):
            told = await person.socket.notification("active-speaker")
            assert (told["participantId"], told["producerId"]) == (student.participant_id, answer)


async def test_only_the_loudest_is_forwarded_where_that_is_set(quiet_platform: Platform) -> None:
    async with (
        classmate(quiet_platform, TEACHER, "teacher") as teacher,
        classmate(quiet_platform, STUDENT) as student,
        classmate(quiet_platform, OTHER) as other,
    ):
        await teacher.join("choir", roomName="Choir")
        for one in (student, other):
            await one.join("choir")
        soft = await teacher.subscribe(await student.publish("audio", 3000, [60]))
        await teacher.receives(soft)
        loud = await teacher.subscribe(await other.publish("audio", 4000, [100]))
        await teacher.receives(loud)
        ssrc = soft["rtpParameters"]["encodings"][0]["ssrc"].to_bytes(4, "big")
        before = len(teacher.peers["recv"].rtp)
        await teacher.receives(loud, packets=20)
        assert not [packet for packet in teacher.peers["recv"].rtp[before:] if packet[8:12] == ssrc]
