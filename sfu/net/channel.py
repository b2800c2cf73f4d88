"""The worker's end of the channel to the control process: JSON frames over a stream socket."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any, cast

from shared.frames import FrameDecoder, encode_frame
from shared.logging import get_logger

log = get_logger(__name__)

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]


class Channel(asyncio.Protocol):
    """Answers each request with what the handler returns; calls `on_end` when the other end has gone."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._decoder = FrameDecoder()
        self._handler: Handler | None = None
        self._early: list[dict[str, Any]] = []
        self._transport: asyncio.WriteTransport | None = None

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
        early, self._early = self._early, []
        self._answer(early)

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something it has not asked for."""
        self._write({"event": event, "data": data})

    def close(self) -> None:
        """Close our end."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            messages = self._decoder.feed(data)
        except ValueError as error:
            log.error("the channel carries garbage; giving up", reason=str(error))
            self._on_end()
            return
        if self._handler is None:
            self._early.extend(messages)
        else:
            self._answer(messages)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._on_end()

    def _answer(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            assert self._handler is not None  # noqa: S101 - set before
            answer = self._handler(message)
            try:
                self._write(answer)
            except (TypeError, ValueError) as error:  # it is too large, or holds what JSON cannot say
                log.exception("an answer cannot be sent", method=message.get("method"))
                self._write({"id": answer["id"], "ok": False, "code": "INTERNAL_ERROR", "error": str(error)})

    def _write(self, message: dict[str, Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode_frame(message))
