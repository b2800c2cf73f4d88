import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.sfu import NOTHING, RunningSfu, running_sfu


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_sfu() -> AsyncIterator[RunningSfu]:
    async with running_sfu() as sfu:
        yield sfu


@pytest_asyncio.fixture(loop_scope="session")
async def sfu(shared_sfu: RunningSfu) -> AsyncIterator[RunningSfu]:
    """One SFU for all tests that leave its workers alone; each begins with no room and leaves nothing behind."""
    yield shared_sfu
    for room in shared_sfu.rooms.rooms:
        room.close("deleted")
    assert await shared_sfu.worker_counts() == NOTHING
    assert shared_sfu.rooms.peer_count == 0
    assert sum(worker.load for worker in shared_sfu.pool.ready_workers) == 0


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room id of the test's own."""
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:100]
