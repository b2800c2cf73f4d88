"""One media worker as the control process sees it: a child process and the channel to it."""

import asyncio
import enum
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from pyee.base import EventEmitter

from sfu.control.channel import (
    REQUEST_TIMEOUT_S,
    Channel,
    ChannelBusyError,
    ChannelClosedError,
    Data,
    RequestRefusedError,
    RequestTimeoutError,
)
from sfu.control.worker_rates import WorkerRates
from sfu.errors import ALREADY_CONNECTED, Broken, Conflict, InvalidInput, NotAvailable, NotFound
from shared.errors import INVALID_INPUT, NOT_FOUND
from shared.logging import LogFormat, get_logger

STATS_MAX_AGE_S = 1.0
"""How old an answer of `worker.stats` may be: scrapes and probes that come at one time share one question."""
STATS_TIMEOUT_S = 2.0
"""A scrape does not wait longer for a busy worker; the last known figures serve then."""
TERM_AFTER_S = 1.5
"""A worker ends by itself when its channel closes; after this it gets SIGTERM, and after the next SIGKILL."""
KILL_AFTER_S = 1.5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What every media worker is started with."""

    listen_ip: str
    announced_ips: tuple[str, ...]
    min_port: int
    max_port: int
    tcp: bool
    consent_timeout_s: float
    audio_last_n: int
    log_level: str
    log_format: LogFormat
    pipes: bool = False
    """Whether sockets to other workers are passed to it."""

    def to_wire(self, index: int) -> dict[str, Any]:
        """Make worker `index`'s configuration: it tries the index-th port of the range first."""
        return {
            "workerIndex": index,
            "listenIp": self.listen_ip,
            "announcedIps": list(self.announced_ips),
            "minPort": self.min_port,
            "maxPort": self.max_port,
            "preferredPort": min(self.min_port + index, self.max_port),
            "tcp": self.tcp,
            "consentTimeoutS": self.consent_timeout_s,
            "audioLastN": self.audio_last_n,
            "logLevel": self.log_level,
            "logFormat": self.log_format,
        }


class WorkerState(enum.Enum):
    """A worker's life. It takes rooms while it is ready."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    DEAD = "dead"


class MediaWorker(EventEmitter):
    """A media worker process. Make one with `spawn`, wait for `ready()`, then for `dead()`.

    `load` counts the objects that rooms keep on it; they count themselves in and out.

    Emits:
        the id of an object (event, data): a notification about that object, the one that the event is named after.
        `dead` (): the process or its channel ended; every object it held is gone. Emitted once.
    """

    def __init__(
        self, index: int, process: asyncio.subprocess.Process, channel: Channel, pass_pipes: socket.socket | None
    ) -> None:
        super().__init__()
        self.index = index
        self.pid = process.pid
        self.port = 0
        self.load = 0
        self.state = WorkerState.STARTING
        self.last_stats: Data = {}
        self.rates = WorkerRates()
        self._stats_at = float("-inf")
        self._stats_asked: asyncio.Task[Data] | None = None
        self._process = process
        self._channel = channel
        self._pass_pipes = pass_pipes
        self._ready = asyncio.get_running_loop().create_future()
        self._dead = asyncio.Event()
        channel.on("notification", self._notified)
        channel.on("close", self._ended)
        self._waiter = asyncio.create_task(self._wait_for_exit())

    @classmethod
    async def spawn(cls, index: int, config: WorkerConfig) -> "MediaWorker":
        """Start the process and connect the channel.

        Raises:
            OSError: the system gives no socket or process.
        """
        with ExitStack() as theirs, ExitStack() as ours:
            channel, channel_fd = _socket_pair(ours, theirs)
            arguments, fds = ["--channel-fd", str(channel_fd)], [channel_fd]
            pass_pipes = None
            if config.pipes:
                pass_pipes, pipe_fd = _socket_pair(ours, theirs)
                arguments += ["--pipe-fd", str(pipe_fd)]
                fds.append(pipe_fd)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sfu.worker", *arguments),
                *("--config", json.dumps(config.to_wire(index))),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=fds,
            )
            theirs.close()
            worker = cls(index, process, await Channel.connect(channel), pass_pipes)
            ours.pop_all()
            return worker

    @property
    def is_ready(self) -> bool:
        """Tell whether it takes rooms."""
        return self.state is WorkerState.READY

    @property
    def exit_status(self) -> int | None:
        """The process's exit status, negative for the signal that killed it, `None` while it runs."""
        return self._process.returncode

    async def ready(self, timeout_s: float) -> bool:
        """Wait until the worker has its socket; tell whether it came so far."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._ready)
        return self.is_ready

    async def dead(self) -> None:
        """Wait until the process is gone and reaped."""
        await asyncio.shield(self._waiter)

    async def request(
        self, method: str, data: Mapping[str, Any] | None = None, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> Data:
        """Ask the worker for something and return its answer.

        Raises:
            NotAvailable: it is gone, stuck or overloaded.
            InvalidInput: it refuses the parameters.
            Conflict: the transport is connected already.
            NotFound: it does not have the object.
            Broken: it answered with an error of its own.
        """
        try:
            return await self._channel.request(method, data, timeout_s)
        except RequestRefusedError as error:
            raise _refusal(method, error) from error
        except (ChannelClosedError, ChannelBusyError, RequestTimeoutError) as error:
            _log.warning("no answer from the media worker", method=method, worker=self.index, error=str(error))
            raise NotAvailable("the media worker of this room is not available") from error

    def post(self, method: str, data: Mapping[str, Any]) -> None:
        """Tell the worker to close or free something, without waiting."""
        with suppress(ChannelClosedError):
            self._channel.post(method, data)

    async def link(self, sock: socket.socket, other: int) -> None:
        """Have the worker take over a socket whose other end the worker of that index gets.

        Raises:
            NotAvailable: it is gone, stuck or overloaded.
        """
        try:
            if self._pass_pipes is None:
                raise NotAvailable("this media worker cannot be linked to others")
            socket.send_fds(self._pass_pipes, [other.to_bytes(2, "big")], [sock.fileno()])
        except OSError as error:
            raise NotAvailable("the media worker takes no link") from error
        await self.request("pipe.link", {"worker": other})

    async def stats(self) -> Data:
        """Return `worker.stats`, at most `STATS_MAX_AGE_S` old.

        Raises:
            NotAvailable: the worker does not answer.
        """
        if time.monotonic() - self._stats_at <= STATS_MAX_AGE_S:
            return self.last_stats
        if self._stats_asked is None or self._stats_asked.done():
            self._stats_asked = asyncio.create_task(self._ask_stats())
        return await asyncio.shield(self._stats_asked)

    async def fresh_stats(self, timeout_s: float = STATS_TIMEOUT_S) -> Data:
        """Ask for `worker.stats` now: after it, everything that was asked before has been done.

        Raises:
            NotAvailable: the worker does not answer within `timeout_s`.
        """
        self.last_stats = await self.request("worker.stats", timeout_s=timeout_s)
        self._stats_at = time.monotonic()
        self.rates.note(self._stats_at, self.last_stats)
        return self.last_stats

    async def stop(self) -> None:
        """End the process: close its channel, then SIGTERM, then SIGKILL. Returns when it is gone."""
        if self.state is not WorkerState.DEAD:
            self.state = WorkerState.STOPPING
        self._channel.close()
        for signum, after_s in ((signal.SIGTERM, TERM_AFTER_S), (signal.SIGKILL, KILL_AFTER_S)):
            with suppress(TimeoutError):
                async with asyncio.timeout(after_s):
                    await self._dead.wait()
                    break
            self._signal(signum)
        await self.dead()

    def kill(self) -> None:
        """End the process at once; it is stuck or speaks garbage."""
        self._signal(signal.SIGKILL)
        self._channel.close()

    async def _ask_stats(self) -> Data:
        return await self.fresh_stats()

    def _signal(self, signum: signal.Signals) -> None:
        # Not by Popen.send_signal: it reaps a process that has just ended, before asyncio learns its exit status.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def _notified(self, event: str, data: Data) -> None:
        if event == "worker.ready":
            self.port = int(data.get("port", 0))
            self._become(WorkerState.READY)
            return
        # The router is told `router.activeSpeaker`, though that names a producer as well.
        if (object_id := data.get(f"{event.partition('.')[0]}Id")) is not None:
            self.emit(object_id, event, data)

    def _become(self, state: WorkerState) -> None:
        if self.state in {WorkerState.DEAD, state}:
            return
        self.state = state
        if not self._ready.done():
            self._ready.set_result(None)

    def _ended(self) -> None:
        if self.state is WorkerState.DEAD:
            return
        if self.state is not WorkerState.STOPPING:
            self._signal(signal.SIGKILL)
        self._become(WorkerState.DEAD)
        if self._pass_pipes is not None:
            self._pass_pipes.close()
        self.emit("dead")
        self.remove_all_listeners()

    async def _wait_for_exit(self) -> None:
        await self._process.wait()
        self._channel.close()
        self._dead.set()


def _socket_pair(ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, int]:
    """Connect two sockets, each end owned by its stack; our end, and the descriptor of the other."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.enter_context(one)
    theirs.enter_context(other)
    one.setblocking(False)
    return one, other.fileno()


def _refusal(method: str, error: RequestRefusedError) -> Exception:
    if error.code == INVALID_INPUT:
        return InvalidInput(error.message)
    if error.code == ALREADY_CONNECTED:
        return Conflict("the transport is connected already", ALREADY_CONNECTED)
    if error.code == NOT_FOUND:
        return NotFound(error.message)
    return Broken(f"the media worker failed {method}: {error}")
