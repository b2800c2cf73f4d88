"""What a backend learns of another one by asking it."""

from collections.abc import AsyncIterator

import pytest

from backend.domain.homes import Home, Pulse
from backend.neighbours import BackendNeighbours
from backend.security.backend_passes import JwtBackendPasses
from backend.security.key_ring import KeyRing
from tests.support.backend import JWT_SECRET
from tests.support.moody_sfu import Mood, answers, hangs, hangs_up, moody_sfu, says
from tests.support.services import free_tcp_port


@pytest.fixture
async def neighbours() -> AsyncIterator[BackendNeighbours]:
    neighbours = BackendNeighbours(JwtBackendPasses(KeyRing(JWT_SECRET)))
    await neighbours.open()
    yield neighbours
    await neighbours.close()


async def test_one_that_answers_for_itself_lives(neighbours: BackendNeighbours) -> None:
    async with moody_sfu(says("", 204)) as other:
        assert await neighbours.pulse(Home("home", other.url)) is Pulse.ALIVE
        asked = other.asked[0]
        assert (asked.method, asked.path) == ("GET", "/internal/pulse")
        scheme, token = asked.headers["Authorization"].split()
        assert scheme == "Bearer"
        JwtBackendPasses(KeyRing(JWT_SECRET)).verify(token, "home")


@pytest.mark.parametrize("status", [200, 401, 404])
async def test_where_another_one_answers_it_is_gone(neighbours: BackendNeighbours, status: int) -> None:
    async with moody_sfu(answers({}, status)) as other:
        assert await neighbours.pulse(Home("home", other.url)) is Pulse.GONE


async def test_where_nobody_listens_it_is_gone(neighbours: BackendNeighbours) -> None:
    assert await neighbours.pulse(Home("home", f"http://127.0.0.1:{free_tcp_port()}")) is Pulse.GONE


@pytest.mark.parametrize("mood", [answers({}, 500), hangs_up, hangs])
async def test_one_that_says_nothing_that_helps_is_silent(neighbours: BackendNeighbours, mood: Mood) -> None:
    async with moody_sfu(*[mood] * 3) as other:  # a connection that breaks is tried again
        assert await neighbours.pulse(Home("home", other.url)) is Pulse.SILENT


async def test_where_no_url_leads_it_is_silent(neighbours: BackendNeighbours) -> None:
    assert await neighbours.pulse(Home("home", "no url")) is Pulse.SILENT


async def test_figures_are_read_and_done_without_when_there_are_none(neighbours: BackendNeighbours) -> None:
    somebody = {
        "participant_id": "p",
        "user_id": "u",
        "full_name": "Ada",
        "role": "teacher",
        "joined_at": "2030-01-01T00:00:00.000Z",
    }
    room = {"room_id": "physics", "participant_count": 1, "producer_count": 2, "participants": [somebody]}
    async with moody_sfu(
        answers({"rooms": [room]}), answers({"rooms": [{}]}), answers([]), says("no"), answers({}, 503), hangs_up
    ) as other:
        home = Home("home", other.url)
        found = await neighbours.live_rooms(home, "physics")
        assert other.asked[0].path == "/internal/rooms?room_id=physics"
        assert [(one.room_id, one.participant_count, one.producer_count) for one in found] == [("physics", 1, 2)]
        assert found[0].participants[0].full_name == "Ada"
        for _ in range(5):
            assert list(await neighbours.live_rooms(home)) == []
