"""How often somebody may try to sign in: failures by account, all attempts by address."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from backend.domain.auth_ports import FailureRepository
from backend.domain.rate_limit import SlidingWindow
from backend.domain.secret_values import hash_secret
from backend.errors import NotAvailable, TooManyAttempts

WINDOW_S = 60.0
"""Limits are given in attempts a minute."""

CODE_FAILURES = 20
CODE_WINDOW_S = 3600.0
"""Wrong codes of the second factor. Of a million codes three are right at a time, so who knows the password
already needs more than a year for an even chance; with ten a minute it would be two weeks."""

IPV6_PREFIX = 64
"""What one customer has at the least (RFC 6177): the addresses in it cost nothing."""

POLL_S = 0.1
"""How often to look whether attempts on other backends are settled. Only a burst on one account waits so."""

Failed = Callable[[], None]


class FailureLimit:
    """At most `limit` failures a key within any `window_s` seconds, on all backends that share `kept`.

    A failure counts only once it has been found out, and that takes a while; so as many attempts of one key run at
    once as failures are left, and the others wait. A burst of guesses cannot slip past the count, and a burst of
    right passwords is not refused.
    """

    def __init__(
        self,
        limit: int,
        window_s: float,
        clock: Callable[[], float],
        kept: FailureRepository | None = None,
        purpose: str = "",
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._kept = kept
        self._purpose = purpose
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
            async with self._held_everywhere(key) as failed:
                yield failed
        finally:
            self._finish(key)

    @asynccontextmanager
    async def _held_everywhere(self, key: str) -> AsyncIterator[Failed]:
        hold_id, failures = await self._hold(key), 0

        def failed() -> None:
            nonlocal failures
            failures += 1
            self._failures.hit(key, self._clock())

        try:
            yield failed
        finally:
            if self._kept is not None and hold_id is not None:
                with suppress(NotAvailable):  # what is not settled counts as a failure until the window is over
                    await self._kept.settle(hold_id, failed=failures > 0)

    async def _hold(self, key: str) -> str | None:
        """Hold one of the failures left on all backends; wait while attempts elsewhere hold them all."""
        while self._kept is not None:
            hold = await self._kept.hold(hash_secret(f"{self._purpose}:{key}"), self._limit, self._window_s)
            _refuse(hold.retry_after_s)
            if hold.id is not None:
                return hold.id
            await asyncio.sleep(POLL_S)
        return None

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
    """The limits on guessing passwords and codes: failures an account, and attempts an address.

    Failures count on all backends that share `kept`, for they protect the account. Attempts an address count in
    this process alone: they protect its processor from a flood.
    """

    def __init__(
        self,
        per_account: int,
        per_address: int,
        clock: Callable[[], float],
        kept: FailureRepository | None = None,
    ) -> None:
        self._clock = clock
        self._passwords = FailureLimit(per_account, WINDOW_S, clock, kept, "password")
        self._codes = FailureLimit(CODE_FAILURES, CODE_WINDOW_S, clock, kept, "code")
        self._addresses = SlidingWindow(per_address, WINDOW_S)
        self._sign_ups = SlidingWindow(per_address, WINDOW_S)

    def count_address(self, address: str) -> None:
        """Count an attempt from an address; one of IPv6 counts for its network.

        Raises:
            TooManyAttempts: the address has used up its attempts.
        """
        self._count(self._addresses, address)

    def count_sign_up(self, address: str) -> None:
        """Count an attempt to make an account, as `count_address` does, but on its own: a class does both at once.

        Raises:
            TooManyAttempts: the address has used up its attempts.
        """
        self._count(self._sign_ups, address)

    def attempt(self, account: str) -> AbstractAsyncContextManager[Failed]:
        """Hold one attempt on an account; call what is given when it failed.

        Raises:
            TooManyAttempts: the account has used up its failures.
        """
        return self._passwords.attempt(account)

    def _count(self, window: SlidingWindow, address: str) -> None:
        now, network = self._clock(), _network(address)
        _refuse(window.retry_after_s(network, now))
        window.hit(network, now)

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
        raise TooManyAttempts("Too many attempts. Wait a little.", retry_after_s=retry_after_s)
