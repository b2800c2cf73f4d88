"""aiortc's MediaRelay as a server: `relay_app`, started as a process and driven over its HTTP API.

It decodes and encodes anew, so what arrives are other packets than were sent: delivery is counted in frames, and
there is no latency by payload.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import aiortc

from tests.bench.servers import sdp
from tests.bench.servers.base import Endpoint, Publication, ServerError, ServerOptions, Track
from tests.bench.servers.child import Child, own_address
from tests.support.services import INHERITED, REPOSITORY

READY_WITHIN_S = 20.0


class RelayRoom:
    """A room is nothing to the server: who watches names the publishers."""

    def __init__(self, http: aiohttp.ClientSession, name: str) -> None:
        self._http = http
        self._name = name
        self._endpoints: set[str] = set()

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Offer to send the tracks."""
        offered = sdp.offer(endpoint.local, tracks)
        answered = await self._ask(endpoint, "publish", {"type": "offer", "sdp": offered})
        await endpoint.connect(sdp.remote_transport(answered))
        return [Publication(f"{endpoint.name}:{index}", track, endpoint) for index, track in enumerate(tracks)]

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Offer to receive such tracks, all in one connection. Raises: ServerError for a second call."""
        if endpoint.name in self._endpoints:
            raise ServerError("a connection of aiortc's server is negotiated once")
        wanted = [publication.id.rsplit(":", 1) for publication in publications]
        offered = sdp.offer(endpoint.local, [_received(n, one) for n, one in enumerate(publications)], "recvonly")
        body = {"type": "offer", "sdp": offered, "tracks": [[name, int(index)] for name, index in wanted]}
        answered = await self._ask(endpoint, "watch", body)
        await endpoint.expect(sdp.sent_tracks(answered))
        await endpoint.connect(sdp.remote_transport(answered))

    async def leave(self, endpoint: Endpoint) -> None:
        """Close the endpoint's connection."""
        self._endpoints.discard(endpoint.name)
        await self._ask(endpoint, "leave", {})

    async def close(self) -> None:
        """Close all connections of the room."""
        for name in list(self._endpoints):
            await self._post(f"/leave/{name}", {})
        self._endpoints.clear()

    async def _ask(self, endpoint: Endpoint, verb: str, body: Mapping[str, object]) -> str:
        if verb != "leave":
            self._endpoints.add(endpoint.name)
        return str((await self._post(f"/{verb}/{endpoint.name}", body)).get("sdp", ""))

    async def _post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        async with self._http.post(f"http://relay{path}", json=body) as response:
            if response.status != 200:
                raise ServerError(f"aiortc's server answered {response.status} to {path}")
            answer: dict[str, object] = await response.json()
            return answer


class AiortcRelay:
    """One process of `relay_app`; aiortc encodes in the threads of its executor."""

    name = "aiortc"
    reencodes = True

    def __init__(self, options: ServerOptions) -> None:
        self.version = aiortc.__version__
        self.host = own_address()
        self._options = options
        self._log = options.log_dir / "aiortc.log"
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: Child | None = None
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self._folder = tempfile.TemporaryDirectory(prefix="bench-aiortc-")
        path = Path(self._folder.name) / "api.sock"
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env["PYTHONPATH"] = str(REPOSITORY)
        command = [sys.executable, "-m", "tests.bench.servers.relay_app", str(path)]
        self._process = Child(command, self._log, self._options.cores, env)
        timeout = aiohttp.ClientTimeout(total=60)
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), timeout=timeout)
        await self._wait(self._http, self._process)

    async def _wait(self, http: aiohttp.ClientSession, process: Child) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        while asyncio.get_running_loop().time() < deadline and not process.has_ended():
            try:
                async with http.get("http://relay/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        raise ServerError(f"aiortc's server did not start: see {self._log}")

    async def stop(self) -> None:
        """Stop it."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.stop)
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def pids(self) -> dict[int, str]:
        """The one process."""
        return {} if self._process is None else {self._process.pid: "aiortc"}

    async def room(self, name: str) -> RelayRoom:
        """Name a room."""
        if self._http is None:
            raise ServerError("aiortc's server is not running")
        return RelayRoom(self._http, name)


def create(options: ServerOptions, argument: str) -> AiortcRelay:
    """Make the driver; it takes no argument."""
    return AiortcRelay(options)


def _received(number: int, publication: Publication) -> Track:
    """Return the track as the one who watches offers to receive it: sections are numbered anew."""
    track = publication.track
    return Track(
        kind=track.kind,
        ssrc=0,
        payload_type=track.payload_type,
        mid=str(number),
        clock_rate=track.clock_rate,
        rtx_payload_type=track.rtx_payload_type,
        extensions=track.extensions,
    )
