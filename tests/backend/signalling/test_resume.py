"""Seats that outlive their sockets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from backend import keys
from backend.domain.users import Role
from tests.support.backend import settings_for
from tests.support.live_backend import LiveBackend, Seat, running_backend
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("how", ["close", "vanish"])
async def test_a_seat_is_taken_back_with_its_media(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu, how: str
) -> None:
    own = await student.produce()
    before = await teacher.produce(ssrc=5)
    await getattr(student.client, how)()
    meanwhile = await teacher.produce("video", ssrc=7)
    listed = await teacher.client.request("get-participants")
    assert listed["count"] == 2
    client = await backend.socket("student")
    joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
    assert joined["resumed"] is True
    assert joined["participantId"] == student.id
    assert joined["resumeToken"] == student.joined["resumeToken"]
    (other,) = joined["participants"]
    assert [one["producerId"] for one in other["producers"]] == [before, meanwhile]
    assert [one["producerId"] for one in joined["self"]["producers"]] == [own]
    assert joined["routerRtpCapabilities"] == student.joined["routerRtpCapabilities"]
    await client.request("pause-producer", producerId=own)
    await teacher.client.notification("producer-paused")
    told = [method for method, _ in teacher.client.notified()]
    assert told == ["participant-joined", "new-producer", "producer-paused"]
    peers = (await sfu.get("/rooms/physics")).ok()["peers"]
    assert {peer["peerId"] for peer in peers} == {teacher.id, student.id}


async def test_the_newer_socket_wins_and_the_older_is_closed_for_good(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    client = await backend.socket("student")
    joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
    assert joined["resumed"] is True
    assert await student.client.closed() == 4000
    producer_id = await teacher.produce()
    assert (await client.notification("new-producer"))["producerId"] == producer_id
    assert [method for method, _ in teacher.client.notified()] == ["participant-joined"]


async def test_a_token_serves_its_own_user_only(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    client = await backend.socket("other")
    joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
    assert joined["resumed"] is False
    assert joined["participantId"] != student.id
    assert (await student.client.request("get-participants"))["count"] == 3


@pytest.mark.parametrize("token", ["", "wrong", "\ud800", "x" * 200])
async def test_a_token_that_fits_nobody_makes_a_new_seat(backend: LiveBackend, teacher: Seat, token: str) -> None:
    client = await backend.socket("student")
    joined = await client.request("join-room", roomId="physics", resumeToken=token)
    assert joined["resumed"] is False
    assert len(joined["resumeToken"]) > 30


@dataclass
class Impatient:
    backend: LiveBackend
    teacher: Seat


@pytest_asyncio.fixture(loop_scope="module")
async def impatient(database_url: str, sfu: RunningSfu) -> AsyncIterator[Impatient]:
    """A backend that keeps seats for a moment only."""
    settings = settings_for(database_url, sfu_url=sfu.url, resume_grace_s=0.2)
    async with running_backend(settings) as backend:
        yield Impatient(backend, await backend.joined("teacher", Role.TEACHER))


async def test_after_the_grace_the_seat_and_all_it_held_are_free(impatient: Impatient, sfu: RunningSfu) -> None:
    student = await impatient.backend.joined("student")
    producer_id = await student.produce()
    await student.client.vanish()
    teacher = impatient.teacher.client
    assert (await teacher.notification("producer-closed"))["producerId"] == producer_id
    assert await teacher.notification("participant-left") == {
        "participantId": student.id,
        "reason": "connection-lost",
    }
    assert (await teacher.request("get-participants"))["count"] == 1
    client = await impatient.backend.socket("student")
    joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
    assert joined["resumed"] is False
    await client.request("leave-room")
    await teacher.request("leave-room")
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0


async def test_attendance_left_open_by_an_earlier_run_is_closed(database_url: str, sfu: RunningSfu) -> None:
    settings = settings_for(database_url, sfu_url=sfu.url, resume_grace_s=0.2)
    async with running_backend(settings) as backend:
        old = await backend.joined("teacher", Role.TEACHER)
        await backend.server.app.shutdown()
        assert await old.client.closed() == 1012
    async with running_backend(settings) as backend:
        backend.tokens["teacher"] = await backend.sign_in("teacher@school.example")
        new = await backend.joined("teacher", Role.TEACHER)
        attendance = backend.server.app[keys.ATTENDANCE]
        async with asyncio.timeout(30):
            while len(seats := await attendance.open_seats()) > 1:
                await backend.call("GET", "/auth/profile", backend.tokens["teacher"])
        assert [row.participant_id for row in seats] == [new.id]


async def test_peers_from_before_a_restart_that_nobody_claims_are_removed(
    database_url: str, sfu: RunningSfu
) -> None:
    (await sfu.join("old-room", "ghost")).ok()
    settings = settings_for(database_url, sfu_url=sfu.url, resume_grace_s=0.2)
    async with sfu.events() as events, running_backend(settings) as backend:
        seat = await backend.joined("teacher", Role.TEACHER, "old-room")
        await events.until("peer-closed", peerId="ghost")
        peers = (await sfu.get("/rooms/old-room")).ok()["peers"]
        assert [peer["peerId"] for peer in peers] == [seat.id]
