"""The SFU as a process of its own that stops, hangs and comes back while a class is on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.domain.users import Role
from backend.sfu_client import SfuPool
from tests.support.backend import settings_for
from tests.support.data_peer import data_peer
from tests.support.data_seat import connect_data, consume_data, produce_data
from tests.support.live_backend import LiveBackend, Seat, running_backend
from tests.support.services import Platform, Service


@dataclass
class Setting:
    """A class whose SFU can be taken away."""

    sfu: Service
    backend: LiveBackend
    teacher: Seat
    student: Seat


@pytest.fixture
async def setting(tmp_path: Path, database_url: str) -> AsyncIterator[Setting]:
    sfu = Platform(tmp_path, {"SFU_WORKERS": "1"}).sfu
    await asyncio.to_thread(sfu.start)
    try:
        async with running_backend(settings_for(database_url, sfu_url=sfu.url)) as backend:
            teacher = await backend.joined("teacher", Role.TEACHER)
            yield Setting(sfu, backend, teacher, await backend.joined("student"))
    finally:
        await asyncio.to_thread(sfu.stop)


async def until_available(backend: LiveBackend) -> None:
    """Wait until the SFU can be asked."""
    sfu = backend.presence._sfu
    assert isinstance(sfu, SfuPool)
    [member] = sfu._members
    assert member.client._follower is not None
    assert await member.client._follower.wait_connected(30)


async def test_seats_stay_while_the_sfu_is_away_and_media_start_over_when_it_is_back(setting: Setting) -> None:
    teacher, student = setting.teacher, setting.student
    await teacher.produce()
    await asyncio.to_thread(setting.sfu.stop)
    for seat in (teacher, student):
        await seat.client.notification("sfu-unavailable")
    refusal = await teacher.client.refused("create-transport", direction="send")
    assert (refusal.status, refusal.code) == (503, "SFU_UNAVAILABLE")
    newcomer = await setting.backend.socket("newcomer")
    refusal = await newcomer.refused("join-room", roomId="physics")
    assert (refusal.status, refusal.code) == (503, "SFU_UNAVAILABLE")
    assert (await student.client.request("get-participants"))["count"] == 2
    await student.client.request("raise-hand", raised=True)
    await teacher.client.notification("participant-updated")
    await asyncio.to_thread(setting.sfu.start)
    for seat in (teacher, student):
        await seat.client.notification("sfu-restarted")
        methods = [method for method, _ in seat.client.notified()]
        assert "producer-closed" not in methods
        assert methods.index("sfu-unavailable") < methods.index("sfu-restarted")
    producer_id = await teacher.produce()
    await student.client.notification("new-producer", producerId=producer_id)
    await student.consume(producer_id)
    joined = await newcomer.request("join-room", roomId="physics")
    listed = [one["producerId"] for other in joined["participants"] for one in other["producers"]]
    assert listed == [producer_id]


async def test_a_seat_is_taken_back_while_the_sfu_is_away(setting: Setting) -> None:
    await asyncio.to_thread(setting.sfu.kill)
    await setting.student.client.notification("sfu-unavailable")
    await setting.student.client.vanish()
    client = await setting.backend.socket("student")
    joined = await client.request("join-room", roomId="physics", resumeToken=setting.student.joined["resumeToken"])
    assert joined["resumed"] is True
    assert joined["routerRtpCapabilities"] == setting.student.joined["routerRtpCapabilities"]
    await client.notification("sfu-unavailable")
    await asyncio.to_thread(setting.sfu.start)
    await client.notification("sfu-restarted")
    await client.request("create-transport", direction="recv")


async def test_data_channels_are_made_anew_when_it_is_back(setting: Setting) -> None:
    teacher, student = setting.teacher, setting.student
    for _ in range(2):
        async with data_peer() as board, data_peer() as desk:
            producer_id = await produce_data(teacher, await connect_data(teacher, board, "send"))
            await student.client.notification("new-data-producer", dataProducerId=producer_id)
            await connect_data(student, desk, "recv")
            _, heard = await consume_data(student.client, desk, producer_id)
            board.channel(0).channel.send("hello")
            await desk.until(lambda heard=heard: heard.messages == ["hello"])  # type: ignore[misc]
            await asyncio.to_thread(setting.sfu.kill)
            await asyncio.to_thread(setting.sfu.start)
            for seat in (teacher, student):
                await seat.client.notification("sfu-restarted")
            everybody = (await student.client.request("get-participants"))["participants"]
            assert [one["dataProducers"] for one in everybody] == [[], []]


async def test_leaving_works_while_the_sfu_is_away(setting: Setting) -> None:
    await asyncio.to_thread(setting.sfu.stop)
    await setting.student.client.notification("sfu-unavailable")
    await setting.student.client.request("leave-room")
    assert await setting.student.client.closed() == 4000
    await setting.teacher.client.notification("participant-left")


async def test_pings_are_answered_while_the_sfu_hangs(setting: Setting) -> None:
    os.kill(setting.sfu.pid, signal.SIGSTOP)
    try:
        asked = await setting.teacher.client.send("create-transport", direction="send")
        socket = setting.teacher.client.ws
        await socket.ping(b"x")
        refusal = await setting.student.client.refused("create-transport", direction="recv")
        assert (refusal.status, refusal.code) == (503, "SFU_UNAVAILABLE")
        with pytest.raises(Exception, match="SFU_UNAVAILABLE"):
            await asked
        assert not socket.closed
        await setting.teacher.client.notification("sfu-unavailable")
    finally:
        os.kill(setting.sfu.pid, signal.SIGCONT)
    # The same SFU is back: nothing was lost, so nobody starts over.
    await setting.teacher.client.notification("sfu-available")
    await until_available(setting.backend)
    await setting.teacher.client.request("create-transport", direction="send")
    assert "sfu-restarted" not in [method for method, _ in setting.teacher.client.notified()]


async def test_the_backend_starts_without_the_sfu_and_finds_it_later(tmp_path: Path, database_url: str) -> None:
    sfu = Platform(tmp_path, {"SFU_WORKERS": "1"}).sfu
    async with running_backend(settings_for(database_url, sfu_url=sfu.url)) as backend:
        client = await backend.socket("teacher", Role.TEACHER)
        assert (await client.refused("join-room", roomId="physics")).code == "SFU_UNAVAILABLE"
        await asyncio.to_thread(sfu.start)
        try:
            await until_available(backend)
            assert (await client.request("join-room", roomId="physics"))["participants"] == []
        finally:
            await asyncio.to_thread(sfu.stop)


async def test_a_token_of_the_sfu_is_sent(tmp_path: Path, database_url: str) -> None:
    sfu = Platform(tmp_path, {"SFU_WORKERS": "1", "SFU_API_TOKEN": "open-sesame-open-sesame"}).sfu
    await asyncio.to_thread(sfu.start)
    try:
        right = settings_for(database_url, sfu_url=sfu.url, sfu_api_token="open-sesame-open-sesame")
        async with running_backend(right) as backend:
            await backend.joined("teacher", Role.TEACHER)
        wrong = settings_for(database_url, sfu_url=sfu.url, sfu_api_token="wrong")
        async with running_backend(wrong) as backend:
            client = await backend.socket("teacher2", Role.TEACHER)
            assert (await client.refused("join-room", roomId="maths")).code == "SFU_UNAVAILABLE"
    finally:
        await asyncio.to_thread(sfu.stop)


async def test_who_comes_back_to_a_new_backend_before_the_sfu_does_keeps_all_media(
    setting: Setting, database_url: str
) -> None:
    before = setting.teacher
    voice = await before.produce()
    heard = await setting.student.consume(voice)
    assert before.joined["mediaUnknown"] is False
    os.kill(setting.sfu.pid, signal.SIGSTOP)
    try:
        await setting.backend.server.close()
        async with running_backend(settings_for(database_url, sfu_url=setting.sfu.url)) as backend:
            backend.tokens = setting.backend.tokens
            teacher, student = await backend.socket("teacher"), await backend.socket("student")
            for client, seat in ((teacher, before), (student, setting.student)):
                joined = await client.request(
                    "join-room", roomId="physics", resumeToken=seat.joined["resumeToken"]
                )
                assert (joined["resumed"], joined["participantId"]) == (True, seat.id)
                assert (joined["mediaUnknown"], joined["self"]["producers"]) == (True, [])
                await client.notification("sfu-unavailable")
            refusal = await teacher.refused("pause-producer", producerId=voice)
            assert (refusal.status, refusal.code) == (503, "SFU_UNAVAILABLE")
            os.kill(setting.sfu.pid, signal.SIGCONT)
            await student.notification("new-producer", producerId=voice)
            await teacher.request("pause-producer", producerId=voice)
            paused = await student.notification("consumer-paused")
            assert paused == {"consumerId": heard["consumerId"], "producerId": voice}
            assert not {"sfu-restarted", "participant-left"} & {method for method, _ in teacher.notified()}
    finally:
        os.kill(setting.sfu.pid, signal.SIGCONT)
