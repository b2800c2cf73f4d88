"""An HTTP server that stands where the SFU should and behaves as badly as the test says.

Its answers are a script: what to do with each request, in order. It keeps what was asked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
Mood = Callable[["MoodySfu", web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class MoodySfu:
    """The server. `moods` are used up one a request; after the last one every request is answered with `{}`."""

    moods: list[Mood] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the request and act on it."""
        body = await request.json() if request.can_read_body else None
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), body))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            mood = self.moods.pop(0) if self.moods else answers({})
            return await mood(self, request)
        finally:
            self.at_once -= 1


def answers(body: Any, status: int = 200) -> Mood:
    """Answer with this JSON."""

    async def mood(_sfu: MoodySfu, _request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return mood


def says(text: str, status: int = 200) -> Mood:
    """Answer with this text."""

    async def mood(_sfu: MoodySfu, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return mood


async def hangs_up(_sfu: MoodySfu, request: web.Request) -> web.StreamResponse:
    """Cut the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hangs(_sfu: MoodySfu, _request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def moody_sfu(*moods: Mood) -> AsyncIterator[MoodySfu]:
    """Run one."""
    moody = MoodySfu(list(moods))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", moody.handle)
    async with TestServer(app) as server:
        moody.url = str(server.make_url("")).rstrip("/")
        yield moody
