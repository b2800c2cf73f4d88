"""Work that gets done some time."""

import asyncio

import pytest

from backend.domain.chores import MAX_OWED, Chores
from backend.errors import DatabaseUnavailable


class Flaky:
    """Work that fails so many times before it succeeds."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable
        self.done.set()


async def test_work_that_succeeds_is_done_at_once() -> None:
    chores, work = Chores(), Flaky(0)
    await chores.do(work)
    assert work.done.is_set()
    assert chores.owed == 0


async def test_work_is_tried_again_until_it_succeeds() -> None:
    chores, work = Chores(retry_s=0), Flaky(5)
    await chores.do(work)
    assert chores.owed == 1
    async with asyncio.timeout(10):
        await work.done.wait()
    await chores.close(0)
    assert chores.owed == 0


async def test_work_that_fails_for_good_is_not_tried_again() -> None:
    chores = Chores(retry_s=0)

    async def broken() -> None:
        raise ValueError

    await chores.do(broken)
    assert chores.owed == 0


async def test_what_is_owed_is_bounded() -> None:
    chores = Chores(retry_s=1000)
    for _ in range(MAX_OWED + 10):
        await chores.do(Flaky(1))
    assert chores.owed == MAX_OWED
    await chores.close(0)


async def test_closing_waits_for_what_must_end_and_for_nothing_else() -> None:
    chores, ended = Chores(), []

    async def quick() -> None:
        await asyncio.sleep(0)
        ended.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    chores.spawn(endless(), finish=False)
    chores.spawn(quick())
    await asyncio.sleep(0)
    await chores.close(60)
    assert sorted(ended) == ["endless", "quick"]
    assert not chores._running


@pytest.mark.parametrize("within_s", [0, 0.05])
async def test_closing_gives_up_in_time(within_s: float) -> None:
    chores = Chores(retry_s=1000)
    await chores.do(Flaky(1000))
    chores.spawn(asyncio.Event().wait())  # type: ignore[arg-type] # its result does not matter
    await asyncio.sleep(0)
    await chores.close(within_s)
    assert not chores._running
