"""Turns: one request begins each time the loop goes round."""

import asyncio

from sfu.api.turns import Turns


async def rounds_until_begun(turns: Turns, requests: int) -> list[tuple[int, int]]:
    """Let requests ask for a turn at once; return each one's number with the round of the loop it began in."""
    began: list[tuple[int, int]] = []
    rounds = 0

    async def request(number: int) -> None:
        await turns.take()
        began.append((number, rounds))

    tasks = [asyncio.create_task(request(number)) for number in range(requests)]
    while len(began) < requests:
        await asyncio.sleep(0)
        rounds += 1
    await asyncio.gather(*tasks)
    return began


async def test_requests_that_come_at_once_begin_in_order_one_a_round() -> None:
    began = await rounds_until_begun(Turns(), 5)
    assert [number for number, _ in began] == [0, 1, 2, 3, 4]
    assert len({when for _, when in began}) == 5


async def test_whoever_comes_alone_begins_at_once() -> None:
    turns = Turns()
    for _ in range(3):
        taken = asyncio.ensure_future(turns.take())
        await asyncio.sleep(0)
        assert taken.done()
        await asyncio.sleep(0)


async def test_who_gives_up_costs_the_others_no_turn() -> None:
    turns = Turns()
    first, second, third = (asyncio.create_task(turns.take()) for _ in range(3))
    await asyncio.sleep(0)
    assert first.done()
    second.cancel()
    await asyncio.wait((second,))
    await third
    assert await rounds_until_begun(turns, 1) == [(0, 0)]
