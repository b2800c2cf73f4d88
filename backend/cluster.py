"""Makes this process one of several backends over one database: its link, the news, the homes of its rooms."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address

from aiohttp import web

from backend import keys
from backend.domain.homes import RoomHomes
from backend.domain.news import News, NewsDesk
from backend.neighbours import BackendNeighbours
from backend.security.backend_passes import JwtBackendPasses
from backend.security.key_ring import KeyRing
from backend.settings import Settings
from backend.storage.cluster_link import ClusterLink
from backend.storage.database import Database
from backend.storage.facts import PostgresFacts
from backend.storage.homes import PostgresHomes
from shared.ids import new_id

HandOver = Callable[[web.Application], Awaitable[None]]


class Membership:
    """What the link tells, brought to those whom it concerns. Implements `storage.cluster_link.LinkListener`."""

    def __init__(self, homes: RoomHomes, desk: NewsDesk) -> None:
        self._homes = homes
        self._desk = desk

    def link_opened(self, *, buried: bool) -> None:
        """We are part of the cluster (again): see what was missed."""
        self._homes.doubtful = True
        self._desk.missed_some()

    def news_came(self, news: News) -> None:
        """Some backend, perhaps this one, changed something."""
        self._desk.take(news)

    def link_beat(self) -> None:
        """The link stands."""
        self._homes.beat()


def setup_cluster(app: web.Application, database: Database, ring: KeyRing) -> HandOver:
    """Put the parts under their keys, and be part of the cluster while the application runs.

    `ring` holds what all backends sign with. Comes before signalling, which finds the homes under their key.
    What it returns gives all homes up; let it be the last thing on shutdown, when no room is in memory any more.
    """
    neighbours = BackendNeighbours(JwtBackendPasses(ring))
    backend_id = new_id()
    app[keys.BACKEND_PASSES] = JwtBackendPasses(ring)
    app[keys.NEIGHBOURS] = neighbours
    app[keys.HOMES] = PostgresHomes(database)
    app[keys.ROOM_HOMES] = homes = RoomHomes(backend_id, app[keys.HOMES], neighbours, time.monotonic)

    links: list[ClusterLink] = []

    async def member(app: web.Application) -> AsyncIterator[None]:
        desk = NewsDesk(app[keys.ROOMS], PostgresFacts(database), app[keys.PRESENCE])
        settings = app[keys.SETTINGS]
        link = ClusterLink(
            database, backend_id, lambda address: peer_url(settings, address), Membership(homes, desk)
        )
        links.append(link)
        await neighbours.open()
        await link.open()
        reading = asyncio.create_task(desk.run())
        yield
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await link.close()
        await neighbours.close()

    async def hand_over(_app: web.Application) -> None:
        for link in links:
            await link.close()

    app.cleanup_ctx.append(member)
    return hand_over


def peer_url(settings: Settings, own_address: str) -> str:
    """Return where the other backends reach this one; `own_address` is from where we reach the database."""
    if settings.backend_peer_url is not None:
        return settings.backend_peer_url
    listen = ip_address(settings.listen_ip)
    address = ip_address(own_address) if listen.is_unspecified else listen
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{host}:{settings.port}"
