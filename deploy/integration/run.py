"""What all tests of a run share: both services, rooms that are nobody else's, and their removal."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.integration.backend_api import BackendApi
from deploy.integration.checks import CheckFailed, Skipped
from deploy.integration.http_api import HttpApi, Json
from deploy.integration.options import Options
from deploy.integration.seats import SfuSeat

CLEAN_UP_WITHIN_S = 20.0
"""Also for an operator who has pressed Ctrl-C; what is left then, the SFU removes by itself in time."""


@dataclass
class Run:
    """One run. `name` is part of every id that it makes, so that nothing of others is ever touched."""

    options: Options
    sfu: HttpApi
    backend: BackendApi
    name: str = field(default_factory=lambda: f"integration-{secrets.token_hex(5)}")
    _sfu_rooms: list[str] = field(default_factory=list)
    _backend_rooms: list[str] = field(default_factory=list)

    def new_sfu_room(self, label: str) -> str:
        """Return the id of a room that will be made at the SFU, remembered for its removal."""
        self._sfu_rooms.append(f"{self.name}-{label}")
        return self._sfu_rooms[-1]

    def new_seat(self, room: str, peer: str) -> SfuSeat:
        """Return a seat in a room of the SFU, not joined yet."""
        return SfuSeat(self.sfu, room, peer)

    async def new_backend_room(self, label: str) -> str:
        """Make a room at the backend and return its id. Raises: CheckFailed, Skipped."""
        room = await self.backend.create_room(f"{self.name}-{label}")
        self._backend_rooms.append(room)
        return room

    async def left_at_sfu(self) -> list[str]:
        """Return the ids of this run's rooms that the SFU still has. Raises: CheckFailed."""
        return [room["roomId"] for room in await self._sfu_list() if self._is_ours(room)]

    async def is_alone(self) -> bool:
        """Tell whether the SFU has no rooms but this run's: else its figures are also other people's."""
        return all(self._is_ours(room) for room in await self._sfu_list())

    async def _sfu_list(self) -> list[Json]:
        rooms: list[Json] = (await self.sfu.get("/rooms")).ok("rooms")["rooms"]
        return rooms

    def _is_ours(self, room: Json) -> bool:
        return room["roomId"] in {*self._sfu_rooms, *self._backend_rooms}

    async def left_at_backend(self) -> list[str]:
        """Return the ids of this run's rooms that the backend still has. Raises: CheckFailed, Skipped."""
        return await self.backend.rooms_named(self.name)

    async def clean_up(self) -> None:
        """Remove all rooms that this run may have made, whatever has become of them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLEAN_UP_WITHIN_S):
                with suppress(CheckFailed, Skipped):  # by name: also one whose making was not answered
                    for room in await self.left_at_backend():
                        await self.backend.remove_room(room)
                for room in await self._to_remove_at_sfu():
                    with suppress(CheckFailed):
                        await self.sfu.delete(f"/rooms/{room}")

    async def _to_remove_at_sfu(self) -> list[str]:
        try:
            return await self.left_at_sfu()
        except CheckFailed:  # it does not tell which are left: all that were ever asked for
            return self._sfu_rooms
