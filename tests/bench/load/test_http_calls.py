"""Timed HTTP calls against a real aiohttp server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.bench.load.http_calls import HttpCallError, HttpCalls


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    meeting = asyncio.Barrier(2)

    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"got": await request.json()})

    async def meet(request: web.Request) -> web.Response:
        await meeting.wait()
        return web.json_response({})

    async def once(request: web.Request) -> web.Response:
        answer = web.json_response({"ok": True})
        answer.force_close()
        return answer

    app = web.Application()
    app.add_routes([web.post("/echo", echo), web.get("/meet", meet), web.get("/once", once)])
    running = TestServer(app)
    await running.start_server()
    yield running
    await running.close()


def calls_to(server: TestServer, at_most: int) -> HttpCalls:
    assert server.port is not None
    return HttpCalls(server.host, server.port, at_most)


async def test_a_call_returns_the_answer_and_notes_its_time(server: TestServer) -> None:
    calls = calls_to(server, 1)

    large = {"text": "x" * 200_000}
    assert await calls.call("echo", "POST", "/echo", large) == {"got": large}

    assert len(calls.take_times()["echo"]) == 1
    assert not calls.times
    calls.close()


async def test_as_many_calls_run_at_once_as_there_may_be_connections(server: TestServer) -> None:
    calls = calls_to(server, 2)

    await asyncio.gather(*(calls.call("meet", "GET", "/meet") for _ in range(4)))

    assert len(calls.times["meet"]) == 4
    calls.close()


async def test_a_connection_that_the_server_closes_is_replaced(server: TestServer) -> None:
    calls = calls_to(server, 1)

    for _ in range(3):
        assert await calls.call("once", "GET", "/once") == {"ok": True}
    calls.close()


async def test_a_refusal_is_an_error_with_the_answer(server: TestServer) -> None:
    calls = calls_to(server, 1)

    with pytest.raises(HttpCallError, match="GET /nowhere: 404"):
        await calls.call("nowhere", "GET", "/nowhere")

    assert not calls.times["nowhere"]
    calls.close()
