"""Running the application on a port until a signal says stop."""

import asyncio
import errno
import signal
import socket
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from aiohttp import web

from backend.app import create_app
from backend.errors import StartError
from backend.http.site import Site
from backend.settings import Settings
from backend.storage.lifecycle import Announce
from shared.garbage import set_start_up_aside
from shared.logging import get_logger

SHUTDOWN_TIMEOUT_S = 5.0
"""How long running requests may take to end once we stop; sockets are told at once and closed."""

logger = get_logger(__name__)


async def serve(settings: Settings, announce: Announce) -> None:
    """Run the backend until SIGTERM or SIGINT, then stop gracefully. Announces each step of the start.

    Raises:
        StartError: the port is taken, or the database cannot be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    with _bound_socket(settings.listen_ip, settings.port) as listener:
        app = create_app(replace(settings, port=listener.getsockname()[1]), announce)
        runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        try:
            if await _unless_stopped(runner.setup(), stop):
                announce("[5/5] Starting HTTP server...")
                await Site(runner, listener).start()
                announce(f"✓ Listening on {_url(listener)}")
                logger.info("backend started", port=listener.getsockname()[1])
                set_start_up_aside()  # 75,000 objects that each full collection would go through
                await stop.wait()
            logger.info("backend stopping")
        finally:
            await runner.cleanup()
    logger.info("backend stopped")


async def _unless_stopped(setup: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Await the set-up; a stop meanwhile cancels it. Tells whether it was completed."""
    starting, stopping = asyncio.ensure_future(setup), asyncio.ensure_future(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        stopping.cancel()
        starting.result()
        return True
    starting.cancel()
    await asyncio.wait((starting,))
    return False


def _bound_socket(ip: str, port: int) -> socket.socket:
    """Take the port before anything else is started, so that a taken one is noticed at once."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ip, port))
    except OSError as error:
        listener.close()
        raise StartError(_why_not(ip, port, error)) from error
    return listener


def _why_not(ip: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {ip} is in use already. Stop what uses it, or set PORT to another one."
    return f"Cannot listen on {ip} port {port}: {error.strerror}. Set LISTEN_IP and PORT."


def _url(listener: socket.socket) -> str:
    ip, port = listener.getsockname()[:2]
    host = "localhost" if ip in {"127.0.0.1", "::1", "0.0.0.0", "::"} else ip  # noqa: S104 -- compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
