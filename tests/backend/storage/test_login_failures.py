"""Failures to sign in count on all backends together."""

import asyncio
import time

import pytest

from backend.domain.auth_ports import Hold
from backend.domain.login_attempts import LoginAttempts
from backend.errors import TooManyAttempts
from backend.storage.database import Database
from backend.storage.login_failures import PostgresLoginFailures


@pytest.fixture
def backends(database: Database) -> list[LoginAttempts]:
    """The limits of three backends over one database: three failures an account."""
    return [LoginAttempts(3, 1000, time.monotonic, PostgresLoginFailures(database)) for _ in range(3)]


async def guess(attempts: LoginAttempts, *, right: bool = False, account: str = "a") -> bool:
    """One attempt; False if it was refused."""
    try:
        async with attempts.attempt(account) as failed:
            await asyncio.sleep(0)
            if not right:
                failed()
    except TooManyAttempts:
        return False
    return True


async def age(database: Database, seconds: int) -> None:
    """Let so much time go by."""
    await database.run("UPDATE login_failures SET at = at - make_interval(secs => %s)", [seconds])


async def test_a_burst_over_all_backends_gets_no_further_than_the_limit(backends: list[LoginAttempts]) -> None:
    results = await asyncio.gather(*(guess(backends[n % 3]) for n in range(30)))
    assert sum(results) == 3
    assert not await guess(backends[0], right=True)
    assert await guess(backends[0], right=True, account="b")


async def test_a_burst_of_right_passwords_passes_everywhere(backends: list[LoginAttempts]) -> None:
    assert all(await asyncio.gather(*(guess(backends[n % 3], right=True) for n in range(12))))


async def test_failures_are_forgotten_after_a_minute(backends: list[LoginAttempts], database: Database) -> None:
    for attempts in backends:
        assert await guess(attempts)
    assert [await guess(attempts, right=True) for attempts in backends] == [False] * 3
    await age(database, 60)
    fresh = LoginAttempts(3, 1000, time.monotonic, PostgresLoginFailures(database))
    assert await guess(fresh, right=True)


async def test_a_failure_counts_from_when_it_is_known(database: Database) -> None:
    failures = PostgresLoginFailures(database)
    held = await failures.hold(b"k" * 32, 1, 60)
    await age(database, 300)  # the line for the slow hash was long
    await failures.settle(held.id or "", failed=True)
    assert (await failures.hold(b"k" * 32, 1, 60)).retry_after_s > 50


async def test_an_attempt_whose_backend_died_counts_for_a_minute(database: Database) -> None:
    failures = PostgresLoginFailures(database)
    held = await failures.hold(b"k" * 32, 1, 60)
    assert held.id is not None
    await failures.settle(held.id, failed=True)
    assert 55 <= (await failures.hold(b"k" * 32, 1, 60)).retry_after_s <= 60
    await age(database, 60)
    held = await failures.hold(b"k" * 32, 1, 60)
    assert held.id is not None
    assert await failures.hold(b"k" * 32, 1, 60) == Hold()
    await age(database, 60)
    assert (await failures.hold(b"k" * 32, 1, 60)).id is not None


async def test_passwords_and_codes_count_apart(backends: list[LoginAttempts]) -> None:
    for _ in range(3):
        assert await guess(backends[0])
    async with backends[1].code_attempt("a"):
        pass


async def test_what_counts_no_more_is_deleted(database: Database) -> None:
    failures = PostgresLoginFailures(database)
    for key in (b"a" * 32, b"b" * 32):
        hold = await failures.hold(key, 1, 60)
        await failures.settle(hold.id or "", failed=True)
    assert await failures.purge() == 0
    await age(database, 3601)
    assert await failures.purge() == 2
