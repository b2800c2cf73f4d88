"""Somebody in a class who stays whatever dies: comes back to the seat, and makes anew what was lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp

from tests.support.classmate import Classmate, classmate
from tests.support.protoo_client import RequestError, connect
from tests.support.services import Platform

RETRY_S = 0.2
"""How long to wait after something was refused or could not be reached."""

CHAT_EVERY_S = 0.25
"""Slow enough for the limit on messages."""

PACKETS_WITHIN_S = 2.0
"""Packets come every 20 ms; after so long without any, something has died that we shall hear of."""

LOST = (OSError, aiohttp.ClientError)
"""What a request meets when the other side is not there; a timeout is an `OSError`, too."""

Json = dict[str, Any]


class Survivor:
    """Sends one video of `ssrc`, if given, receives whatever the others send, and writes numbered messages.

    `said` are the messages that were confirmed, `refused` those that were refused; of the others nobody knows.
    `gone` are the seats that somebody was said to have left. `lost_seats` counts returns that found no seat.
    """

    def __init__(self, me: Classmate, room: str, ssrc: int | None) -> None:
        self.me = me
        self.consumed: dict[str, Json] = {}
        self.said: list[str] = []
        self.refused: list[str] = []
        self.gone: list[str] = []
        self.lost_seats = 0
        self._room = room
        self._ssrc = ssrc
        self._producer_id: str | None = None
        self._wanted: set[str] = set()
        self._held: set[str] = set()
        self._afresh = False
        self._early: list[tuple[str, Json]] | None = []
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Take the seat, and go on by itself from then on."""
        self.me.socket.on_notification = self._notified
        self._settle_in(await self.me.join(self._room))
        self._tasks = [asyncio.create_task(work) for work in (self._stay(), self._chat())]

    async def well(self, producers: int) -> None:
        """Wait until so many videos of others are received, and new packets of each have come."""
        while True:
            if self._is_well(producers):
                with contextlib.suppress(TimeoutError, KeyError):  # it had not heard yet that something died
                    async with asyncio.timeout(PACKETS_WITHIN_S):
                        await asyncio.gather(*(self.me.receives(one) for one in list(self.consumed.values())))
                        return
            await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Do nothing any more; raises what went wrong meanwhile."""
        tasks, self._tasks = self._tasks, []
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()

    def _is_well(self, producers: int) -> bool:
        published = self._ssrc is None or self._producer_id is not None
        received = len(self.consumed) == producers and self.consumed.keys() == self._wanted
        return published and received and not self._afresh and self.me.socket.close_code is None

    # What it is told

    def _notified(self, method: str, data: Json) -> None:
        if self._early is not None:
            self._early.append((method, data))
            return
        match method:
            case "sfu-restarted":
                self._start_afresh()
            case "new-producer":
                self._wanted.add(data["producerId"])
            case "producer-closed" | "consumer-closed":
                self._forget(data["producerId"])
            case "participant-left":
                self.gone.append(data["participantId"])
        self._changed.set()

    def _start_afresh(self) -> None:
        self._wanted.clear()
        self.consumed.clear()
        self._afresh = True

    def _forget(self, producer_id: str) -> None:
        self._wanted.discard(producer_id)
        self.consumed.pop(producer_id, None)
        if producer_id == self._producer_id:
            self._producer_id = None

    def _settle_in(self, joined: Json) -> None:
        """Take over what the answer says, then what came after it."""
        self._wanted = {one["producerId"] for other in joined["participants"] for one in other["producers"]}
        held = {one["consumerId"]: one["producerId"] for one in joined["self"]["consumers"]}
        self.consumed = {key: one for key, one in self.consumed.items() if held.get(one["consumerId"]) == key}
        if {one["producerId"] for one in joined["self"]["producers"]} != {self._producer_id} - {None}:
            self._afresh = True  # what it sent is gone, or there is one whose answer was lost
        self._held |= {one["transportId"] for one in joined["self"]["transports"]}
        if len(held) != len(self.consumed) or self._held != set(self.me.transports.values()):
            self._afresh = True
        early, self._early = self._early or [], None
        for method, data in early:
            self._notified(method, data)

    # What it does

    async def _stay(self) -> None:
        while True:
            try:
                await self._work()
            except RequestError as error:
                self._afresh |= error.status != 503 and error.code != "PRODUCER_NOT_FOUND"
                await asyncio.sleep(RETRY_S)
            except LOST:
                if self.me.socket.close_code is None:
                    self._afresh = True  # a transport that did not connect
                else:
                    await self._come_back()

    async def _work(self) -> None:
        if self._afresh:
            await self._drop_everything()
        if self._ssrc is not None and self._producer_id is None:
            self._producer_id = await self._carefully(lambda: self.me.publish("video", self._ssrc or 0))
        for producer_id in list(self._wanted - self.consumed.keys()):
            consumed = await self._carefully(lambda wanted=producer_id: self.me.subscribe(wanted))
            if producer_id in self._wanted:
                self.consumed[producer_id] = consumed
        self._changed.set()
        self._held = set(self.me.transports.values())
        if not self._afresh and self.consumed.keys() == self._wanted:
            await self._something_new()

    async def _carefully(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask for something; when it fails half way, everything is to be made anew."""
        try:
            return await ask()
        except RequestError as error:
            self._afresh |= error.code != "PRODUCER_NOT_FOUND"
            raise
        except BaseException:
            self._afresh = True
            raise

    async def _drop_everything(self) -> None:
        """Close all transports that the seat holds, with what they carry, and begin anew."""
        self._producer_id = None
        self.consumed.clear()
        self._held |= set(self.me.transports.values())
        self.me.transports.clear()
        await self.me.drop_media()
        for transport_id in list(self._held):
            try:
                await self.me.socket.request("close-transport", transportId=transport_id)
            except RequestError as error:
                if error.status != 404:
                    raise
            self._held.discard(transport_id)
        self._afresh = False

    async def _something_new(self) -> None:
        self._changed.clear()
        changed = asyncio.ensure_future(self._changed.wait())
        closed = asyncio.ensure_future(self.me.socket.ended())
        try:
            await asyncio.wait({changed, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            closed.cancel()
        if self.me.socket.close_code is not None:
            raise ConnectionResetError("the socket closed")

    async def _come_back(self) -> None:
        await self.me.socket.close()
        while True:
            self._early = []
            try:
                self.me.socket = await connect(self.me.session, self.me.url, token=self.me.token)
                self.me.socket.on_notification = self._notified
                joined = await self.me.join(self._room, resumeToken=self.me.joined["resumeToken"])
            except (RequestError, *LOST):
                await self.me.socket.close()
                await asyncio.sleep(RETRY_S)
                continue
            self.lost_seats += not joined["resumed"]
            self._settle_in(joined)
            return

    async def _chat(self) -> None:
        number = 0
        while True:
            number += 1
            text = f"{self.me.participant_id} {number}"
            try:
                await self.me.socket.request("chat-message", text=text)
                self.said.append(text)
            except RequestError:
                self.refused.append(text)
            except LOST:
                pass  # it may have been stored or not
            await asyncio.sleep(CHAT_EVERY_S)


@contextlib.asynccontextmanager
async def survivor(
    platform: Platform, room: str, email: str, role: str = "student", ssrc: int | None = None
) -> AsyncIterator[Survivor]:
    """Sign somebody in and take a seat."""
    async with classmate(platform, email, role) as me:
        somebody = Survivor(me, room, ssrc)
        await somebody.begin()
        try:
            yield somebody
        finally:
            await somebody.close()
