"""Waiting until something is so, with a bound that only a test which hangs reaches."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

WITHIN_S = 20.0
EVERY_S = 0.02


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Poll a condition that something else makes true."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(EVERY_S)
