"""The SFU's control process in the test's process, with real media workers, and a client that speaks its API."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import psutil
from aiohttp.test_utils import TestServer

from sfu.api.keys import EVENTS, POOL, ROOMS
from sfu.app import create_app
from sfu.control.event_log import EventLog
from sfu.control.limits import Limits
from sfu.control.room_registry import RoomRegistry
from sfu.control.worker_pool import WorkerPool
from sfu.settings import Settings
from tests.support.rtp_samples import producer_parameters, receiver_capabilities
from tests.support.services import free_udp_range

FINGERPRINT = {"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with its JSON body parsed."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str | None:
        """The stable code of an error."""
        return self.body.get("code") if isinstance(self.body, dict) else None

    def ok(self) -> Any:
        """Return the body of an answer that must be a success."""
        assert self.status == 200, (self.status, self.body)
        return self.body


class EventFollower:
    """A subscriber of `/events`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hello: Json) -> None:
        self.socket = socket
        self.hello = hello

    async def next(self) -> Json:
        """Wait for the next event."""
        event: Json = await self.socket.receive_json(timeout=30)
        return event

    async def until(self, name: str, **fields: Any) -> list[Json]:
        """Read events up to one of that name with these fields; return all that were read."""
        seen: list[Json] = []
        while True:
            seen.append(await self.next())
            if seen[-1]["event"] == name and fields.items() <= seen[-1].items():
                return seen


class SfuApi:
    """Calls one SFU."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request, with `body` as JSON, and read the answer whatever its status."""
        if body is not None:
            options["data"] = io.BytesIO(json.dumps(body).encode())
        async with self.session.request(method, self.url + path, **options) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json"
            parsed = json.loads(raw) if is_json else raw.decode()
            return Answer(response.status, parsed, response.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        """Send a GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a POST."""
        return await self.call("POST", path, body, **options)

    async def join(self, room: str, peer: str, **fields: Any) -> Answer:
        """Join a room."""
        return await self.post(f"/rooms/{room}/peers", {"peerId": peer, "userId": f"user-{peer}", **fields})

    async def leave(self, room: str, peer: str) -> Answer:
        """Leave a room."""
        return await self.post(f"/rooms/{room}/peers/{peer}/leave")

    async def create_transport(self, room: str, peer: str, direction: str, **fields: Any) -> Answer:
        """Make a transport."""
        return await self.post(f"/rooms/{room}/transports", {"peerId": peer, "direction": direction, **fields})

    async def connect(self, room: str, transport_id: str) -> Answer:
        """Connect a transport with a fingerprint that no one has."""
        parameters = {"role": "client", "fingerprints": [FINGERPRINT]}
        return await self.post(f"/rooms/{room}/transports/{transport_id}/connect", {"dtlsParameters": parameters})

    async def produce(self, room: str, peer: str, kind: str = "audio", **fields: Any) -> Answer:
        """Produce on the peer's send transport, as Chromium does with one unnamed stream."""
        ssrc = fields.pop("ssrc", 1111)
        encodings = [{"ssrc": ssrc, **({"rtx": {"ssrc": ssrc + 1}} if kind == "video" else {})}]
        parameters = producer_parameters("chromium", kind, encodings=encodings, mid=str(ssrc))
        return await self.post(
            f"/rooms/{room}/producers",
            {"peerId": peer, "kind": kind, "rtpParameters": parameters, **fields},
        )

    async def consume(self, room: str, peer: str, producer_id: str, **fields: Any) -> Answer:
        """Consume on the peer's receive transport, as Chromium does."""
        capabilities = fields.pop("rtpCapabilities", receiver_capabilities("chromium"))
        body = {"peerId": peer, "producerId": producer_id, "rtpCapabilities": capabilities, **fields}
        return await self.post(f"/rooms/{room}/consumers", body)

    @asynccontextmanager
    async def events(self, **options: Any) -> AsyncIterator[EventFollower]:
        """Follow the events."""
        async with self.session.ws_connect(self.url + "/events", **options) as socket:
            yield EventFollower(socket, await socket.receive_json(timeout=30))


class RunningSfu(SfuApi):
    """An SFU whose control process is this process, so that tests can look inside."""

    def __init__(self, session: aiohttp.ClientSession, server: TestServer) -> None:
        super().__init__(session, str(server.make_url("")).rstrip("/"))
        self.app = server.app

    @property
    def pool(self) -> WorkerPool:
        """Its workers."""
        return self.app[POOL]

    @property
    def rooms(self) -> RoomRegistry:
        """Its rooms."""
        return self.app[ROOMS]

    @property
    def event_log(self) -> EventLog:
        """Its events."""
        return self.app[EVENTS]

    async def worker_counts(self) -> Json:
        """Return how many objects the workers hold together, after all that was asked so far."""
        stats = await asyncio.gather(*(worker.fresh_stats() for worker in self.pool.ready_workers))
        return {kind: sum(entry[kind] for entry in stats) for kind in NOTHING}

    async def drops(self, reason: str) -> int:
        """Return how many packets the workers have dropped for this reason."""
        stats = await asyncio.gather(*(worker.fresh_stats() for worker in self.pool.ready_workers))
        return sum(entry["drops"].get(reason, 0) for entry in stats)


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds, which another task or process will bring about."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing tells when it comes to hold
            await asyncio.sleep(0.001)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, reaped by its parent or not."""
    try:
        ended: bool = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return ended


NOTHING = {
    "routers": 0,
    "transports": 0,
    "producers": 0,
    "consumers": 0,
    "dataProducers": 0,
    "dataConsumers": 0,
    "pipedProducers": 0,
}


def settings_for_tests(**changes: Any) -> Settings:
    """Make settings with one worker and a free range of UDP ports."""
    first, last = free_udp_range()
    return replace(Settings(rtc_min_port=first, rtc_max_port=last, workers=1, log_level="warning"), **changes)


@asynccontextmanager
async def running_sfu(limits: Limits | None = None, **settings: Any) -> AsyncIterator[RunningSfu]:
    """Run an SFU; keyword arguments change its settings."""
    server = TestServer(create_app(settings_for_tests(**settings), limits))
    async with server, aiohttp.ClientSession() as session:
        yield RunningSfu(session, server)
