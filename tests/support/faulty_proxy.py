"""A proxy before a real service, HTTP and WebSocket, that falsifies what a test wants and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

PASSED_ON = {"Authorization", "Content-Type"}
"""Headers of requests that matter to the service."""


@dataclass(frozen=True)
class Reply:
    """What is answered: a status and a JSON body, or a text."""

    status: int
    body: Any

    def having(self, **fields: Any) -> "Reply":
        """Return it with other fields."""
        return replace(self, body={**self.body, **fields})

    def without(self, *fields: str) -> "Reply":
        """Return it without some fields."""
        return replace(self, body={name: value for name, value in self.body.items() if name not in fields})


@dataclass(frozen=True)
class Asked:
    """A request on its way. `forward` asks the real service, as it is."""

    method: str
    path: str
    forward: Callable[[], Awaitable[Reply]]


Fault = Callable[[Asked], Awaitable[Reply]]
Message = dict[str, Any]
MessageFault = Callable[[Message], Message | None]
"""What becomes of a message of a WebSocket's server: None swallows it."""


UPGRADED = Reply(101, {})
"""A WebSocket is passed on, unless a fault answers something else."""


async def no_fault(asked: Asked) -> Reply:
    """Pass everything on."""
    return await asked.forward()


@asynccontextmanager
async def faulty_proxy(
    target: str, fault: Fault = no_fault, on_message: MessageFault = lambda message: message
) -> AsyncIterator[str]:
    """Run a proxy before the service at `target`; gives its base URL."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}

            async def forward() -> Reply:
                url = target + request.raw_path
                async with session.request(request.method, url, data=body or None, headers=headers) as answer:
                    text = await answer.text()
                    is_json = answer.content_type == "application/json" and text
                    return Reply(answer.status, json.loads(text) if is_json else text)

            async def upgrade() -> Reply:
                return UPGRADED

            is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
            reply = await fault(Asked(request.method, request.path, upgrade if is_socket else forward))
            if reply is UPGRADED:
                return await _pass_socket(request, session, target, on_message)
            if isinstance(reply.body, str):
                return web.Response(status=reply.status, text=reply.body)
            return web.json_response(reply.body, status=reply.status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")


async def _pass_socket(
    request: web.Request, session: aiohttp.ClientSession, target: str, on_message: MessageFault
) -> web.StreamResponse:
    try:
        server = await session.ws_connect(target + request.raw_path, protocols=("protoo",))
    except aiohttp.WSServerHandshakeError as error:
        return web.Response(status=error.status)
    client = web.WebSocketResponse(protocols=("protoo",))
    await client.prepare(request)
    upwards = asyncio.create_task(_pass_up(client, server))
    async for frame in server:
        message = on_message(json.loads(frame.data))
        if message is not None:
            with suppress(ConnectionError):
                await client.send_json(message)
    upwards.cancel()
    await client.close(code=server.close_code or 1006)
    return client


async def _pass_up(client: web.WebSocketResponse, server: aiohttp.ClientWebSocketResponse) -> None:
    async for frame in client:
        await server.send_str(frame.data)
    await server.close()
