"""Janus's API over a WebSocket on a Unix socket: sessions, handles and the videoroom plugin's messages."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import aiohttp

KEEP_ALIVE_S = 25.0
"""Janus ends a session of which it has heard nothing for 60 s."""
ANSWER_WITHIN_S = 30.0
"""A storm of joins queues in the plugin's one thread; longer than this it is not coming back."""
Message = dict[str, Any]


class JanusError(Exception):
    """Janus refused a request. The message is what it said."""


class JanusApi:
    """One WebSocket connection that carries every session, as a gateway in front of Janus uses it."""

    def __init__(self, path: Path) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)))
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._sessions: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect. Raises: aiohttp.ClientError while Janus does not listen yet."""
        self._socket = await self._http.ws_connect("ws://janus/", protocols=("janus-protocol",), max_msg_size=0)
        self._tasks = [asyncio.create_task(self._read(self._socket)), asyncio.create_task(self._keep_alive())]

    async def close(self) -> None:
        """Close the connection; Janus then ends the sessions."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def info(self) -> Message:
        """Ask what Janus this is."""
        return await self.request({"janus": "info"})

    async def attach(self) -> "Handle":
        """Make a session with one handle of the videoroom plugin."""
        session = int((await self.request({"janus": "create"}))["data"]["id"])
        self._sessions.add(session)
        attach = {"janus": "attach", "session_id": session, "plugin": "janus.plugin.videoroom"}
        return Handle(self, session, int((await self.request(attach))["data"]["id"]))

    async def destroy(self, session: int) -> None:
        """End a session with all that it holds."""
        self._sessions.discard(session)
        await self.request({"janus": "destroy", "session_id": session})

    async def request(self, message: Message) -> Message:
        """Send a request and return its final answer. Raises: JanusError, TimeoutError."""
        transaction = str(next(self._numbers))
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = answer
        try:
            await self._send(message, transaction)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        finally:
            del self._waiting[transaction]

    async def _send(self, message: Message, transaction: str) -> None:
        assert self._socket is not None
        await self._socket.send_json({**message, "transaction": transaction})

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            message: Message = frame.json()
            answer = self._waiting.get(message.get("transaction", ""))
            if answer is None or answer.done() or message["janus"] == "ack":
                continue
            if refusal := _refusal(message):
                answer.set_exception(JanusError(refusal))
            else:
                answer.set_result(message)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(JanusError("Janus closed the connection"))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            for session in list(self._sessions):
                await self._send({"janus": "keepalive", "session_id": session}, "keepalive")


class Handle:
    """A peer's handle of the videoroom plugin."""

    def __init__(self, api: JanusApi, session: int, handle: int) -> None:
        self._api = api
        self._session = session
        self._handle = handle

    async def ask(self, body: Message, description: Message | None = None) -> tuple[Message, str]:
        """Send the plugin a request; return what it said and the session description that came with it."""
        message = {"janus": "message", "session_id": self._session, "handle_id": self._handle, "body": body}
        answer = await self._api.request({**message, "jsep": description} if description else message)
        return answer["plugindata"]["data"], answer.get("jsep", {}).get("sdp", "")

    async def close(self) -> None:
        """End the handle and its session."""
        await self._api.destroy(self._session)


def _refusal(message: Message) -> str:
    if message["janus"] == "error":
        return str(message["error"]["reason"])
    return str(message.get("plugindata", {}).get("data", {}).get("error", ""))
