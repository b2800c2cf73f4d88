"""A real SFU and a real backend for every test of the WebSocket edge."""

from collections.abc import AsyncIterator

import pytest

from backend.domain.users import Role
from tests.support.backend import settings_for
from tests.support.live_backend import LiveBackend, Seat, running_backend
from tests.support.sfu import RunningSfu, running_sfu


@pytest.fixture
async def sfu() -> AsyncIterator[RunningSfu]:
    async with running_sfu() as running:
        yield running


@pytest.fixture
async def backend(database_url: str, sfu: RunningSfu) -> AsyncIterator[LiveBackend]:
    async with running_backend(settings_for(database_url, sfu_url=sfu.url)) as running:
        yield running


@pytest.fixture
async def teacher(backend: LiveBackend) -> Seat:
    """The owner of the room `physics`, in it."""
    return await backend.joined("teacher", Role.TEACHER)


@pytest.fixture
async def student(backend: LiveBackend, teacher: Seat) -> Seat:
    """A student in the room `physics`."""
    seat = await backend.joined("student")
    await teacher.client.notification("participant-joined")
    return seat
