"""mediasoup, as a Node program drives it: workers with a WebRTC server each; README.md says how it is set up.

`mediasoup@DIRECTORY` takes the package from that directory's `node_modules`; else it is that of `tests/interop`.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

from sfu.ortc.media_codecs import DEFAULT_MEDIA_CODECS
from shared.rtp_parameters import dump_rtp_codec_capability
from tests.bench.servers.base import (
    Endpoint,
    Kind,
    Publication,
    ServerError,
    ServerOptions,
    Track,
    pinned,
)
from tests.bench.servers.ortc import CAPABILITIES, Json, parameters_of, track_of
from tests.bench.servers.vtp import dtls_parameters, remote_transport
from tests.support.services import REPOSITORY

_PROGRAM = Path(__file__).with_name("mediasoup_server.mjs")
_INTEROP = REPOSITORY / "tests" / "interop"
_WORKER_VARIABLE = "MEDIASOUP_WORKER_BIN"
_CALL_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 5
_LINE_LIMIT = 1 << 20
"""Longer than any answer; asyncio's 64 KiB are not."""


class NodeProgram:
    """A running `mediasoup_server.mjs`: asks it one line at a time, any number at once."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """Node's own process id."""
        return self._process.pid

    async def call(self, method: str, **params: Any) -> Json:
        """Ask. Raises: ServerError with its sentence if it refuses, or if it has ended or gives no answer."""
        stdin = self._process.stdin
        assert stdin is not None
        number = next(self._ids)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        stdin.write(json.dumps({"id": number, "method": method, **params}).encode() + b"\n")
        if self._reading.done():
            self._fail_all()
        try:
            return await asyncio.wait_for(answer, _CALL_TIMEOUT_S)
        except TimeoutError as error:
            raise ServerError(f"mediasoup: no answer to {method} within {_CALL_TIMEOUT_S} s") from error
        finally:
            self._waiting.pop(number, None)

    async def end(self) -> None:
        """Close its stdin, at which it ends; kill it if it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answered = json.loads(line)
            waiting = self._waiting.get(answered["id"])
            if waiting is None or waiting.done():
                continue
            if "error" in answered:
                waiting.set_exception(ServerError(f"mediasoup: {answered['error']}"))
            else:
                waiting.set_result(answered["answer"])
        self._fail_all()

    def _fail_all(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ServerError("mediasoup: its node program has ended, its log says why"))


class MediasoupRoom:
    """A router; each endpoint has one transport there."""

    def __init__(self, program: NodeProgram, name: str) -> None:
        self._program = program
        self._name = name
        self._transports: dict[str, str] = {}

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Connect a transport and produce."""
        await self._connect(endpoint)
        return [await self._produce(endpoint, track) for track in tracks]

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Connect a transport if there is none yet, and consume."""
        if endpoint.name not in self._transports:
            await self._connect(endpoint)
        transport = self._transports[endpoint.name]
        for publication in publications:
            answer = await self._call(
                "consume", transportId=transport, producerId=publication.id, rtpCapabilities=CAPABILITIES
            )
            kind = cast("Kind", answer["kind"])
            await endpoint.expect([track_of(kind, answer["rtpParameters"])])
            await self._call("resume", consumerId=answer["id"])

    async def leave(self, endpoint: Endpoint) -> None:
        """Close the endpoint's transport and what is on it."""
        await self._call("closeTransport", transportId=self._transports.pop(endpoint.name))

    async def close(self) -> None:
        """Close the router."""
        await self._call("closeRoom")

    async def _call(self, method: str, **params: Any) -> Json:
        return await self._program.call(method, room=self._name, **params)

    async def _connect(self, endpoint: Endpoint) -> None:
        offered = await self._call("createTransport")
        self._transports[endpoint.name] = transport = offered["transportId"]
        await self._call("connectTransport", transportId=transport, dtlsParameters=dtls_parameters(endpoint.local))
        await endpoint.connect(remote_transport(offered))

    async def _produce(self, endpoint: Endpoint, track: Track) -> Publication:
        answer = await self._call(
            "produce",
            transportId=self._transports[endpoint.name],
            kind=track.kind,
            rtpParameters=parameters_of(track),
        )
        return Publication(answer["id"], track, endpoint)


class Mediasoup:
    """mediasoup's workers and the Node program that owns them."""

    name = "mediasoup"
    host = "127.0.0.1"
    reencodes = False

    def __init__(self, options: ServerOptions, directory: Path, node: str) -> None:
        self.version = ""
        self._options = options
        self._directory = directory
        self._node = node
        self._program: NodeProgram | None = None
        self._workers: list[int] = []

    async def start(self) -> None:
        """Start Node and the workers."""
        self._options.log_dir.mkdir(parents=True, exist_ok=True)
        self._program = NodeProgram(await self._spawn())
        codecs = [dump_rtp_codec_capability(codec) for codec in DEFAULT_MEDIA_CODECS]
        started = await self._program.call("start", mediaCodecs=codecs)
        self.version = started["version"]
        self._workers = started["workers"]

    async def _spawn(self) -> asyncio.subprocess.Process:
        arguments = [str(_PROGRAM), str(self._directory), str(self._options.workers)]
        with (self._options.log_dir / "mediasoup.log").open("wb") as log, pinned(self._options.cores):
            return await asyncio.create_subprocess_exec(
                self._node,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
            )

    async def stop(self) -> None:
        """End Node, and with it the workers."""
        program, self._program = self._program, None
        self._workers = []
        if program is not None:
            await program.end()

    def pids(self) -> dict[int, str]:
        """Node, which only controls, and the workers."""
        if self._program is None:
            return {}
        return {self._program.pid: "node", **{pid: f"worker {n}" for n, pid in enumerate(self._workers)}}

    async def room(self, name: str) -> MediasoupRoom:
        """Make a router."""
        if self._program is None:
            raise ServerError("mediasoup is not running")
        await self._program.call("createRoom", room=name)
        return MediasoupRoom(self._program, name)


def create(options: ServerOptions, argument: str) -> Mediasoup:
    """Make the driver. Raises: ServerError with how to have what is missing."""
    directory = Path(argument).resolve() if argument else _INTEROP
    node = shutil.which("node")
    package = directory / "node_modules" / "mediasoup"
    if node is None or not package.is_dir():
        raise ServerError(f"mediasoup needs Node and its package: run `npm ci` in {directory}")
    built = package / "worker" / "out" / "Release" / "mediasoup-worker"
    worker = Path(os.environ.get(_WORKER_VARIABLE) or built)
    if not worker.is_file():
        raise ServerError(
            f"mediasoup has no worker at {worker}: `npm rebuild mediasoup` in {directory} fetches or compiles it, "
            f"or let {_WORKER_VARIABLE} name one"
        )
    return Mediasoup(options, directory, node)
