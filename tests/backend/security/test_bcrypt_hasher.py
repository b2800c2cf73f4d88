"""Password hashes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backend.errors import NotAvailable
from backend.security import bcrypt_hasher
from backend.security.bcrypt_hasher import BcryptHasher

PASSWORD = "Chalk-and-Board-1"


@pytest.fixture
async def hasher() -> AsyncIterator[BcryptHasher]:
    made = BcryptHasher(cost=4)
    yield made
    made.close()


async def test_a_password_fits_its_own_hash_only(hasher: BcryptHasher) -> None:
    hashed = await hasher.hash(PASSWORD)
    assert hashed.startswith("$2b$04$")
    assert hashed != await hasher.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, hashed)
    for wrong in ("", "chalk-and-board-1", PASSWORD + " ", "\ud800", PASSWORD + "\0", PASSWORD + "x" * 100):
        assert not await hasher.verify(wrong, hashed)


async def test_nothing_beyond_72_bytes_is_ignored(hasher: BcryptHasher) -> None:
    longest = "Aa1" + "x" * 69
    hashed = await hasher.hash(longest)
    assert await hasher.verify(longest, hashed)
    assert not await hasher.verify(longest + "y", hashed)


async def test_without_a_hash_nothing_fits(hasher: BcryptHasher) -> None:
    assert not await hasher.verify(PASSWORD, None)
    assert not await hasher.verify("nobody has this password", None)


async def test_too_many_at_once_are_told_to_come_back(
    hasher: BcryptHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bcrypt_hasher, "MAX_WAITING", 3)
    results = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NotAvailable)]
    assert len(refused) == 7
    assert {(error.code, error.retry_after_s) for error in refused} == {("BUSY", 5)}
    assert await hasher.hash(PASSWORD)
