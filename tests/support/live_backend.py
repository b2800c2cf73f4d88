"""The whole backend in the test's process, on a real database, with a real SFU beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from backend import keys
from backend.app import create_app
from backend.domain.live_presence import LivePresence
from backend.domain.users import Role
from backend.settings import Settings
from tests.support.api_conformance import watch_api
from tests.support.backend import ADMIN_EMAIL, API, PASSWORD
from tests.support.protoo_client import ProtooClient, connect
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

Json = dict[str, Any]


@dataclass
class LiveBackend:
    """A running backend. Sockets opened through it are closed with it."""

    server: TestServer
    session: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)
    _sockets: list[ProtooClient] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its base URL."""
        return str(self.server.make_url("")).rstrip("/")

    @property
    def presence(self) -> LivePresence:
        """The live side of its rooms."""
        presence = self.server.app[keys.PRESENCE]
        assert isinstance(presence, LivePresence)
        return presence

    async def call(self, method: str, path: str, token: str | None = None, body: Any = None) -> tuple[int, Any]:
        """Ask the REST API; return status and parsed body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(method, self.url + API + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    async def sign_in(self, email: str) -> str:
        """Sign in; return the access token."""
        status, body = await self.call("POST", "/auth/login", body={"email": email, "password": PASSWORD})
        assert status == 200, body
        token: str = body["access_token"]
        return token

    async def token(self, name: str, role: Role = Role.STUDENT) -> str:
        """Return an access token of the user of that name, who is made on first use."""
        if name not in self.tokens:
            admin = self.tokens.setdefault("admin", await self.sign_in(ADMIN_EMAIL))
            email = f"{name}@school.example"
            body = {"email": email, "password": PASSWORD, "full_name": name.title(), "role": role.value}
            status, answer = await self.call("POST", "/auth/register", admin, body)
            assert status == 201, answer
            self.tokens[name] = await self.sign_in(email)
        return self.tokens[name]

    async def socket(self, name: str, role: Role = Role.STUDENT) -> ProtooClient:
        """Open a socket as the user of that name."""
        client = await connect(self.session, self.url, token=await self.token(name, role))
        self._sockets.append(client)
        return client

    async def joined(self, name: str, role: Role = Role.STUDENT, room: str = "physics") -> "Seat":
        """Open a socket and join a room."""
        client = await self.socket(name, role)
        return Seat(client, await client.request("join-room", roomId=room))

    async def close_sockets(self) -> None:
        """Close all sockets opened here."""
        await asyncio.gather(*(client.close() for client in self._sockets))


@dataclass
class Seat:
    """A socket that has joined a room, and the answer it got."""

    client: ProtooClient
    joined: Json

    @property
    def id(self) -> str:
        """The participant's id."""
        identity: str = self.joined["participantId"]
        return identity

    async def transport(self, direction: str = "send") -> str:
        """Make a transport and return its id."""
        transport_id: str = (await self.client.request("create-transport", direction=direction))["transportId"]
        return transport_id

    async def produce(self, kind: str = "audio", *, ssrc: int = 1111, **fields: Any) -> str:
        """Produce on a new transport, with what Chromium sends; return the producer's id."""
        one = {"ssrc": ssrc, **({"rtx": {"ssrc": ssrc + 1}} if kind == "video" else {})}
        encodings = fields.pop("encodings", [one])
        parameters = producer_parameters("chromium", kind, encodings=encodings, mid=str(ssrc))
        transport_id = fields.pop("transportId", None) or await self.transport()
        answer = await self.client.request(
            "produce", transportId=transport_id, kind=kind, rtpParameters=parameters, **fields
        )
        producer_id: str = answer["producerId"]
        return producer_id

    async def consume(self, producer_id: str, **fields: Any) -> Json:
        """Consume on a new transport, with Chromium's capabilities; return the answer."""
        transport_id = fields.pop("transportId", None) or await self.transport("recv")
        return await self.client.request(
            "consume",
            producerId=producer_id,
            transportId=transport_id,
            rtpCapabilities=receiver_capabilities("chromium"),
            **fields,
        )


@asynccontextmanager
async def running_backend(settings: Settings) -> AsyncIterator[LiveBackend]:
    """Run a backend with these settings."""
    app: web.Application = watch_api(create_app(settings))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        server = await stack.enter_async_context(TestServer(app))
        backend = LiveBackend(server, session)
        stack.push_async_callback(backend.close_sockets)
        yield backend
