"""Work that must get done some time: tried at once, and again while the other side is away.

What a participant leaves behind at the SFU and in the database is cleared away so: leaving works, whatever is down
just then.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from backend.errors import NotAvailable
from shared.logging import get_logger

RETRY_S = 2.0
"""How long to wait before owed work is tried again."""

MAX_OWED = 20_000
"""Work kept while the other side is away: a whole school leaving at once. When full, the oldest is given up."""

Work = Callable[[], Awaitable[object]]

_log = get_logger(__name__)


class Chores:
    """Runs work in the background or at once, and keeps what failed because something was away."""

    def __init__(self, retry_s: float = RETRY_S) -> None:
        self._retry_s = retry_s
        self._owed: deque[Work] = deque(maxlen=MAX_OWED)
        self._running: set[asyncio.Task[Any]] = set()
        self._to_finish: set[asyncio.Task[Any]] = set()
        self._retrying: asyncio.Task[None] | None = None

    @property
    def owed(self) -> int:
        """How many pieces of work wait for another try."""
        return len(self._owed)

    async def do(self, work: Work) -> None:
        """Do the work now; when something it needs is away, keep it for later. Raises nothing of the work's."""
        if not await self._done(work):
            self._owed.append(work)
            self._retry_later()

    def spawn(self, work: Coroutine[Any, Any, None], *, finish: bool = True) -> asyncio.Task[None]:
        """Run a coroutine in the background; `finish` tells whether `close` lets it end first."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        if finish:
            self._to_finish.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self, within_s: float) -> None:
        """Let running work end, for so many seconds at most, and give up the rest."""
        if self._retrying is not None:
            self._retrying.cancel()
        if self._to_finish:
            await asyncio.wait(self._to_finish, timeout=within_s)
        for task in [*self._running]:
            task.cancel()
        leftovers = [*self._running, *([self._retrying] if self._retrying else [])]
        await asyncio.gather(*leftovers, return_exceptions=True)

    async def _done(self, work: Work) -> bool:
        try:
            await work()
        except NotAvailable:
            return False
        except Exception:
            _log.exception("background work failed")
        return True

    def _retry_later(self) -> None:
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        while self._owed:
            await asyncio.sleep(self._retry_s)
            for _ in range(len(self._owed)):
                work = self._owed.popleft()
                if not await self._done(work):
                    self._owed.append(work)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._to_finish.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background work failed", exc_info=error)
