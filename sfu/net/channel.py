"""The worker's end of the channel to the control process: JSON frames over a stream socket."""

import asyncio
import socket
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, cast

from shared.frames import MAX_FRAME_BYTES, FrameDecoder, encode_frame
from shared.logging import get_logger

log = get_logger(__name__)

BUDGET_S = 0.0005
"""After this no further request, or step of one, is begun in one turn of the event loop: whoever joins with a
whole class, or closes its room, holds up nobody's packets for longer than that and the last step take."""

MAX_UNREAD_BYTES = 1 << 20
"""Requests that may wait here beside an unfinished one; the others wait in the socket and the control process."""

Answer = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Generator[None, None, Answer]]
"""Executes a request step by step and returns its answer in the end."""


class Channel(asyncio.Protocol):
    """Answers each request with what the handler returns, in their order; `on_end` when the other end has gone."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._decoder = FrameDecoder()
        self._handler: Handler | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._current: tuple[Mapping[str, Any], Generator[None, None, Answer]] | None = None
        self._scheduled = False
        self._paused = False

    @classmethod
    async def open(cls, sock: socket.socket, on_end: Callable[[], None]) -> "Channel":
        """Open the channel over a connected stream socket; requests wait until `serve`."""
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: cls(on_end), sock=sock)
        return protocol

    def serve(self, handler: Handler) -> None:
        """Answer requests with `handler` from now on, those that came before first."""
        self._handler = handler
        self._schedule()

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something it has not asked for."""
        self._write({"event": event, "data": data})

    def close(self) -> None:
        """Close our end. What is being executed is left as it is, and what waits is not begun."""
        self._handler = self._current = None
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._decoder.put(data)
        self._hold_back()
        self._schedule()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._on_end()

    def _schedule(self) -> None:
        if self._handler is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        """Execute what waits until the time is up; the rest after the packets that have come meanwhile."""
        self._scheduled = False
        until = time.perf_counter() + BUDGET_S
        try:
            while self._step():
                if time.perf_counter() >= until:
                    self._schedule()
                    break
        except ValueError as error:
            log.error("the channel carries garbage; giving up", reason=str(error))
            self._on_end()
            return
        self._hold_back()

    def _step(self) -> bool:
        """Do one step of the oldest request; whether there was any."""
        if self._handler is None:
            return False
        if self._current is None:
            message = self._decoder.take()
            if message is None:
                return False
            self._current = message, self._handler(message)
        request, steps = self._current
        try:
            next(steps)
        except StopIteration as end:
            self._current = None
            self._answer(request, end.value)
        return True

    def _hold_back(self) -> None:
        """Read no more while much waits, so that it is the other end that knows."""
        paused = len(self._decoder) > MAX_FRAME_BYTES + MAX_UNREAD_BYTES
        if paused is not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()

    def _answer(self, message: Mapping[str, Any], answer: Answer) -> None:
        try:
            self._write(answer)
        except (TypeError, ValueError) as error:  # it is too large, or holds what JSON cannot say
            log.exception("an answer cannot be sent", method=message.get("method"))
            self._write({"id": answer["id"], "ok": False, "code": "INTERNAL_ERROR", "error": str(error)})

    def _write(self, message: dict[str, Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode_frame(message))
