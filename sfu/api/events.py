"""`/events`: the WebSocket on which the backend learns what happens without asking."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, web

from sfu.api.keys import EVENTS, ROOMS
from sfu.api.responses import to_json
from sfu.control.event_log import Subscription
from sfu.errors import InvalidInput
from shared import __version__
from shared.logging import get_logger

HEARTBEAT_S = 20.0
"""Pings find a subscriber that vanished without a word within this and half as much again."""
MAX_INCOMING_BYTES = 4096
"""Subscribers have nothing to say; whatever they send is read and dropped."""
CLOSE_TIMEOUT_S = 1.0
"""How long a subscriber may take to answer our close, so that it never delays the end of the service."""

_log = get_logger(__name__)


async def follow_events(request: web.Request) -> web.StreamResponse:
    """`GET /events`: a hello, then every event until one side ends it."""
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_INCOMING_BYTES, timeout=CLOSE_TIMEOUT_S)
    if not socket.can_prepare(request).ok:
        raise InvalidInput("this route wants a WebSocket upgrade")
    events = request.app[EVENTS]
    subscription = events.subscribe(_abort(request))
    hello: dict[str, Any] = {"event": "hello", "epoch": events.epoch, "seq": events.seq, "version": __version__}
    if request.app[ROOMS].draining:
        hello["draining"] = True
    try:
        await socket.prepare(request)
        await socket.send_str(to_json(hello))
        _log.info("events subscriber connected", remote=request.remote)
        await _serve(socket, subscription)
    finally:
        subscription.close()
        _log.info("events subscriber gone", remote=request.remote, overflowed=subscription.overflowed)
    return socket


async def _serve(socket: web.WebSocketResponse, subscription: Subscription) -> None:
    reader = asyncio.create_task(_read(socket, subscription))
    try:
        with suppress(ConnectionError):
            while batch := await subscription.next_batch():
                for event in batch:
                    await socket.send_str(event)
        await socket.close(code=WSCloseCode.SERVICE_RESTART)
    finally:
        reader.cancel()
        await asyncio.wait((reader,))


async def _read(socket: web.WebSocketResponse, subscription: Subscription) -> None:
    """Read until the subscriber goes: that is how its pongs and its close are seen."""
    async for _ in socket:
        pass
    subscription.close()


def _abort(request: web.Request) -> Callable[[], None]:
    """Make a way to cut the connection of a subscriber that does not read: it could not be closed politely."""

    def abort() -> None:
        if request.transport is not None:
            request.transport.abort()

    return abort
