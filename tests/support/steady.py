"""Somebody in a class who does what a client does when the media server goes: makes everything anew by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.support.classmate import Classmate, classmate
from tests.support.protoo_client import RequestError
from tests.support.services import Platform

RETRY_S = 0.2
"""How long to wait after the media server did not serve."""

Json = dict[str, Any]


class Steady:
    """Sends one video of `ssrc`, if given, and receives whatever the others send.

    `consumed` are the consumers by producer, `refusals` the codes of what was refused and tried again.
    """

    def __init__(self, me: Classmate, ssrc: int | None) -> None:
        self.me = me
        self.consumed: dict[str, Json] = {}
        self.refusals: list[str] = []
        self._ssrc = ssrc
        self._wanted: set[str] = set()
        self._generation = 0
        self._working: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        me.socket.on_notification = self._notified

    async def join(self, room: str) -> None:
        """Take a seat, however often it takes, and begin."""
        joined = await self._insist(lambda: self.me.join(room))
        assert joined is not None
        for other in joined["participants"]:
            self._wanted |= {one["producerId"] for one in other["producers"]}
        self._start()

    async def settled(self, producers: int) -> None:
        """Wait until so many videos of others are consumed."""
        while len(self.consumed) != producers or self._wanted - self.consumed.keys():
            self._changed.clear()
            await self._changed.wait()

    async def sees(self, packets: int = 5) -> None:
        """Wait for new packets of everything that is received."""
        await asyncio.gather(*(self.me.receives(one, packets) for one in list(self.consumed.values())))

    @property
    def restarts(self) -> int:
        """How often it was told to start over."""
        return [method for method, _ in self.me.socket.notified()].count("sfu-restarted")

    async def close(self) -> None:
        """Do nothing any more."""
        self.me.socket.on_notification = lambda _method, _data: None
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    def _notified(self, method: str, data: Json) -> None:
        if method == "sfu-restarted":
            self._wanted.clear()
            self.consumed.clear()
            self._start()
        elif method == "new-producer":
            self._wanted.add(data["producerId"])
        elif method in {"producer-closed", "consumer-closed"}:
            self._wanted.discard(data["producerId"])
            self.consumed.pop(data["producerId"], None)
        self._changed.set()

    def _start(self) -> None:
        """Begin anew; what is under way belongs to what is gone."""
        if self._working is not None:
            self._working.cancel()
        self._working = asyncio.create_task(self._work(self._working))

    async def _work(self, former: "asyncio.Task[None] | None") -> None:
        if former is not None:
            await asyncio.gather(former, return_exceptions=True)
        await self.me.drop_media()
        while self._ssrc is not None and await self._insist(lambda: self.me.publish("video", self._ssrc)) is None:
            pass
        while True:
            for producer_id in self._wanted - self.consumed.keys():
                consumed = await self._insist(lambda producer_id=producer_id: self.me.subscribe(producer_id))
                if consumed is not None and producer_id in self._wanted:
                    self.consumed[producer_id] = consumed
                    self._changed.set()
            self._changed.clear()
            if not self._wanted - self.consumed.keys():
                await self._changed.wait()

    async def _insist(self, ask: Callable[[], Any]) -> Any:
        """Ask until the media server serves; None when what it was about is gone meanwhile."""
        while True:
            try:
                return await ask()
            except RequestError as error:
                self.refusals.append(error.code)
                if error.status != 503:
                    return None
            except (TimeoutError, ConnectionError):
                self.refusals.append("no connection")  # the media server died while the transport connected
            await asyncio.sleep(RETRY_S)


@contextlib.asynccontextmanager
async def steady(
    platform: Platform, email: str, role: str = "student", ssrc: int | None = None
) -> AsyncIterator[Steady]:
    """Sign somebody in and open the socket."""
    async with classmate(platform, email, role) as me:
        somebody = Steady(me, ssrc)
        try:
            yield somebody
        finally:
            await somebody.close()
