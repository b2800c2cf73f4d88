"""Our own SFU, started as a real process and driven over its HTTP API.

`vtp@PATH` starts the one of another checkout, with that directory as its working directory.
"""

import asyncio
import importlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tests.bench.load.http_calls import HttpCallError, HttpCalls
from tests.bench.processes import children
from tests.bench.servers.base import (
    Endpoint,
    Kind,
    LocalTransport,
    Publication,
    RemoteTransport,
    ServerError,
    ServerOptions,
    Track,
    pinned,
)
from tests.bench.servers.ortc import CAPABILITIES, Json, parameters_of, track_of
from tests.support.services import INHERITED, REPOSITORY, Service, free_tcp_port, free_udp_range

CALLS_AT_ONCE = 100
"""The connections that a backend's HTTP client keeps by default, aiohttp's as well."""

COMPARED = ("SFU_ROOM_SPREAD",)
"""Settings of the SFU that measurements compare: it has them from whoever starts the benchmark."""


class VtpRoom:
    """A room over the HTTP API; the peer of an endpoint bears the endpoint's name."""

    def __init__(self, calls: HttpCalls, name: str) -> None:
        self._calls = calls
        self._path = f"/rooms/{name}"
        self._transports: dict[str, str] = {}

    async def call(self, path: str, body: Json | None = None, method: str = "POST") -> Json:
        """Ask the SFU. Raises: ServerError with its answer if that is no success."""
        try:
            return await self._calls.call("room", method, self._path + path, body)
        except HttpCallError as error:
            raise ServerError(str(error)) from None

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Join, connect a send transport, produce."""
        await endpoint.connect(await self._new_transport(endpoint, "send"))
        return [await self._produce(endpoint, track) for track in tracks]

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Join and connect a receive transport if there is none yet, and consume meanwhile, as a browser does."""
        steps = [self._consume_all(endpoint, publications)]
        if endpoint.name not in self._transports:
            steps.append(endpoint.connect(await self._new_transport(endpoint, "recv")))
        await asyncio.gather(*steps)

    async def _consume_all(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        for publication in publications:
            await self._consume(endpoint, publication)

    async def _consume(self, endpoint: Endpoint, publication: Publication) -> None:
        body = {
            "peerId": endpoint.name,
            "producerId": publication.id,
            "rtpCapabilities": CAPABILITIES,
            "paused": True,
        }
        answer = await self.call("/consumers", body)
        kind = cast("Kind", answer["kind"])
        await endpoint.expect([track_of(kind, answer["rtpParameters"])])
        await self.call(f"/consumers/{answer['id']}/resume", {})

    async def leave(self, endpoint: Endpoint) -> None:
        """Let the peer leave."""
        self._transports.pop(endpoint.name, None)
        await self.call(f"/peers/{endpoint.name}/leave", {})

    async def close(self) -> None:
        """Close the room."""
        await self.call("", method="DELETE")

    async def _new_transport(self, endpoint: Endpoint, direction: str) -> RemoteTransport:
        await self.call("/peers", {"peerId": endpoint.name, "userId": endpoint.name})
        offered = await self.call("/transports", {"peerId": endpoint.name, "direction": direction})
        self._transports[endpoint.name] = transport = offered["transportId"]
        await self.call(f"/transports/{transport}/connect", {"dtlsParameters": dtls_parameters(endpoint.local)})
        return remote_transport(offered)

    async def _produce(self, endpoint: Endpoint, track: Track) -> Publication:
        body = {"peerId": endpoint.name, "kind": track.kind, "rtpParameters": parameters_of(track)}
        answer = await self.call("/producers", body)
        return Publication(answer["id"], track, endpoint)


def dtls_parameters(local: LocalTransport) -> Json:
    """Return an endpoint's side as mediasoup's `dtlsParameters`."""
    fingerprint = {"algorithm": local.fingerprint_algorithm, "value": local.fingerprint}
    return {"role": local.dtls_role, "fingerprints": [fingerprint]}


def remote_transport(offered: Json) -> RemoteTransport:
    """Read mediasoup-shaped transport parameters; the UDP candidate is taken."""
    ice, dtls = offered["iceParameters"], offered["dtlsParameters"]
    candidate = next(one for one in offered["iceCandidates"] if one["protocol"] == "udp")
    return RemoteTransport(
        ice_ufrag=ice["usernameFragment"],
        ice_pwd=ice["password"],
        host=candidate.get("ip") or candidate["address"],
        port=candidate["port"],
        fingerprints=tuple((one["algorithm"], one["value"]) for one in dtls["fingerprints"]),
        dtls_role=dtls.get("role", "auto"),
    )


class Vtp:
    """The SFU of one checkout."""

    host = "127.0.0.1"
    reencodes = False

    def __init__(self, options: ServerOptions, checkout: Path, name: str) -> None:
        self.name = name
        self.version = ""
        self._options = options
        self._checkout = checkout
        self._service: Service | None = None
        self._calls: HttpCalls | None = None

    async def start(self) -> None:
        """Start the control process and its workers."""
        await asyncio.to_thread(self._start)
        self.version = await asyncio.to_thread(self._describe)

    def _start(self) -> None:
        first, last = free_udp_range()
        port = free_tcp_port()
        env = {name: os.environ[name] for name in (*INHERITED, *COMPARED) if name in os.environ}
        env |= {
            "SFU_PORT": str(port),
            "SFU_WORKERS": str(self._options.workers),
            "RTC_MIN_PORT": str(first),
            "RTC_MAX_PORT": str(last),
        }
        self._options.log_dir.mkdir(parents=True, exist_ok=True)
        self._service = Service(
            name=self.name,
            module="sfu",
            env=env,
            url=f"http://127.0.0.1:{port}",
            health_path="/health/ready",
            log_path=self._options.log_dir / f"{self.name}.log",
            cwd=self._checkout,
            stop_signal=signal.SIGINT,
        )
        with pinned(self._options.cores):
            self._service.start()

    def _describe(self) -> str:
        version = str(importlib.import_module("shared").__version__)
        command = ["git", "describe", "--always", "--dirty"]
        git = subprocess.run(command, cwd=self._checkout, capture_output=True, text=True, check=False)
        return f"{version} ({git.stdout.strip()})" if git.returncode == 0 else version

    async def stop(self) -> None:
        """Stop it."""
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.close()
        service, self._service = self._service, None
        if service is not None:
            await asyncio.to_thread(service.stop)

    def pids(self) -> dict[int, str]:
        """The control process and the workers."""
        if self._service is None:
            return {}
        control = self._service.pid
        return {control: "control", **{pid: f"worker {n}" for n, pid in enumerate(children(control))}}

    @property
    def api_address(self) -> tuple[str, int]:
        """Host and port of the HTTP API."""
        if self._service is None:
            raise ServerError(f"{self.name} is not running")
        host, _, port = self._service.url.rpartition("/")[2].partition(":")
        return host, int(port)

    async def room(self, name: str) -> VtpRoom:
        """Name a room; the first who joins makes it."""
        if self._calls is None:
            self._calls = HttpCalls(*self.api_address, CALLS_AT_ONCE)
        return VtpRoom(self._calls, name)


def create(options: ServerOptions, argument: str) -> Vtp:
    """Make the driver; `argument` is the checkout, this one if empty."""
    if not argument:
        return Vtp(options, REPOSITORY, "vtp")
    checkout = Path(argument).resolve()
    if not (checkout / "sfu" / "__main__.py").exists():
        raise ServerError(f"{checkout} holds no SFU")
    return Vtp(options, checkout, f"vtp@{checkout.name}")
