"""A small protoo client for tests, on aiohttp: requests with answers, and notifications in the order they come."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.secret_watch import WATCH
from tests.support.signalling_conformance import check_answer, check_notification

Json = dict[str, Any]

ANSWER_WITHIN_S = 30.0
"""Only bounds a test that hangs; the platform answers much sooner."""


class RequestError(Exception):
    """The server refused a request. `status` is HTTP-like, `code` stable, `answer` the whole response."""

    def __init__(self, answer: Json) -> None:
        super().__init__(f"{answer['errorCode']} {answer.get('code')}: {answer['errorReason']}")
        self.status: int = answer["errorCode"]
        self.code: str = answer["code"]
        self.answer = answer


class ProtooClient:
    """One socket. `messages` holds everything that came, in order: responses and notifications alike.

    `close_code` is set when the socket is closed. `on_notification` is called with method and data of each.
    """

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.messages: list[Json] = []
        self.on_notification: Callable[[str, Json], None] = lambda _method, _data: None
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._methods: dict[int, str] = {}
        self._notifications: list[tuple[str, Json]] = []
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @property
    def close_code(self) -> int | None:
        """The close code the server sent; None while the socket is open."""
        return self.ws.close_code if self._reader.done() else None

    def expect(self, request_id: int) -> "asyncio.Future[Json]":
        """Return the future of the answer to a request that is sent by hand."""
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        return answer

    async def send(self, method: str, data: Any = None, **fields: Any) -> "asyncio.Future[Json]":
        """Send a request and return the future of its data; give `data`, or its fields as keywords."""
        request_id = next(self._ids)
        answer = self.expect(request_id)
        self._methods[request_id] = method
        body = fields if data is None else data
        WATCH.message(body)
        await self.ws.send_json({"request": True, "id": request_id, "method": method, "data": body})
        return answer

    async def request(self, method: str, data: Any = None, **fields: Any) -> Json:
        """Send a request and return the answer's data. Raises: RequestError."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await (await self.send(method, data, **fields))

    async def refused(self, method: str, data: Any = None, **fields: Any) -> RequestError:
        """Send a request that must be refused and return the refusal."""
        try:
            answer = await self.request(method, data, **fields)
        except RequestError as error:
            return error
        raise AssertionError(f"{method} was not refused but answered {answer}")

    async def notification(self, method: str, **wanted: Any) -> Json:
        """Wait for a notification with these fields, take it, and return its data; others stay for later."""
        async with asyncio.timeout(ANSWER_WITHIN_S), self._changed:
            while True:
                for index, (name, data) in enumerate(self._notifications):
                    if name == method and wanted.items() <= data.items():
                        del self._notifications[index]
                        return data
                if self._reader.done():
                    raise AssertionError(f"the socket closed ({self.ws.close_code}) before {method} {wanted} came")
                await self._changed.wait()

    def notified(self) -> list[tuple[str, Json]]:
        """Return all notifications that came, in order, those already taken too."""
        return [(one["method"], one["data"]) for one in self.messages if one.get("notification")]

    async def closed(self) -> int | None:
        """Wait until the socket is closed and return the code."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await asyncio.wait({self._reader})
        return self.ws.close_code

    async def ended(self) -> None:
        """Wait until the socket is closed, however long that takes."""
        await asyncio.wait({self._reader})

    async def close(self) -> None:
        """Close the socket without leaving the room."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self.ws.close()

    async def vanish(self) -> None:
        """Cut the connection without any close frame, as a dead network does."""
        transport = self.ws._writer.transport
        assert transport is not None
        transport.abort()
        await asyncio.wait({self._reader})

    async def _read(self) -> None:
        try:
            async for frame in self.ws:
                assert frame.type is aiohttp.WSMsgType.TEXT, frame
                await self._take(json.loads(frame.data))
        finally:
            async with self._changed:
                self._changed.notify_all()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError("the socket closed before the answer came"))
                    answer.exception()  # not everybody waits for it

    async def _take(self, message: Json) -> None:
        self.messages.append(message)
        WATCH.message(message)
        if message.get("response"):
            answer = self._answers.pop(message["id"])
            if (method := self._methods.pop(message["id"], None)) is not None:
                check_answer(method, message)
            if message["ok"]:
                answer.set_result(message["data"])
            elif not answer.cancelled():
                answer.set_exception(RequestError(message))
        else:
            check_notification(message["method"], message["data"])
            self.on_notification(message["method"], message["data"])
            async with self._changed:
                self._notifications.append((message["method"], message["data"]))
                self._changed.notify_all()


@asynccontextmanager
async def connected(
    session: aiohttp.ClientSession, base_url: str, *, token: str | None = None, ticket: str | None = None
) -> AsyncIterator[ProtooClient]:
    """Open a socket with an access token or a ticket, and close it at the end without leaving the room."""
    client = await connect(session, base_url, token=token, ticket=ticket)
    try:
        yield client
    finally:
        await client.close()


async def connect(
    session: aiohttp.ClientSession, base_url: str, *, token: str | None = None, ticket: str | None = None
) -> ProtooClient:
    """Open a socket with an access token or a ticket; the caller closes it."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    WATCH.message({"access_token": token, "ticket": ticket})
    params = {"ticket": ticket} if ticket is not None else {}
    ws = await session.ws_connect(
        f"{base_url}/ws", headers=headers, params=params, protocols=("protoo",), max_msg_size=0
    )
    return ProtooClient(ws)
