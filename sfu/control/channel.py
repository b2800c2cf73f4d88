"""The control process's end of the channel to one media worker: requests out, answers and notifications in."""

import asyncio
import socket
from collections.abc import Mapping
from itertools import count
from typing import Any, cast

from pyee.base import EventEmitter

from shared.errors import INTERNAL_ERROR, NOT_FOUND
from shared.frames import FrameDecoder, encode_frame
from shared.logging import get_logger

REQUEST_TIMEOUT_S = 10.0
"""A worker answers within milliseconds, within a second or two under a storm of handshakes; then it is stuck."""

MAX_PENDING_REQUESTS = 4096
"""Unanswered requests of one worker: several seconds of the fastest that the HTTP edge can send."""

MAX_UNSENT_BYTES = 16 << 20
"""Bytes that a worker has not read yet, four of the largest frames. Above it new requests are refused."""

_log = get_logger(__name__)

Data = dict[str, Any]


class ChannelClosedError(Exception):
    """The worker is gone, or its end of the channel is."""


class ChannelBusyError(Exception):
    """Too much waits for the worker already."""


class RequestTimeoutError(Exception):
    """The worker did not answer in time. Whatever it does later, its answer is ignored."""


class RequestRefusedError(Exception):
    """The worker answered with an error: a stable `code` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Channel(EventEmitter, asyncio.Protocol):
    """Requests and notifications over one stream socket, in frames of JSON.

    The worker executes requests in the order they were sent, so a request may name what an earlier one makes
    before that one is answered.

    Emits:
        `notification` (event, data): something that the worker tells unasked.
        `close` (): the stream ended or was closed; every request that waits has failed. Emitted once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._decoder = FrameDecoder()
        self._ids = count(1)
        self._pending: dict[int, asyncio.Future[Data]] = {}
        self._transport: asyncio.Transport | None = None
        self.closed = False

    @classmethod
    async def connect(cls, sock: socket.socket) -> "Channel":
        """Take over a connected stream socket."""
        sock.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_unix_connection(cls, sock=sock)
        return channel

    async def request(
        self, method: str, data: Mapping[str, Any] | None = None, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> Data:
        """Ask the worker and return what it answers.

        Raises:
            RequestRefusedError: the worker said no.
            RequestTimeoutError: no answer within `timeout_s`.
            ChannelBusyError: too much is waiting already; nothing was sent.
            ChannelClosedError: the worker is gone; it may or may not have done what was asked.
        """
        if len(self._pending) >= MAX_PENDING_REQUESTS or self._unsent_bytes() > MAX_UNSENT_BYTES:
            raise ChannelBusyError(f"{len(self._pending)} requests wait for the media worker")
        request_id, answer = self._send(method, data)
        late = RequestTimeoutError(f"the media worker did not answer {method} within {timeout_s} s")
        timer = asyncio.get_running_loop().call_later(timeout_s, _fail, answer, late)
        try:
            return await answer
        finally:
            timer.cancel()
            self._pending.pop(request_id, None)

    def post(self, method: str, data: Mapping[str, Any]) -> None:
        """Send a request whose answer nobody waits for, such as closing something; a closed channel is fine."""
        if self.closed:
            return
        request_id, answer = self._send(method, data)
        answer.add_done_callback(lambda done: self._posted(request_id, method, done))

    def close(self) -> None:
        """Close this end, which is the worker's sign to end; fail every request that waits."""
        if self.closed:
            return
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(ChannelClosedError("the channel to the media worker is closed"))
        self._pending.clear()
        self.emit("close")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio.Protocol)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages and hand them on (asyncio.Protocol)."""
        try:
            messages = self._decoder.feed(data)
        except ValueError as error:
            _log.error("the media worker sent garbage", error=str(error))
            self.close()
            return
        for message in messages:
            try:
                self._dispatch(message)
            except Exception:  # a bug of ours; uvloop would close the channel, and with it end the worker
                _log.exception("a message of the media worker failed", notification=message.get("event"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Close (asyncio.Protocol)."""
        self.close()

    def _send(self, method: str, data: Mapping[str, Any] | None) -> tuple[int, asyncio.Future[Data]]:
        if self.closed or self._transport is None:
            raise ChannelClosedError("the channel to the media worker is closed")
        request_id = next(self._ids)
        frame = encode_frame({"id": request_id, "method": method, "data": data or {}})
        answer: asyncio.Future[Data] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answer
        self._transport.write(frame)
        return request_id, answer

    def _dispatch(self, message: Data) -> None:
        if "event" in message:
            self.emit("notification", message["event"], message.get("data", {}))
            return
        answer = self._pending.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if message.get("ok"):
            answer.set_result(message.get("data", {}))
        else:
            code, sentence = message.get("code", INTERNAL_ERROR), message.get("error", "")
            answer.set_exception(RequestRefusedError(code, sentence))

    def _posted(self, request_id: int, method: str, answer: asyncio.Future[Data]) -> None:
        self._pending.pop(request_id, None)
        if answer.cancelled():
            return
        error = answer.exception()
        if isinstance(error, RequestRefusedError) and error.code != NOT_FOUND:
            _log.warning("the media worker refused", method=method, code=error.code, error=error.message)

    def _unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0


def _fail(answer: asyncio.Future[Data], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
