"""Password hashes by bcrypt, in threads of their own."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from backend.domain.passwords import MAX_PASSWORD_BYTES
from backend.errors import NotAvailable

MAX_THREADS = 4
"""bcrypt lets go of the interpreter lock; more threads would take every core from the event loop."""

MAX_WAITING = 1000
"""Passwords in line at once: a school signing in together passes, a flood is told to come back."""

BUSY_RETRY_S = 5

T = TypeVar("T")


class BcryptHasher:
    """Hashes and checks passwords off the event loop. `cost` is bcrypt's work factor, as a power of two."""

    def __init__(self, cost: int) -> None:
        self._cost = cost
        self._waiting = 0
        self._executor = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1), "bcrypt")
        self._dummy = bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(cost))

    @property
    def waiting(self) -> int:
        """How many passwords are being hashed or wait for it."""
        return self._waiting

    async def hash(self, password: str) -> str:
        """Return the hash of a password of at most 72 bytes.

        Raises:
            NotAvailable: `BUSY`, too many passwords wait already.
        """
        hashed = await self._in_thread(lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._cost)))
        return hashed.decode()

    def is_current(self, password_hash: str) -> bool:
        """Tell whether a hash has the work factor of new ones."""
        return password_hash[4:6] == f"{self._cost:02}"  # as in $2b$12$…

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password fits the hash; without a hash it takes as long and does not fit.

        Raises:
            NotAvailable: `BUSY`, too many passwords wait already.
        """
        secret = password.encode("utf-8", "surrogatepass")
        possible = password_hash is not None and len(secret) <= MAX_PASSWORD_BYTES
        known = password_hash.encode() if password_hash is not None else self._dummy
        matches = await self._in_thread(lambda: bcrypt.checkpw(secret[:MAX_PASSWORD_BYTES], known))
        return matches and possible

    def close(self) -> None:
        """Give the threads up; what still waits is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise NotAvailable("Too many people sign in right now.", "BUSY", retry_after_s=BUSY_RETRY_S)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._waiting -= 1
