"""Our own SFU, started as a real process and driven over its HTTP API.

`vtp@PATH` starts the one of another checkout, with that directory as its working directory.
"""

import asyncio
import importlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import aiohttp

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


class VtpRoom:
    """A room over the HTTP API; the peer of an endpoint bears the endpoint's name."""

    def __init__(self, session: aiohttp.ClientSession, name: str) -> None:
        self._session = session
        self._path = f"/rooms/{name}"
        self._transports: dict[str, str] = {}

    async def call(self, path: str, body: Json | None = None, method: str = "POST") -> Json:
        """Ask the SFU. Raises: ServerError with its answer if that is no success."""
        async with self._session.request(method, self._path + path, json=body) as response:
            answer: Json = await response.json()
            if response.status != 200:
                raise ServerError(f"{method} {self._path}{path}: {response.status} {answer}")
            return answer

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Join, connect a send transport, produce."""
        await self._connect(endpoint, "send")
        return [await self._produce(endpoint, track) for track in tracks]

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Join and connect a receive transport if there is none yet, and consume."""
        if endpoint.name not in self._transports:
            await self._connect(endpoint, "recv")
        for publication in publications:
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

    async def _connect(self, endpoint: Endpoint, direction: str) -> None:
        await self.call("/peers", {"peerId": endpoint.name, "userId": endpoint.name})
        offered = await self.call("/transports", {"peerId": endpoint.name, "direction": direction})
        self._transports[endpoint.name] = transport = offered["transportId"]
        await self.call(f"/transports/{transport}/connect", {"dtlsParameters": dtls_parameters(endpoint.local)})
        await endpoint.connect(remote_transport(offered))

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
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Start the control process and its workers."""
        await asyncio.to_thread(self._start)
        self.version = await asyncio.to_thread(self._describe)

    def _start(self) -> None:
        first, last = free_udp_range()
        port = free_tcp_port()
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
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
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        service, self._service = self._service, None
        if service is not None:
            await asyncio.to_thread(service.stop)

    def pids(self) -> dict[int, str]:
        """The control process and the workers."""
        if self._service is None:
            return {}
        control = self._service.pid
        children = Path(f"/proc/{control}/task/{control}/children").read_text().split()
        return {control: "control", **{int(pid): f"worker {n}" for n, pid in enumerate(children)}}

    @property
    def api_address(self) -> tuple[str, int]:
        """Host and port of the HTTP API."""
        if self._service is None:
            raise ServerError(f"{self.name} is not running")
        host, _, port = self._service.url.rpartition("/")[2].partition(":")
        return host, int(port)

    async def room(self, name: str) -> VtpRoom:
        """Name a room; the first who joins makes it."""
        if self._service is None:
            raise ServerError(f"{self.name} is not running")
        if self._session is None:
            timeout: Any = aiohttp.ClientTimeout(total=30)
            self._session = aiohttp.ClientSession(self._service.url, timeout=timeout)
        return VtpRoom(self._session, name)


def create(options: ServerOptions, argument: str) -> Vtp:
    """Make the driver; `argument` is the checkout, this one if empty."""
    if not argument:
        return Vtp(options, REPOSITORY, "vtp")
    checkout = Path(argument).resolve()
    if not (checkout / "sfu" / "__main__.py").exists():
        raise ServerError(f"{checkout} holds no SFU")
    return Vtp(options, checkout, f"vtp@{checkout.name}")
