"""The harness's side of the load: starts the load processes and hands out endpoints that live in them."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.load.clips import Library
from tests.bench.load.histogram import Histogram
from tests.bench.servers.base import LocalTransport, Profile, RemoteTransport, ServerError, Track, pinned
from tests.support.services import REPOSITORY

Json = dict[str, Any]

LINE_LIMIT = 1 << 24
STOPPED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How the load runs: on which cores, with how many receiving processes, with browsers' feedback or without."""

    cores: tuple[int, ...]
    profile: Profile
    receivers: int = 1
    feedback: bool = True


class RemoteProcess:
    """One load process and the channel to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", parent: socket.socket) -> None:
        self.pid = process.pid
        self._process = process
        self._parent = parent
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, cores: Sequence[int], *, exact: bool) -> "RemoteProcess":
        """Start one on these cores."""
        parent, child = socket.socketpair()
        with child:
            remote = cls(_start(child.fileno(), cores, exact=exact), parent)
        reader, remote._writer = await asyncio.open_connection(sock=parent, limit=LINE_LIMIT)
        remote._reading = asyncio.create_task(remote._read(reader))
        return remote

    async def ask(self, op: str, **fields: Any) -> Any:
        """Send a command and wait for its answer. Raises: ServerError with what the process says."""
        assert self._writer is not None
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"id": number, "op": op, **fields}).encode() + b"\n")
        return await future

    async def stop(self) -> None:
        """Hang up and wait for its end."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        try:
            await asyncio.to_thread(self._process.wait, STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                answer = json.loads(line)
                future = self._waiting.pop(answer["id"])
                if future.done():
                    continue
                if "error" in answer:
                    future.set_exception(ServerError(answer["error"]))
                else:
                    future.set_result(answer["ok"])
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ServerError("a load process has died"))


def _start(fd: int, cores: Sequence[int], *, exact: bool) -> "subprocess.Popen[bytes]":
    arguments = [sys.executable, "-m", "tests.bench.load.process", str(fd), *(["--exact"] if exact else [])]
    with pinned(cores):
        return subprocess.Popen(arguments, pass_fds=(fd,), cwd=REPOSITORY)


class LoadEndpoint:
    """The handle of one endpoint."""

    def __init__(self, name: str, process: RemoteProcess, local: LocalTransport) -> None:
        self.name = name
        self.local = local
        self.process = process

    async def connect(self, remote: RemoteTransport) -> None:
        """Do ICE and DTLS."""
        try:
            await self.process.ask("connect", name=self.name, remote=asdict(remote))
        except ServerError as error:
            raise ServerError(f"{self.name}: {error}") from None

    async def expect(self, tracks: Sequence[Track]) -> None:
        """Announce streams."""
        await self.process.ask("expect", name=self.name, tracks=[asdict(track) for track in tracks])

    async def send(self, track: Track, clip: int, phase: float = 0.0) -> None:
        """Start to send a clip of the library, `phase` seconds from now."""
        await self.process.ask("send", name=self.name, track=asdict(track), clip=clip, phase=phase)

    async def close(self) -> None:
        """Say farewell and forget the endpoint with its counts."""
        await self.process.ask("close", name=self.name)


@dataclass(slots=True)
class Counts:
    """What all load processes have counted, together. `totals` and `latency` since the last reset."""

    sent: dict[str, dict[int, list[int]]]
    received: dict[str, dict[int, list[int]]]
    totals: dict[str, int]
    latency: Histogram
    drops: int
    refused: int
    cpu_s: dict[str, float]
    lag_us: dict[str, int]
    begun: dict[str, dict[int, list[int]]]
    """When each stream's first packet came and when its first decodable one did, in ns of the wall clock, or 0."""


class Generator:
    """The load processes of one run: one for publishers, one or more for receivers."""

    def __init__(self, options: LoadOptions, publishers: RemoteProcess, receivers: list[RemoteProcess]) -> None:
        self.options = options
        self.publishers = publishers
        self.receivers = receivers
        self._next = itertools.cycle(receivers)

    @property
    def processes(self) -> dict[str, RemoteProcess]:
        """All processes by what they do."""
        return {"publishers": self.publishers, **{f"receivers {n}": one for n, one in enumerate(self.receivers)}}

    async def publisher(self, name: str, group: int = 0) -> LoadEndpoint:
        """Make an endpoint that is to send, in one of the library's groups."""
        return await self._open(name, self.publishers, group)

    async def subscriber(self, name: str, group: int = 0, process: int | None = None) -> LoadEndpoint:
        """Make an endpoint that is to receive what is sent in its group, in the next or in that process."""
        return await self._open(name, next(self._next) if process is None else self.receivers[process], group)

    async def hold(self) -> None:
        """Let all publishers stop sending media."""
        await self.publishers.ask("hold")

    async def go(self) -> None:
        """Let them send on."""
        await self.publishers.ask("go")

    async def reset(self) -> None:
        """Begin totals and latencies anew; what streams have counted goes on."""
        await asyncio.gather(*(process.ask("reset") for process in self.processes.values()))

    async def counts(self) -> Counts:
        """Ask all processes and add up."""
        answers = {name: await process.ask("counts") for name, process in self.processes.items()}
        counts = Counts({}, {}, {}, Histogram(), 0, 0, {}, {}, {})
        for process, answer in answers.items():
            counts.cpu_s[process] = answer["cpu_s"]
            counts.lag_us[process] = answer["lag_us"]
            counts.drops += answer["drops"]
            for name, value in answer["totals"].items():
                counts.totals[name] = counts.totals.get(name, 0) + value
            buckets = {int(bucket): count for bucket, count in answer["latency"]["counts"].items()}
            counts.latency.merge(Histogram(buckets, answer["latency"]["longest_us"]))
            for name, peer in answer["peers"].items():
                counts.refused += peer["refused"]
                counts.begun[name] = {int(ssrc): times for ssrc, times in peer["begun"].items()}
                counts.sent[name] = {int(ssrc): numbers for ssrc, numbers in peer["sent"].items()}
                counts.received[name] = {int(ssrc): numbers for ssrc, numbers in peer["received"].items()}
        return counts

    @staticmethod
    async def _open(name: str, process: RemoteProcess, group: int) -> LoadEndpoint:
        local = LocalTransport(**await process.ask("open", name=name, group=group))
        return LoadEndpoint(name, process, local)


@contextmanager
def _shared_files(library: Library) -> Iterator[tuple[Path, Path]]:
    """Write the clips, and make the table of send times; both in memory where there is such a place."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vtp-bench-", dir=place) as name:
        clips, times = Path(name, "clips.json"), Path(name, "times")
        library.save(clips)
        times.write_bytes(bytes(8 * max(1, library.slots * library.groups)))
        yield clips, times


@asynccontextmanager
async def running_load(options: LoadOptions, library: Library, host: str) -> AsyncIterator[Generator]:
    """Run load processes that know these clips and bind to this address, for the length of a block."""
    with _shared_files(library) as (clips, times):
        processes: list[RemoteProcess] = []
        try:
            for n in range(1 + options.receivers):
                process = await RemoteProcess.start(options.cores, exact=n == 0)
                processes.append(process)
            for process in processes:
                await process.ask(
                    "configure",
                    host=host,
                    profile=options.profile,
                    feedback=options.feedback,
                    library=str(clips),
                    times=str(times),
                )
            yield Generator(options, processes[0], processes[1:])
        finally:
            for process in processes:
                await process.stop()
