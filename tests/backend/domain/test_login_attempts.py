"""The limits on guessing passwords, also when many guess at once."""

import asyncio

import pytest

from backend.domain.login_attempts import LoginAttempts
from backend.errors import TooManyAttempts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def guess(attempts: LoginAttempts, account: str, checked: asyncio.Event, *, right: bool) -> bool:
    """One attempt whose password is known to be right or wrong once `checked` is set; False if it was refused."""
    try:
        async with attempts.attempt(account) as failed:
            await checked.wait()
            if not right:
                failed()
    except TooManyAttempts:
        return False
    return True


async def test_a_burst_of_guesses_gets_no_further_than_the_limit() -> None:
    attempts, checked = LoginAttempts(3, 100, Clock()), asyncio.Event()
    guesses = [asyncio.create_task(guess(attempts, "a", checked, right=False)) for _ in range(50)]
    await asyncio.sleep(0)
    checked.set()
    assert sum(await asyncio.gather(*guesses)) == 3


async def test_a_burst_of_right_passwords_passes() -> None:
    attempts, checked = LoginAttempts(3, 100, Clock()), asyncio.Event()
    sign_ins = [asyncio.create_task(guess(attempts, "a", checked, right=True)) for _ in range(50)]
    await asyncio.sleep(0)
    checked.set()
    assert sum(await asyncio.gather(*sign_ins)) == 50


async def test_accounts_do_not_wait_for_each_other() -> None:
    attempts, never, at_once = LoginAttempts(1, 100, Clock()), asyncio.Event(), asyncio.Event()
    at_once.set()
    slow = asyncio.create_task(guess(attempts, "a", never, right=True))
    await asyncio.sleep(0)
    assert await guess(attempts, "b", at_once, right=True)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_an_attempt_given_up_makes_room_for_the_next() -> None:
    attempts, never, at_once = LoginAttempts(1, 100, Clock()), asyncio.Event(), asyncio.Event()
    at_once.set()
    slow = asyncio.create_task(guess(attempts, "a", never, right=True))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(guess(attempts, "a", at_once, right=True))
    await asyncio.sleep(0)
    assert not waiting.done()
    slow.cancel()
    assert await waiting


async def test_failures_are_forgotten_after_a_minute() -> None:
    clock, at_once = Clock(), asyncio.Event()
    attempts = LoginAttempts(1, 100, clock)
    at_once.set()
    assert await guess(attempts, "a", at_once, right=False)
    assert not await guess(attempts, "a", at_once, right=True)
    clock.now = 60.0
    assert await guess(attempts, "a", at_once, right=True)


async def test_an_address_is_counted_whatever_comes_of_it() -> None:
    clock = Clock()
    attempts = LoginAttempts(100, 2, clock)
    attempts.count_address("1.2.3.4")
    attempts.count_address("1.2.3.4")
    attempts.count_address("1.2.3.5")
    with pytest.raises(TooManyAttempts) as refused:
        attempts.count_address("1.2.3.4")
    assert refused.value.retry_after_s == 60
    clock.now = 60.0
    attempts.count_address("1.2.3.4")


async def test_an_ipv6_address_counts_for_its_network() -> None:
    attempts = LoginAttempts(100, 2, Clock())
    attempts.count_address("2001:db8::1")
    attempts.count_address("2001:db8::2")
    attempts.count_address("2001:db8:0:1::1")
    attempts.count_address("unknown")
    with pytest.raises(TooManyAttempts):
        attempts.count_address("2001:db8::ffff:3")
