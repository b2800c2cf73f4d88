"""Keeps rooms in memory and homes in the database in step: takes up what is homeless, drops what is lost."""

import asyncio
from typing import Protocol

from backend.domain.homes import RoomElsewhere, RoomHomes
from backend.errors import NotAvailable, NotFound
from shared.logging import get_logger

SWEEP_S = 0.5
"""How often the dead are looked for: their rooms are taken up within about a second."""

ADOPT_AT_ONCE = 16
"""Rooms taken up at the same time; each may wait for the SFU."""

_log = get_logger(__name__)


class Residents(Protocol):
    """The rooms in memory."""

    async def adopt(self, room_id: str) -> None:
        """Open a room in which people have seats. Raises what claiming and opening it do."""

    def let_go(self, room_id: str) -> None:
        """Drop a room that is at home elsewhere now, as it is: its clients come back there."""


class HomeKeeper:
    """Looks after the homes at this backend; `run` it beside the service."""

    def __init__(self, homes: RoomHomes, residents: Residents) -> None:
        self._homes = homes
        self._residents = residents

    async def run(self) -> None:
        """Sweep for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """Drop what is lost, bury the dead, and take up what is homeless."""
        try:
            if self._homes.doubtful:
                await self._drop_lost()
            homeless = await self._homes.sweep()
        except NotAvailable:
            return  # the database is away; the next sweep follows
        except Exception:
            _log.exception("looking after the homes of rooms failed")
            return
        places = asyncio.Semaphore(ADOPT_AT_ONCE)
        await asyncio.gather(*(self._adopt(room_id, places) for room_id in homeless))

    async def _drop_lost(self) -> None:
        for room_id in await self._homes.lost():
            _log.warning("a room is at home elsewhere now", room_id=room_id)
            self._residents.let_go(room_id)

    async def _adopt(self, room_id: str, places: asyncio.Semaphore) -> None:
        async with places:
            try:
                await self._residents.adopt(room_id)
            except (RoomElsewhere, NotFound):
                return  # somebody else was faster, or deleted it
            except NotAvailable as error:
                _log.info("a room cannot be taken up now", room_id=room_id, reason=error.message)
            except Exception:
                _log.exception("a room could not be taken up", room_id=room_id)
