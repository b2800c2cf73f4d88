"""Joins signalling's parts and puts them into the application."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from backend import keys
from backend.domain.admissions import Admissions
from backend.domain.audit import LiveAudit
from backend.domain.chat import Chat
from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.data_media import DataControl
from backend.domain.entrance import Entrance
from backend.domain.figures import Figures
from backend.domain.hands import Hands
from backend.domain.home_keeper import HomeKeeper
from backend.domain.homes import RoomHomes
from backend.domain.ice_servers import ice_servers
from backend.domain.live_classes import LiveClasses, LiveParts
from backend.domain.live_presence import LivePresence
from backend.domain.media import MediaControl
from backend.domain.moderation import Moderation
from backend.domain.publishing import PublishingRule
from backend.domain.sfu_compare import SfuComparison
from backend.domain.sfu_port import SfuLink
from backend.domain.sfu_watch import SfuWatch
from backend.domain.users import User
from backend.settings import TurnSettings
from backend.signalling.client import Rules
from backend.signalling.endpoint import SocketEndpoint
from backend.signalling.gate import relay_gate
from backend.signalling.protocol_page import protocol_page
from backend.signalling.protoo import JsonObject
from backend.signalling.seat_timer import SeatTimer
from shared import metrics_names as names

FIRST_SWEEP_S = 3.0
"""How long a start looks after rooms that people sit in, before it serves; the rest follows beside."""

HAND_OVER_S = 1.5
"""How long a stop waits for requests that are being served, before others may take our rooms up."""

CHORES_FINISH_S = 5.0
"""How long a stop waits for seats being cleared away; the SFU removes what is left by its own timeouts."""


def setup_signalling(app: web.Application, sfu: SfuLink) -> None:
    """Add `GET /ws` and its document, set `keys.PRESENCE`, and follow the SFU while the application runs.

    The services under `backend.keys` must be there already. `sfu` is started and closed here.
    """
    settings = app[keys.SETTINGS]
    chores = Chores()
    seats = app[keys.SEATS]
    admissions = Admissions(app[keys.ADMISSIONS], chores, _now)
    entrance = Entrance(app[keys.ROOMS], app[keys.ROOM_PASSWORDS], app[keys.INVITATIONS], admissions, _now)
    audit = LiveAudit(app[keys.AUDIT], chores)
    parts = LiveParts(sfu, app[keys.ROOMS], seats, entrance, audit, clock=_clock)
    classes = LiveClasses(parts, chores, settings.resume_grace_s)
    comparison = SfuComparison(sfu, chores)
    classes.open_rooms.find_media = comparison.find_media
    homes = app[keys.ROOM_HOMES]
    keeper = _settle_homes(classes, homes, chores)
    watch = SfuWatch(classes.rooms, seats, sfu, comparison, chores, settings.resume_grace_s)
    media = MediaControl(sfu, chores, comparison.doubt)
    data = DataControl(sfu, media)
    publishing = PublishingRule(media, data, chores)

    def room_changed(room: Classroom) -> None:
        publishing.room_changed(room)
        admissions.room_changed(room)

    classes.open_rooms.on_changed = comparison.on_adopted = room_changed
    rules = Rules(
        classes=classes,
        media=media,
        data=data,
        moderation=Moderation(classes, media, app[keys.ROOMS], admissions, audit),
        admissions=admissions,
        chat=Chat(app[keys.MESSAGES], chores, _clock),
        hands=Hands(classes.seat_changed),
        meter=app[keys.METER],
        ice_servers=lambda user: _ice_servers(settings.turn, user),
    )
    endpoint = SocketEndpoint(
        rules, app[keys.TICKETS], app[keys.TOKENS], app[keys.NEIGHBOURS], settings.cors_origins
    )
    figures = Figures(seats, app[keys.HOMES], app[keys.NEIGHBOURS], homes.backend_id)
    app[keys.PRESENCE] = LivePresence(classes, sfu, endpoint, figures)
    app[keys.GAUGES] |= {
        names.BACKEND_SEATS_WAITING: lambda: len(classes.waiting),
        names.BACKEND_CHORES_OWED: lambda: chores.owed,
        names.BACKEND_SFU_AVAILABLE: lambda: sfu.available,
    }
    app.router.add_get("/ws", endpoint.handle)
    gate = relay_gate(endpoint, app[keys.BACKEND_PASSES], homes.backend_id)
    app.router.add_get("/internal/relay", gate)
    app.router.add_get("/docs/signalling", protocol_page)

    timers: list[SeatTimer] = []

    async def live(_app: web.Application) -> AsyncIterator[None]:
        timers.append(SeatTimer(classes, lambda: homes.certain))
        chores.spawn(chores.do(partial(seats.close_abandoned, _now())), finish=False)
        await sfu.start(watch)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SWEEP_S):
                await keeper.sweep()
        keeping = asyncio.create_task(keeper.run())
        yield
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await classes.open_rooms.stop()
        await chores.close(CHORES_FINISH_S)
        await sfu.close()

    async def say_goodbye(_app: web.Application) -> None:
        for timer in timers:
            timer.close()  # a seat outlives this process: nobody leaves because of a planned stop
        classes.announce_shutdown()
        endpoint.shut_down()
        homes.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_S):
                await endpoint.all_served()
                await classes.all_freed()
        for room_id in list(classes.rooms):
            classes.let_go(room_id)  # whoever adopts it finds everything in the database and at the SFU

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(say_goodbye)


def _settle_homes(classes: LiveClasses, homes: RoomHomes, chores: Chores) -> HomeKeeper:
    """Let rooms be claimed when they are opened, and given up when all seats in them are free for all to see."""

    def given_up(room_id: str) -> None:
        release = homes.give_up(room_id)

        async def give_up() -> None:
            await classes.all_freed(room_id)
            await chores.do(release)

        chores.spawn(give_up(), finish=False)

    classes.open_rooms.find = homes.find
    classes.open_rooms.claim = homes.claim
    classes.open_rooms.on_given_up = given_up
    return HomeKeeper(homes, classes)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _now() -> datetime:
    return datetime.now(UTC)


def _ice_servers(turn: TurnSettings, user: User) -> list[JsonObject]:
    expires_at = int(time.time()) + turn.ttl_s
    servers = ice_servers(turn.stun_urls, turn.turn_urls, turn.secret, user.id, expires_at)
    return [
        {
            name: value
            for name, value in {
                "urls": list(server.urls),
                "username": server.username,
                "credential": server.credential,
            }.items()
            if value is not None
        }
        for server in servers
    ]
