"""One WebSocket: reads, serves one request after the other, writes, and ends with the right close code.

Three tasks a connection. The reader parses and never waits for a request, so pings are answered however slow the
SFU is. The worker serves requests strictly in the order they came, which makes the order of what one participant
does. The writer sends what is queued. What a client may have waiting with us is bounded in number and size.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from backend.domain.metering import Meter
from backend.domain.notices import Notice
from backend.signalling.notifications import NoticeWriter
from backend.signalling.outbox import SendQueue
from backend.signalling.protoo import MAX_MESSAGE_BYTES, SUBPROTOCOL, Request, parse
from backend.signalling.token_bucket import TokenBucket
from shared.logging import get_logger

MESSAGES_PER_S = 200.0
MESSAGE_BURST = 400.0
"""What a client may send in the long run, and at once: joining a large class takes some hundred requests."""

MAX_WAITING_REQUESTS = 1000
MAX_WAITING_BYTES = 1 << 20
"""Requests that wait for earlier ones. Only a client that ignores answers gets there."""

HEARTBEAT_S = 15.0
"""A client that answers no ping within half of this is gone; so a dead link is noticed within some 25 s."""

FLUSH_S = 5.0
CLOSE_S = 5.0
"""How long a client may take to read what is queued for it, and to answer our close frame."""

HARD_MESSAGE_LIMIT = 16 * MAX_MESSAGE_BYTES
"""Where aiohttp breaks off, unread. Between the two limits we read and close in order, so the client sees why."""

_log = get_logger(__name__)


class Close(enum.IntEnum):
    """Our close codes."""

    SERVICE_RESTART = WSCloseCode.SERVICE_RESTART
    UNSUPPORTED_DATA = WSCloseCode.UNSUPPORTED_DATA
    INVALID_TEXT = WSCloseCode.INVALID_TEXT
    TOO_BIG = WSCloseCode.MESSAGE_TOO_BIG
    FOR_GOOD = 4000
    FLOOD = 4008


class Cause(enum.StrEnum):
    """Why a connection ended, as it is counted."""

    CLIENT = "client"
    FOR_GOOD = "for-good"
    RESTART = "restart"
    NOT_UNDERSTOOD = "not-understood"
    TOO_BIG = "too-big"
    FLOOD = "flood"
    UNANSWERED = "unanswered"
    SLOW_READER = "slow-reader"
    BROKEN = "broken"


_CAUSES = {
    Close.FOR_GOOD: Cause.FOR_GOOD,
    Close.SERVICE_RESTART: Cause.RESTART,
    Close.FLOOD: Cause.FLOOD,
}
"""As what it counts that the home of a client's room closed with a code."""


@dataclass(frozen=True, slots=True)
class _End:
    cause: Cause
    code: Close | None
    reason: str
    flush: bool = False


_GOODBYE = _End(Cause.CLIENT, None, "the client said goodbye")


def new_websocket(heartbeat_s: float = HEARTBEAT_S) -> web.WebSocketResponse[bool]:
    """Make the response that upgrades a request; uncompressed, which saves memory and time with small messages."""
    return web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        heartbeat=heartbeat_s,
        timeout=CLOSE_S,
        autoping=False,
        compress=False,
        max_msg_size=HARD_MESSAGE_LIMIT,
        decode_text=False,
    )


class Connection:
    """The shell around one upgraded socket. Implements `backend.domain.participants.Outbox`.

    `counted`: what comes is limited in rate here. What another backend pipes to here was counted there.
    `serve` answers one request by putting into `queue`; `on_gone` is called when the socket is of no use any more,
    and again when the last request is served.
    """

    def __init__(
        self,
        ws: web.WebSocketResponse[bool],
        abort: Callable[[], None],
        writer: NoticeWriter,
        meter: Meter,
        *,
        counted: bool = True,
    ) -> None:
        self.queue = SendQueue(lambda: self._finish(_End(Cause.SLOW_READER, Close.FLOOD, "reads too slowly")))
        self._ws = ws
        self._abort = abort
        self._writer = writer
        self._meter = meter
        self._loop = asyncio.get_running_loop()
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGE_BURST, self._loop.time()) if counted else None
        self._requests: deque[tuple[Request, int]] = deque()
        self._waiting_bytes = 0
        self._request_came = asyncio.Event()
        self._all_served = asyncio.Event()
        self._serving = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._after_answer: _End | None = None
        self._ended: asyncio.Future[_End] = self._loop.create_future()

    @property
    def cause(self) -> Cause:
        """Why it ended; who is cut off in the middle was left by the client."""
        over = self._ended.done() and not self._ended.cancelled()
        return self._ended.result().cause if over else Cause.CLIENT

    # Outbox

    def tell(self, notice: Notice) -> None:
        """Queue a notification."""
        self.queue.put(self._writer.write(notice))

    def end(self, reason: str) -> None:
        """Send what is queued, and the answer to the request just being served, then close with 4000."""
        self._finish_in_order(_End(Cause.FOR_GOOD, Close.FOR_GOOD, reason, flush=True))

    def come_back(self, reason: str) -> None:
        """Send what is queued, then close with 1012: the client is to come back, here or elsewhere."""
        self._finish(_End(Cause.RESTART, Close.SERVICE_RESTART, reason, flush=True))

    # The client's end of a pipe to another backend

    def pass_on(self, text: str) -> None:
        """Queue what the home of the client's room says."""
        self.queue.put(text)

    def end_like(self, code: int | None, reason: str) -> None:
        """End as the home of the client's room did; when it just broke off, the client is to come back."""
        if code not in set(Close):
            self.come_back("the room's server is gone")
        else:
            self._finish(_End(_CAUSES.get(Close(code), Cause.BROKEN), Close(code), reason, flush=True))

    # Life

    async def all_served(self) -> None:
        """Wait until no request is being served; after the end, so for good."""
        await self._idle.wait()

    @property
    def close_code(self) -> int | None:
        """With what the socket was closed; None while it is open."""
        return self._ws.close_code

    async def run(self, serve: Callable[[Request], Awaitable[None]], on_gone: Callable[[], None]) -> None:
        """Serve the client until either side ends it."""
        reader = self._loop.create_task(self._read())
        writer = self._loop.create_task(self._write())
        worker = self._loop.create_task(self._work(serve))
        try:
            end = await self._ended
            on_gone()
            await self._close(end, reader, writer)
            self._request_came.set()
            await worker
        finally:
            for task in (reader, writer, worker):
                task.cancel()
            try:
                await asyncio.gather(reader, writer, worker, return_exceptions=True)
            finally:
                on_gone()  # aiohttp cancels us when the connection breaks, at whatever point

    def _finish(self, end: _End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    def _finish_in_order(self, end: _End) -> None:
        if self._serving:
            self._after_answer = self._after_answer or end
        else:
            self._finish(end)

    async def _close(self, end: _End, reader: asyncio.Task[None], writer: asyncio.Task[None]) -> None:
        if end.flush:
            self.queue.close()
            await asyncio.wait({writer}, timeout=FLUSH_S)
        else:
            self.queue.drop()
        # Whoever closes reads on until the client answers the close frame: a socket closed with unread data would
        # be reset, and the client would not see the code.
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)
        if end.code is None or self._ws.closed:
            return
        _log.debug("closing a connection", code=int(end.code), reason=end.reason)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._ws.close(code=end.code, message=end.reason.encode()[:120])
        except TimeoutError:
            self._abort()

    # Reading

    async def _read(self) -> None:
        try:
            while not self._ended.done():
                end = await self._receive()
                if end is not None:
                    await self._serve_the_rest(end)
                    self._finish(end)
        except Exception:
            _log.exception("reading from a socket failed")
            self._finish(_End(Cause.BROKEN, None, "broken"))

    async def _serve_the_rest(self, end: _End) -> None:
        """Let what a client asked before its goodbye count, above all a `leave-room` from a page that closes."""
        if end is not _GOODBYE:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._all_served.wait()

    async def _receive(self) -> _End | None:
        frame = await self._ws.receive()
        if frame.type is WSMsgType.CLOSE:
            return _GOODBYE
        if frame.type in {WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
            return _End(Cause.CLIENT, None, "the client is gone")
        if self._bucket is not None and not self._bucket.take(self._loop.time()):
            return _End(Cause.FLOOD, Close.FLOOD, "too many messages")
        if frame.type is WSMsgType.PING:
            await self._ws.pong(frame.data)
        elif frame.type is WSMsgType.BINARY:
            return _End(Cause.NOT_UNDERSTOOD, Close.UNSUPPORTED_DATA, "only text is understood")
        elif frame.type is WSMsgType.TEXT:
            self._meter.message_received()
            return self._take(frame.data)
        return None

    def _take(self, raw: bytes) -> _End | None:
        if len(raw) > MAX_MESSAGE_BYTES:
            return _End(Cause.TOO_BIG, Close.TOO_BIG, f"over {MAX_MESSAGE_BYTES} bytes")
        try:
            message = parse(raw)
        except ValueError:
            return _End(Cause.NOT_UNDERSTOOD, Close.INVALID_TEXT, "not a protoo message")
        if not isinstance(message, Request):
            return None  # we ask nothing and are told nothing by clients
        self._waiting_bytes += len(raw)
        if len(self._requests) >= MAX_WAITING_REQUESTS or self._waiting_bytes > MAX_WAITING_BYTES:
            return _End(Cause.UNANSWERED, Close.FLOOD, "too many unanswered requests")
        self._requests.append((message, len(raw)))
        self._all_served.clear()
        self._request_came.set()
        return None

    # Serving

    async def _work(self, serve: Callable[[Request], Awaitable[None]]) -> None:
        while not self._ended.done():
            if not self._requests:
                self._all_served.set()
                self._request_came.clear()
                await self._request_came.wait()
                continue
            request, size = self._requests.popleft()
            self._waiting_bytes -= size
            self._serving = True
            self._idle.clear()
            try:
                await serve(request)
            finally:
                self._serving = False
                self._idle.set()
            if self._after_answer is not None:
                self._finish(self._after_answer)

    # Writing

    async def _write(self) -> None:
        with suppress(ConnectionError):  # the reader notices it too, and says so
            while (text := await self.queue.get()) is not None:
                await self._ws.send_str(text)
                self._meter.message_sent()
