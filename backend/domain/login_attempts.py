"""How often somebody may try to sign in: failures by account, all attempts by address."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from backend.domain.rate_limit import SlidingWindow
from backend.errors import TooManyAttempts

WINDOW_S = 60.0
"""Limits are given in attempts a minute."""


class LoginAttempts:
    """The two limits on guessing passwords.

    A failure counts only once the password has been checked, and that takes a while; so as many attempts on one
    account run at once as failures are left, and the others wait. A burst of guesses cannot slip past the count,
    and a burst of right passwords is not refused.
    """

    def __init__(self, per_account: int, per_address: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = SlidingWindow(per_account, WINDOW_S)
        self._addresses = SlidingWindow(per_address, WINDOW_S)
        self._running: dict[str, int] = {}
        self._changed = asyncio.Event()

    def count_address(self, address: str) -> None:
        """Count an attempt from an address.

        Raises:
            TooManyAttempts: the address has used up its attempts.
        """
        now = self._clock()
        _refuse(self._addresses.retry_after_s(address, now))
        self._addresses.hit(address, now)

    @asynccontextmanager
    async def attempt(self, account: str) -> AsyncIterator[Callable[[], None]]:
        """Hold one attempt on an account; call what is given when it failed.

        Raises:
            TooManyAttempts: the account has used up its failures.
        """
        while not self._may_run(account):
            await self._changed.wait()
        self._running[account] = self._running.get(account, 0) + 1
        try:
            yield lambda: self._failures.hit(account, self._clock())
        finally:
            self._finish(account)

    def _may_run(self, account: str) -> bool:
        now = self._clock()
        _refuse(self._failures.retry_after_s(account, now))
        return self._running.get(account, 0) < self._failures.remaining(account, now)

    def _finish(self, account: str) -> None:
        self._running[account] -= 1
        if not self._running[account]:
            del self._running[account]
        self._changed.set()
        self._changed = asyncio.Event()


def _refuse(retry_after_s: int) -> None:
    if retry_after_s:
        raise TooManyAttempts("Too many attempts to sign in. Wait a little.", retry_after_s=retry_after_s)
