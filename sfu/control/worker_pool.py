"""All media workers: started, watched, replaced when they die, and chosen for new rooms."""

import asyncio
from contextlib import suppress

from pyee.base import EventEmitter

from sfu.control.media_worker import MediaWorker, WorkerConfig
from sfu.control.pipe_links import PipeLinks
from sfu.errors import NotAvailable, SfuError
from shared.logging import get_logger

READY_WITHIN_S = 20.0
"""A worker imports its libraries and opens a socket: under a second, several times that on a loaded machine."""
FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 10.0
"""A worker that dies at once again and again is restarted ever later, but never given up."""
EXIT_NO_PORT = 3
"""A worker's exit status when no UDP port of its range is free."""
STABLE_AFTER_S = 30.0
"""A worker that lived so long starts the backoff anew."""
PING_EVERY_S = 5.0
PING_TIMEOUT_S = 10.0
"""A worker whose loop does not turn for so long forwards nothing either: it is killed and replaced."""

_log = get_logger(__name__)


class WorkersFailedError(Exception):
    """No media worker came up at the start. The message says what to look at."""


class WorkerPool(EventEmitter):
    """`count` media workers, each in a slot that is filled again when its process dies.

    Emits:
        `ready` (worker): a worker takes rooms from now on.
        `died` (worker): a worker that had been ready is gone, and every room on it.
    """

    def __init__(self, config: WorkerConfig, count: int) -> None:
        super().__init__()
        self.restarts = 0
        self.links = PipeLinks()
        self._config = config
        self._workers: dict[int, MediaWorker] = {}
        self._slots = [_Slot(index) for index in range(count)]
        self._stopping = False

    @property
    def ready_workers(self) -> list[MediaWorker]:
        """The workers that take rooms now."""
        return [worker for worker in self._workers.values() if worker.is_ready]

    @property
    def size(self) -> int:
        """How many workers there are to be."""
        return len(self._slots)

    async def start(self) -> None:
        """Start all workers and wait until each has come up or failed once.

        Raises:
            WorkersFailedError: not one came up.
        """
        for slot in self._slots:
            slot.task = asyncio.create_task(self._keep_filled(slot))
        await asyncio.gather(*(slot.tried.wait() for slot in self._slots))
        if not self.ready_workers:
            await self.stop()
            raise WorkersFailedError(self._why_none_started())

    async def stop(self) -> None:
        """End all workers. Idempotent."""
        self._stopping = True
        tasks = [slot.task for slot in self._slots if slot.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in tuple(self._workers.values())))
        self._workers.clear()

    def least_loaded(self) -> MediaWorker:
        """Return the ready worker that holds the fewest objects.

        Raises:
            NotAvailable: none is ready.
        """
        ready = self.ready_workers
        if not ready:
            raise NotAvailable("no media worker is ready; try again shortly")
        return min(ready, key=lambda worker: worker.load)

    async def any_answers(self) -> bool:
        """Tell whether at least one worker answers."""
        for worker in self.ready_workers:
            with suppress(SfuError):
                await worker.stats()
                return True
        return False

    def _why_none_started(self) -> str:
        if all(slot.exit_status == EXIT_NO_PORT for slot in self._slots):
            ports = f"{self._config.min_port} to {self._config.max_port}"
            return (
                f"No media worker found a free UDP port from {ports} at {self._config.listen_ip}: set "
                "RTC_MIN_PORT and RTC_MAX_PORT to a free range, and RTC_LISTEN_IP to an address of this machine."
            )
        statuses = ", ".join(str(slot.exit_status) for slot in self._slots)
        return f"No media worker could start (exit status {statuses}); the lines above say why."

    async def _keep_filled(self, slot: "_Slot") -> None:
        loop = asyncio.get_running_loop()
        backoff_s = FIRST_BACKOFF_S
        while not self._stopping:
            started = loop.time()
            await self._run_one(slot)
            slot.tried.set()
            if loop.time() - started >= STABLE_AFTER_S:
                backoff_s = FIRST_BACKOFF_S
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            self.restarts += 1

    async def _run_one(self, slot: "_Slot") -> None:
        try:
            worker = await MediaWorker.spawn(slot.index, self._config)
        except OSError as error:
            _log.error("media worker not started", worker=slot.index, error=str(error))
            return
        self._workers[slot.index] = worker
        if await worker.ready(READY_WITHIN_S):
            worker.once("dead", lambda: self._died(worker))
            self.emit("ready", worker)
            slot.tried.set()
            await self._watch(worker)
            _log.warning("media worker ended", worker=slot.index, worker_pid=worker.pid, status=worker.exit_status)
        else:
            worker.kill()
            await worker.dead()
            slot.exit_status = worker.exit_status
            _log.error("media worker failed to start", worker=slot.index, status=worker.exit_status)
        self._workers.pop(slot.index, None)

    async def _watch(self, worker: MediaWorker) -> None:
        ping = asyncio.create_task(self._ping(worker))
        try:
            await worker.dead()
        finally:
            ping.cancel()
            await asyncio.wait((ping,))

    async def _ping(self, worker: MediaWorker) -> None:
        while worker.is_ready:
            await asyncio.sleep(PING_EVERY_S)
            try:
                await worker.fresh_stats(PING_TIMEOUT_S)
            except SfuError:
                _log.error("media worker is stuck, killing it", worker=worker.index, worker_pid=worker.pid)
                worker.kill()

    def _died(self, worker: MediaWorker) -> None:
        if self._stopping:
            return
        _log.error("media worker died", worker=worker.index, worker_pid=worker.pid)
        self.emit("died", worker)


class _Slot:
    """A worker's place: its index, the task that keeps it filled, and how the first try went."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.task: asyncio.Task[None] | None = None
        self.tried = asyncio.Event()
        self.exit_status: int | None = None
