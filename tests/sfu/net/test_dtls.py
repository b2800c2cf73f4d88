import asyncio

from sfu.net.dtls import STEPS_A_TICK, HandshakePacer


async def test_steps_are_taken_by_turns_and_few_at_a_time() -> None:
    pacer = HandshakePacer(asyncio.get_running_loop(), lambda _: None)
    taken: list[str] = []

    def worker(name: str, steps: int) -> None:
        left = steps

        def step() -> bool:
            nonlocal left
            left -= 1
            taken.append(name)
            return left > 0

        pacer.submit(step)

    worker("flood", 100)
    for name in ("a", "b", "c"):
        worker(name, 2)
    await asyncio.sleep(0)
    assert taken == ["flood", "a", "b", "c"]
    assert len(taken) == STEPS_A_TICK
    for _ in range(106):
        await asyncio.sleep(0)
    assert len(taken) == 106
    assert sorted(taken[4:8]) == ["a", "b", "c", "flood"]
    worker("again", 1)
    for _ in range(2):
        await asyncio.sleep(0)
    assert taken[-1] == "again"
