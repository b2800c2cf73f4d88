"""Start the SFU: `python -m sfu`.

SIGTERM drains it: no new rooms, and the end when the last one closes. SIGINT or a second SIGTERM ends it at once.
Exit status 0 after either, 1 when it could not start, 2 when a setting is wrong.
"""

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Coroutine
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address

from aiohttp import web

from sfu.announcements import announce_draining, announce_listening, announce_stopped
from sfu.api.keys import ROOMS
from sfu.api.site import Site
from sfu.app import create_app
from sfu.control.room_registry import RoomRegistry
from sfu.control.worker_pool import WorkersFailedError
from sfu.settings import Settings, load_settings
from shared.garbage import spare_the_collector
from shared.logging import configure_logging, operator_line, wanted_log_format
from shared.settings import SettingsError

SHUTDOWN_TIMEOUT_S = 1.0
"""Requests under way get this long to end; with the workers' three seconds the whole stop stays under five."""


class StartError(Exception):
    """The service cannot start. The message says why and what to do."""


def main() -> int:
    """Run the service until it is told to end; return the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return _fail(str(error), status=2)
    configure_logging(settings.log_level, settings.log_format, service="sfu")
    try:
        _run(serve(settings))
    except (StartError, WorkersFailedError) as error:
        return _fail(str(error), status=1)
    announce_stopped(settings.log_format)
    return 0


async def serve(settings: Settings) -> None:
    """Serve until SIGINT, or until the last room has closed after SIGTERM.

    Raises:
        StartError: the port cannot be had.
        WorkersFailedError: no media worker came up.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    with _bind(settings) as sock:
        app = create_app(settings)
        runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        try:
            if await _finished_before(runner.setup(), stop):
                await _listen(runner, sock, settings)
                spare_the_collector()
                loop.add_signal_handler(signal.SIGTERM, partial(_drain, app[ROOMS], stop))
                await _drained_or_stopped(app[ROOMS], stop, settings)
        finally:
            await runner.cleanup()


def _drain(rooms: RoomRegistry, stop: asyncio.Event) -> None:
    """SIGTERM: let the classes there are come to their end; who says it twice does not want to wait."""
    if rooms.draining:
        stop.set()
    else:
        rooms.drain()


async def _drained_or_stopped(rooms: RoomRegistry, stop: asyncio.Event, settings: Settings) -> None:
    """Wait for the end that a signal or `POST /drain` brings."""
    stopping = asyncio.create_task(stop.wait())
    begun, over = asyncio.create_task(rooms.drain_begun.wait()), asyncio.create_task(rooms.drained.wait())
    try:
        await asyncio.wait((stopping, begun), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and rooms.rooms:
            announce_draining(settings, len(rooms.rooms))
        await asyncio.wait((stopping, over), timeout=settings.drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopping, begun, over):
            task.cancel()


async def _finished_before(starting: Coroutine[None, None, None], stop: asyncio.Event) -> bool:
    """Await the start unless the service is told to end meanwhile; tell whether it has started."""
    start, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    await asyncio.wait((start, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if start.done():
        await start
        return True
    start.cancel()
    await asyncio.wait((start,))
    return False


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ip_address(settings.listen_ip).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.listen_ip, settings.port))
    except OSError as error:
        sock.close()
        raise _cannot_listen(settings, error) from error
    return sock


async def _listen(runner: web.AppRunner, sock: socket.socket, settings: Settings) -> None:
    try:
        await Site(runner, sock).start()
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    announce_listening(settings, sock.getsockname()[1])


def _cannot_listen(settings: Settings, error: OSError) -> StartError:
    where = f"{settings.listen_ip} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return StartError(f"{where} is in use: stop what listens there, or set SFU_PORT to another port.")
    reason = error.strerror or str(error)
    return StartError(f"Cannot listen on {where}: {reason}. Check SFU_LISTEN_IP and SFU_PORT.")


def _run(service: Coroutine[None, None, None]) -> None:
    """Run on uvloop when it is there, otherwise on asyncio's own loop."""
    if find_spec("uvloop") is not None:
        import uvloop

        uvloop.run(service)
    else:
        asyncio.run(service)


def _fail(sentence: str, *, status: int) -> int:
    line = operator_line(wanted_log_format(), f"SFU not started: {sentence}", level="error", service="sfu")
    sys.stderr.write(line + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
