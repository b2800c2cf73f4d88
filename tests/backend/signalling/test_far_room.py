"""The pipe of a client to the home of its room, against a home that does what the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backend.domain.homes import ROOM_ELSEWHERE, Home
from backend.signalling.far_room import FarRoom
from backend.signalling.protoo import Request, failure, notification, parse, request, success
from tests.support.services import free_tcp_port
from tests.support.waiting import until

Act = Callable[[web.WebSocketResponse[bool]], Awaitable[Any]]


@dataclass
class End:
    """The client's own socket, as the pipe uses it."""

    passed: list[str] = field(default_factory=list)
    ended: list[tuple[int | None, str]] = field(default_factory=list)

    def pass_on(self, text: str) -> None:
        self.passed.append(text)

    def end_like(self, code: int | None, reason: str) -> None:
        self.ended.append((code, reason))


class Sockets:
    """The way to the homes, which knows for whom it was asked."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.asked: list[tuple[str, str]] = []

    async def relay(self, home: Home, session_id: str) -> aiohttp.ClientWebSocketResponse[bool]:
        self.asked.append((home.url, session_id))
        return await self.session.ws_connect(home.url)


@dataclass
class ActingHome:
    """A home that does one thing after each text it gets, and keeps the texts."""

    acts: list[Act] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    closed: int = 0
    open: list[web.WebSocketResponse[bool]] = field(default_factory=list)
    home: Home = field(default_factory=lambda: Home("home", ""))

    async def serve(self, http: web.Request) -> web.WebSocketResponse[bool]:
        ws = web.WebSocketResponse()
        await ws.prepare(http)
        self.open.append(ws)
        async for frame in ws:
            self.heard.append(frame.data)
            if self.acts:
                await self.acts.pop(0)(ws)
        self.open.remove(ws)
        self.closed += 1
        return ws


@asynccontextmanager
async def acting_home(*acts: Act) -> AsyncIterator[ActingHome]:
    acting = ActingHome(list(acts))
    app = web.Application()
    app.router.add_get("/", acting.serve)
    async with TestServer(app) as server:
        acting.home = Home(f"home-{server.port}", str(server.make_url("/")))
        yield acting
        for ws in acting.open:
            await breaks(ws)


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    async with aiohttp.ClientSession() as session:
        yield Sockets(session)


@pytest.fixture
def end() -> End:
    return End()


@pytest.fixture
async def far(sockets: Sockets, end: End) -> AsyncIterator[FarRoom]:
    far = FarRoom(sockets, "session", end)
    yield far
    await far.close()


def asked(request_id: int = 1, method: str = "join-room") -> Request:
    message = parse(request(request_id, method, {"roomId": "physics", "text": "Grüße 🌍"}).encode())
    assert isinstance(message, Request)
    return message


def says(*texts: str) -> Act:
    async def act(ws: web.WebSocketResponse[bool]) -> None:
        for text in texts:
            await ws.send_str(text)

    return act


def closes(code: int, reason: str) -> Act:
    async def act(ws: web.WebSocketResponse[bool]) -> None:
        await ws.close(code=code, message=reason.encode())

    return act


async def breaks(ws: web.WebSocketResponse[bool]) -> None:
    transport = ws._req.transport
    if transport is not None:
        transport.abort()


TOLD = notification("participant-joined", {"participant": {}})


async def test_what_both_sides_say_goes_through_as_it_is(far: FarRoom, sockets: Sockets, end: End) -> None:
    answer = success(1, {"participantId": "p"})
    async with acting_home(says(answer, TOLD), says(TOLD)) as acting:
        assert await far.join(acting.home, asked())
        assert far.joined
        await until(lambda: len(end.passed) == 2)
        await far.forward(asked(2, "get-participants"))
        await until(lambda: len(end.passed) == 3)
        assert end.passed == [answer, TOLD, TOLD]
        assert acting.heard == [asked().raw.decode(), asked(2, "get-participants").raw.decode()]
        assert sockets.asked == [(acting.home.url, "session")]


async def test_a_refusal_is_the_answer_and_the_pipe_waits_for_another_try(
    far: FarRoom, sockets: Sockets, end: End
) -> None:
    refused, admitted = failure(1, 403, "Wait.", "WAITING_FOR_ADMISSION"), notification("admitted", {})
    async with acting_home(says(refused, admitted), says(success(2, {}))) as acting:
        assert await far.join(acting.home, asked())
        assert not far.joined
        await until(lambda: end.passed == [refused, admitted])
        assert await far.join(acting.home, asked(2))
        assert far.joined
        assert len(sockets.asked) == 1


async def test_another_room_may_be_at_home_elsewhere(far: FarRoom, end: End) -> None:
    async with acting_home(says(failure(1, 403, "No.", "ROOM_LOCKED"))) as one, acting_home() as other:
        other.acts.append(says(success(2, {})))
        assert await far.join(one.home, asked())
        assert await far.join(other.home, asked(2))
        await until(lambda: one.closed == 1)
        assert far.joined
        assert end.ended == [], "the client stays"


async def test_a_home_that_is_none_any_more_is_no_answer(far: FarRoom, end: End) -> None:
    async with acting_home(says(failure(1, 503, "Moved.", ROOM_ELSEWHERE)), says(success(1, {}))) as acting:
        assert not await far.join(acting.home, asked())
        assert end.passed == []
        assert await far.join(acting.home, asked())


async def test_a_home_that_cannot_be_reached_is_no_answer(far: FarRoom, end: End) -> None:
    assert not await far.join(Home("gone", f"http://127.0.0.1:{free_tcp_port()}"), asked())
    assert not far.is_open
    assert (end.passed, end.ended) == ([], [])


@pytest.mark.parametrize("code", [4000, 1012, 4008])
async def test_the_homes_close_code_becomes_the_clients(far: FarRoom, end: End, code: int) -> None:
    async with acting_home(says(success(1, {})), closes(code, "why")) as acting:
        assert await far.join(acting.home, asked())
        await far.forward(asked(2, "leave-room"))
        await until(lambda: bool(end.ended))
        assert end.ended == [(code, "why")]
        assert not far.joined


async def test_a_home_that_breaks_off_says_no_code(far: FarRoom, end: End) -> None:
    async with acting_home(says(success(1, {})), breaks) as acting:
        assert await far.join(acting.home, asked())
        await far.forward(asked(2, "get-participants"))
        await until(lambda: bool(end.ended))
        assert end.ended == [(None, "")]


async def test_a_home_that_dies_while_it_answers_ends_the_client(far: FarRoom, end: End) -> None:
    async with acting_home(breaks) as acting:
        assert await far.join(acting.home, asked()), "nobody knows what the home has done"
        assert end.ended == [(None, "")]


async def test_what_was_sent_before_the_goodbye_reaches_the_home(far: FarRoom, end: End) -> None:
    flood = says(*[TOLD] * 200)
    async with acting_home(says(success(1, {})), flood) as acting:
        assert await far.join(acting.home, asked())
        await far.forward(asked(2, "leave-room"))
        await far.close()
        await until(lambda: acting.closed == 1)
        assert json.loads(acting.heard[-1])["method"] == "leave-room"
        assert end.ended == []


async def test_a_client_that_goes_while_the_home_answers_leaves_nobody_waiting(far: FarRoom) -> None:
    async with acting_home() as acting:
        joining = asyncio.create_task(far.join(acting.home, asked()))
        await until(lambda: bool(acting.heard))
        far.hang_up()
        assert await joining
        await until(lambda: acting.closed == 1)
