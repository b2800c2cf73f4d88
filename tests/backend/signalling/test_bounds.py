"""What bounds a socket beside the rate of its messages: heartbeats, and requests that wait."""

import asyncio
from collections.abc import Iterator

import pytest

from backend.domain.participants import Participant
from backend.domain.users import Role
from backend.signalling import connection
from tests.support.live_backend import LiveBackend, Seat

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def quick_heart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(connection, "HEARTBEAT_S", 0.2)
    yield
    monkeypatch.undo()


def participant(backend: LiveBackend, seat: Seat) -> Participant:
    return backend.presence._classes.rooms["physics"].participants[seat.id]


async def test_who_answers_no_ping_loses_the_socket_and_keeps_the_seat(
    quick_heart: None, backend: LiveBackend
) -> None:
    here, dead = await backend.joined("teacher", Role.TEACHER), await backend.joined("student")
    seat = participant(backend, dead)
    transport = dead.client.ws._response.connection.transport  # type: ignore[union-attr] # it is connected
    transport.pause_reading()
    lost = asyncio.Event()
    classes = backend.presence._classes
    told = classes.on_waiting_changed
    classes.on_waiting_changed = lambda: (told(), lost.set())[0]
    async with asyncio.timeout(30):
        await lost.wait()
    assert seat.outbox is None
    assert participant(backend, here).outbox is not None
    assert (await here.client.request("get-participants"))["count"] == 2
    assert [method for method, _ in here.client.notified()] == ["participant-joined"]
    transport.resume_reading()
    back = await backend.socket("student")
    again = await back.request("join-room", roomId="physics", resumeToken=dead.joined["resumeToken"])
    assert (again["resumed"], again["participantId"]) == (True, dead.id)


@pytest.mark.parametrize(("size", "count"), [(240_000, 6), (100, connection.MAX_WAITING_REQUESTS + 2)])
async def test_requests_that_pile_up_behind_another_are_closed_with_4008(
    backend: LiveBackend, teacher: Seat, student: Seat, monkeypatch: pytest.MonkeyPatch, size: int, count: int
) -> None:
    monkeypatch.setattr(connection.TokenBucket, "take", lambda *_: True)
    seat = participant(backend, student)
    async with seat.lock:
        for _ in range(count):
            await student.client.send("create-transport", direction="send", padding="x" * size)
        assert await student.client.closed() == 4008
    assert (await teacher.client.request("get-participants"))["count"] == 2
    assert not seat.gone
