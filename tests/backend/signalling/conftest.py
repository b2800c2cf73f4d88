"""A real SFU and a real backend for the tests of the WebSocket edge.

The SFU is one for a module, since its media workers take their time to start; every test finds it empty. The tests
of such a module share its event loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator

import pytest_asyncio

from backend.domain.users import Role
from tests.support.backend import settings_for
from tests.support.live_backend import LiveBackend, Seat, running_backend
from tests.support.sfu import RunningSfu, running_sfu


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modules_sfu() -> AsyncIterator[RunningSfu]:
    async with running_sfu() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def sfu(modules_sfu: RunningSfu) -> AsyncIterator[RunningSfu]:
    yield modules_sfu
    for room in (await modules_sfu.get("/rooms")).ok()["rooms"]:
        (await modules_sfu.call("DELETE", f"/rooms/{room['roomId']}")).ok()


@pytest_asyncio.fixture(loop_scope="module")
async def backend(database_url: str, sfu: RunningSfu) -> AsyncIterator[LiveBackend]:
    async with running_backend(settings_for(database_url, sfu_url=sfu.url)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def teacher(backend: LiveBackend) -> Seat:
    """The owner of the room `physics`, in it."""
    return await backend.joined("teacher", Role.TEACHER)


@pytest_asyncio.fixture(loop_scope="module")
async def student(backend: LiveBackend, teacher: Seat) -> Seat:
    """A student in the room `physics`."""
    seat = await backend.joined("student")
    await teacher.client.notification("participant-joined")
    return seat
