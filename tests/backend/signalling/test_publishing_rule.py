"""Who runs a room decides who sends: what is live already obeys at once, at the SFU."""

import asyncio
from typing import Any

import pytest

from backend.domain.sfu_port import SfuUnavailable
from backend.domain.users import Role
from tests.support.live_backend import LiveBackend, Seat
from tests.support.protoo_client import RequestError
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def allow(backend: LiveBackend, allowed: bool) -> None:
    token = await backend.token("teacher")
    status, _ = await backend.call("PATCH", "/rooms/physics", token, {"students_may_publish": allowed})
    assert status == 200


async def paused_at_the_sfu(sfu: RunningSfu) -> dict[str, bool]:
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    return {one["id"]: one["paused"] for peer in peers for one in peer["producers"]}


async def test_students_are_paused_when_they_may_not_publish_any_more(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    own = await teacher.produce(ssrc=1)
    sound, picture = await student.produce(ssrc=11), await student.produce("video", ssrc=21)
    await student.client.request("pause-producer", producerId=picture)
    await allow(backend, False)
    assert await student.client.notification("muted") == {"producerId": sound, "by": None}
    await teacher.client.notification("producer-paused", producerId=sound)
    assert await paused_at_the_sfu(sfu) == {own: False, sound: True, picture: True}
    told = [method for method, _ in student.client.notified()]
    assert told.index("room-updated") < told.index("muted")
    assert told.count("muted") == 1


async def test_what_the_rule_paused_cannot_be_resumed_until_it_allows_it(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    producer_id = await student.produce()
    await allow(backend, False)
    await student.client.notification("muted")
    refusal = await student.client.refused("resume-producer", producerId=producer_id)
    assert (refusal.status, refusal.code) == (403, "INSUFFICIENT_PERMISSIONS")
    assert await paused_at_the_sfu(sfu) == {producer_id: True}
    await allow(backend, True)
    await student.client.request("resume-producer", producerId=producer_id)
    assert await paused_at_the_sfu(sfu) == {producer_id: False}


async def test_who_is_muted_may_go_on_by_oneself(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await student.produce()
    await teacher.client.request("mute-participant", participantId=student.id)
    assert await paused_at_the_sfu(sfu) == {producer_id: True}
    await student.client.request("resume-producer", producerId=producer_id)
    assert await paused_at_the_sfu(sfu) == {producer_id: False}
    await teacher.client.notification("producer-resumed", producerId=producer_id)


async def test_only_the_kind_asked_for_is_muted(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    sound, picture = await student.produce(ssrc=11), await student.produce("video", ssrc=21)
    await teacher.client.request("mute-participant", participantId=student.id, kind="video")
    assert await paused_at_the_sfu(sfu) == {sound: False, picture: True}


async def test_what_is_just_being_produced_obeys_too(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    """Requests to produce and the new rule race; whoever wins, nothing of a student's stays live."""
    transport_id = await student.transport()
    for n in range(8):
        await allow(backend, True)
        produced, _ = await asyncio.gather(
            student.produce(ssrc=100 * n + 1, transportId=transport_id),
            allow(backend, False),
            return_exceptions=True,
        )
        if isinstance(produced, RequestError):
            assert produced.status == 403
        else:
            await student.client.notification("muted", producerId=produced)
    assert all((await paused_at_the_sfu(sfu)).values())


async def test_data_channels_of_students_are_closed(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    offered = await student.client.request("create-transport", direction="send", enableSctp=True)
    made = await student.client.request(
        "produce-data", transportId=offered["transportId"], sctpStreamParameters={"streamId": 0}, label="board"
    )
    await allow(backend, False)
    closed = {"dataProducerId": made["dataProducerId"], "participantId": student.id}
    assert await student.client.notification("data-producer-closed") == closed
    assert await teacher.client.notification("data-producer-closed") == closed


async def test_the_rule_is_enforced_once_the_sfu_is_back(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SFU does not answer just then: the rule counts as soon as it does."""
    producer_id = await student.produce()
    port = backend.presence._classes._parts.sfu
    switch, refusals = port.switch_producer, 2

    async def flaky(*what: Any) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise SfuUnavailable
        await switch(*what)

    monkeypatch.setattr(backend.presence._classes._chores, "_retry_s", 0.01)
    monkeypatch.setattr(port, "switch_producer", flaky)
    await allow(backend, False)
    assert await student.client.notification("muted") == {"producerId": producer_id, "by": None}
    assert await paused_at_the_sfu(sfu) == {producer_id: True}


async def test_staff_go_on_sending(backend: LiveBackend, teacher: Seat, sfu: RunningSfu) -> None:
    other = await backend.joined("other-teacher", Role.TEACHER)
    student = await backend.joined("student")
    live = {await seat.produce(ssrc=ssrc): seat for ssrc, seat in ((1, teacher), (11, other), (21, student))}
    await allow(backend, False)
    await student.client.notification("muted")
    paused = await paused_at_the_sfu(sfu)
    assert {producer_id: seat is student for producer_id, seat in live.items()} == paused
