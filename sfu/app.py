"""The composition root: settings in, a web application out."""

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from sfu.announcements import announce_worker
from sfu.api.keys import API_TOKEN, EVENTS, METRICS, POOL, ROOMS, TURNS
from sfu.api.metrics import Metrics
from sfu.api.middlewares import MIDDLEWARES, add_common_headers
from sfu.api.routes import ROUTES
from sfu.api.turns import Turns
from sfu.control.event_log import EventLog
from sfu.control.limits import Limits
from sfu.control.media_worker import WorkerConfig
from sfu.control.peer import Peer
from sfu.control.peer_timeouts import PeerTimeouts
from sfu.control.room_registry import RoomRegistry
from sfu.control.worker_pool import WorkerPool
from sfu.settings import Settings
from shared.errors import MAX_BODY_BYTES


def create_app(settings: Settings, limits: Limits | None = None) -> web.Application:
    """Put the service together. Its media workers start with the application and end with it.

    Starting it raises `WorkersFailedError` when no media worker comes up.
    """
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_BODY_BYTES)
    timeouts = PeerTimeouts[Peer](
        settings.peer_timeout_s, settings.peer_idle_timeout_s, settings.rtc_consent_timeout_s
    )
    pool = WorkerPool(_worker_config(settings, timeouts.consent_timeout_s), settings.workers)
    pool.on("ready", partial(announce_worker, settings.log_format))
    events = EventLog()
    rooms = RoomRegistry(pool, events, timeouts, limits or Limits(), spread_after=_spread_after(settings))
    app[POOL], app[EVENTS], app[ROOMS] = pool, events, rooms
    app[METRICS] = Metrics(rooms, pool, events)
    app[TURNS] = Turns()
    app[API_TOKEN] = settings.api_token or ""
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_common_headers)
    app.on_shutdown.append(_close_rooms)
    app.cleanup_ctx.append(_media_workers)
    return app


def _worker_config(settings: Settings, consent_timeout_s: float) -> WorkerConfig:
    return WorkerConfig(
        listen_ip=settings.rtc_listen_ip,
        announced_ips=settings.candidate_ips,
        min_port=settings.rtc_min_port,
        max_port=settings.rtc_max_port,
        tcp=settings.rtc_tcp,
        consent_timeout_s=consent_timeout_s,
        audio_last_n=settings.audio_last_n,
        log_level=settings.log_level,
        log_format=settings.log_format,
        pipes=_spread_after(settings) > 0,
    )


def _spread_after(settings: Settings) -> int:
    """Rooms stay on one worker where there is no other, or the system lacks the sockets between them."""
    return settings.room_spread if settings.workers > 1 and sys.platform == "linux" else 0


async def _media_workers(app: web.Application) -> AsyncIterator[None]:
    await app[POOL].start()
    app[METRICS].loop_delay.start(asyncio.get_running_loop())
    yield
    app[METRICS].loop_delay.stop()
    await app[POOL].stop()


async def _close_rooms(app: web.Application) -> None:
    """Close the rooms while the subscribers of the events can still be told, then let those go."""
    app[ROOMS].close("shutdown")
    app[EVENTS].close()
