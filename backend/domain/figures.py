"""How many sit where, and what they send: the same answers at every backend, wherever a room is at home."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from backend.domain.homes import Home, HomeRepository
from backend.domain.ports import RoomStats
from backend.domain.seat_ports import SeatRepository


class LiveRooms(Protocol):
    """The figures of rooms that are at home at another backend. Implemented by `backend.neighbours`."""

    async def live_rooms(self, home: Home, room_id: str | None = None) -> Sequence[RoomStats]:
        """Ask a backend for the figures of its rooms, or of one; nothing when it does not answer."""


class Figures:
    """Counts people by their seats in the database; asks the others about the media of the rooms they hold."""

    def __init__(
        self, seats: SeatRepository, homes: HomeRepository, neighbours: LiveRooms, backend_id: str
    ) -> None:
        self._seats = seats
        self._homes = homes
        self._neighbours = neighbours
        self._backend_id = backend_id

    async def totals(self) -> tuple[int, int]:
        """Return how many rooms somebody sits in, and how many sit there."""
        return await self._seats.totals()

    async def elsewhere(self, room_id: str) -> RoomStats:
        """Return the figures of a room that is not at home here; zeros when it is at home nowhere."""
        home = await self._homes.home_of(room_id)
        if home is not None and home.backend_id != self._backend_id:
            for found in await self._neighbours.live_rooms(home, room_id):
                return found
        return RoomStats(room_id, 0, 0, [])

    async def all_elsewhere(self) -> Sequence[RoomStats]:
        """Return the figures of all live rooms that are at home at other backends."""
        homes = await self._homes.others(self._backend_id)
        found = await asyncio.gather(*(self._neighbours.live_rooms(home) for home in homes))
        return [stats for rooms in found for stats in rooms]
