"""A client whose room is at home at another backend: this one is its edge, and pipes what both sides say.

Text frames go through as they are, in both directions, in order; the close code of the home becomes the client's.
What a client may send, and how far it may lag behind, is bounded here as for every other client.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any, Protocol

import aiohttp
from aiohttp import WSMsgType

from backend.domain.homes import ROOM_ELSEWHERE, Home
from backend.signalling.protoo import Request
from shared.logging import get_logger

_log = get_logger(__name__)


class HomeSockets(Protocol):
    """The way to the homes. Implemented by `backend.neighbours`."""

    async def relay(self, home: Home, session_id: str) -> aiohttp.ClientWebSocketResponse[bool]:
        """Open a WebSocket for the user of a session, at whose other end the room's home serves.

        Raises:
            aiohttp.ClientError, OSError: it cannot be had now.
        """


class ClientEnd(Protocol):
    """The client's own socket, as a pipe uses it."""

    def pass_on(self, text: str) -> None:
        """Queue what the home says."""

    def end_like(self, code: int | None, reason: str) -> None:
        """End as the home did; None when it ended without saying why."""


class FarRoom:
    """One client's pipe to the home of its room; no pipe is open until `join` opens one.

    `joined` tells that the client has a seat there, so everything it asks is the home's to answer.
    """

    def __init__(self, sockets: HomeSockets, session_id: str, client: ClientEnd) -> None:
        self.joined = False
        self._sockets = sockets
        self._session_id = session_id
        self._client = client
        self._home: Home | None = None
        self._ws: aiohttp.ClientWebSocketResponse[bool] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._asked: int | None = None
        self._answered: asyncio.Future[bool] | None = None
        self._closing: set[asyncio.Task[Any]] = set()

    @property
    def is_open(self) -> bool:
        """Whether there is a pipe, though perhaps not a seat yet."""
        return self._ws is not None

    async def join(self, home: Home, request: Request) -> bool:
        """Have the home answer a `join-room`.

        False when it cannot be reached, or is the home no more: the room is to be looked for anew. True also when
        the pipe broke while the home was answering; the client's socket ends then.
        """
        try:
            await self._open(home)
        except (aiohttp.ClientError, OSError) as error:
            _log.info("the home of a room cannot be reached", url=home.url, reason=str(error))
            return False
        answered = asyncio.get_running_loop().create_future()
        self._asked, self._answered = request.id, answered
        await self.forward(request)
        return bool(await answered)

    async def forward(self, request: Request) -> None:
        """Send a request on; when the home is gone, the pump finds out."""
        if self._ws is not None:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._ws.send_frame(request.raw, WSMsgType.TEXT)

    def hang_up(self) -> None:
        """Close the pipe, if there is one; what was sent before still reaches the home."""
        if self._ws is not None and self._pump is not None:
            self._keep(asyncio.create_task(_close(self._ws)))
            self._keep(self._pump)
        self._ws = self._pump = self._home = None
        self.joined = False
        self._settle(found=True)

    async def close(self) -> None:
        """Close the pipe and wait until it is."""
        self.hang_up()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _open(self, home: Home) -> None:
        if self._ws is not None and self._home == home:
            return
        self.hang_up()
        ws = await self._sockets.relay(home, self._session_id)
        self._ws, self._home = ws, home
        self._pump = asyncio.create_task(self._run(ws))

    async def _run(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
        code, reason = None, ""
        try:
            while (frame := await ws.receive()).type is WSMsgType.TEXT:
                self._take(frame.data)
            if frame.type is WSMsgType.CLOSE:
                code, reason = int(frame.data), str(frame.extra or "")
        except Exception:
            _log.exception("a pipe to another backend failed")
        if ws is self._ws:  # else we hung up
            self._ws = self._pump = self._home = None
            self.joined = False
            self._client.end_like(code, reason)
            self._settle(found=True)

    def _take(self, text: str) -> None:
        if self._answered is None:
            self._client.pass_on(text)
            return
        answer = _answer_to(self._asked, text)
        if answer is not None and answer.get("code") == ROOM_ELSEWHERE:
            self._settle(found=False)
            return
        if answer is not None:
            self.joined = bool(answer.get("ok"))
        self._client.pass_on(text)
        if answer is not None:
            self._settle(found=True)

    def _settle(self, *, found: bool) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(found)
        self._asked = self._answered = None

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
    with suppress(ConnectionError, aiohttp.ClientError):
        await ws.close()


def _answer_to(request_id: int | None, text: str) -> dict[str, Any] | None:
    message: dict[str, Any] = json.loads(text)
    return message if message.get("response") and message.get("id") == request_id else None
