"""An HTTP proxy before a real service that falsifies what a test wants falsified, and nothing else."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer


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


async def no_fault(asked: Asked) -> Reply:
    """Pass everything on."""
    return await asked.forward()


@asynccontextmanager
async def faulty_proxy(target: str, fault: Fault = no_fault) -> AsyncIterator[str]:
    """Run a proxy before the service at `target`; gives its base URL."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()

            async def forward() -> Reply:
                headers = {
                    name: value
                    for name, value in request.headers.items()
                    if name in {"Authorization", "Content-Type"}
                }
                url = target + request.raw_path
                async with session.request(request.method, url, data=body or None, headers=headers) as answer:
                    text = await answer.text()
                    is_json = answer.content_type == "application/json" and text
                    return Reply(answer.status, json.loads(text) if is_json else text)

            reply = await fault(Asked(request.method, request.path, forward))
            if isinstance(reply.body, str):
                return web.Response(status=reply.status, text=reply.body)
            return web.json_response(reply.body, status=reply.status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")
