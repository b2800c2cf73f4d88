"""How often somebody may try to sign in: failures by account, all attempts by address."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from backend.domain.rate_limit import SlidingWindow
from backend.errors import TooManyAttempts

WINDOW_S = 60.0
"""Limits are given in attempts a minute."""

CODE_FAILURES = 20
CODE_WINDOW_S = 3600.0
"""Wrong codes of the second factor. Of a million codes three are right at a time, so who knows the password
already needs more than a year for an even chance; with ten a minute it would be two weeks."""

IPV6_PREFIX = 64
"""What one customer has at the least (RFC 6177): the addresses in it cost nothing."""

Failed = Callable[[], None]


class FailureLimit:
    """At most `limit` failures a key within any `window_s` seconds.

    A failure counts only once it has been found out, and that takes a while; so as many attempts of one key run at
    once as failures are left, and the others wait. A burst of guesses cannot slip past the count, and a burst of
    right passwords is not refused.
    """

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = SlidingWindow(limit, window_s)
        self._running: dict[str, int] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def attempt(self, key: str) -> AsyncIterator[Failed]:
        """Hold one attempt; call what is given when it failed.

        Raises:
            TooManyAttempts: the failures are used up.
        """
        while not self._may_run(key):
            await self._changed.wait()
        self._running[key] = self._running.get(key, 0) + 1
        try:
            yield lambda: self._failures.hit(key, self._clock())
        finally:
            self._finish(key)

    def _may_run(self, key: str) -> bool:
        now = self._clock()
        _refuse(self._failures.retry_after_s(key, now))
        return self._running.get(key, 0) < self._failures.remaining(key, now)

    def _finish(self, key: str) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._changed.set()
        self._changed = asyncio.Event()


class LoginAttempts:
    """The limits on guessing passwords and codes: failures an account, and attempts an address."""

    def __init__(self, per_account: int, per_address: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passwords = FailureLimit(per_account, WINDOW_S, clock)
        self._codes = FailureLimit(CODE_FAILURES, CODE_WINDOW_S, clock)
        self._addresses = SlidingWindow(per_address, WINDOW_S)

    def count_address(self, address: str) -> None:
        """Count an attempt from an address; one of IPv6 counts for its network.

        Raises:
            TooManyAttempts: the address has used up its attempts.
        """
        now, network = self._clock(), _network(address)
        _refuse(self._addresses.retry_after_s(network, now))
        self._addresses.hit(network, now)

    def attempt(self, account: str) -> AbstractAsyncContextManager[Failed]:
        """Hold one attempt on an account; call what is given when it failed.

        Raises:
            TooManyAttempts: the account has used up its failures.
        """
        return self._passwords.attempt(account)

    def code_attempt(self, account: str) -> AbstractAsyncContextManager[Failed]:
        """Hold one attempt on an account's second factor; call what is given when it failed.

        Raises:
            TooManyAttempts: the account has used up its failures.
        """
        return self._codes.attempt(account)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False)) if parsed.version == 6 else address


def _refuse(retry_after_s: int) -> None:
    if retry_after_s:
        raise TooManyAttempts("Too many attempts to sign in. Wait a little.", retry_after_s=retry_after_s)
