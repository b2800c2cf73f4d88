"""Both services as real processes, on free ports and fresh data."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import pytest

from tests.support.services import Platform, running_platform
from tests.support.sfu import SfuApi

SETTLE_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform({"RESUME_GRACE_S": "2", "PEER_TIMEOUT_S": "5", "SFU_WORKERS": "2"}) as platform:
        yield platform


@pytest.fixture
async def sfu(platform: Platform) -> AsyncIterator[SfuApi]:
    async with aiohttp.ClientSession() as session:
        yield SfuApi(session, platform.sfu.url)


Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def eventually() -> Eventually:
    """Poll a condition that some other process makes true, with a deadline."""

    async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SETTLE_WITHIN_S):
            while not await condition():  # noqa: ASYNC110 - another process makes it true
                await asyncio.sleep(0.05)

    return wait
