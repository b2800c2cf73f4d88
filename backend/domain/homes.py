"""Homes of rooms: each live room is in the memory of exactly one backend, which claims it when it opens it.

A backend lives while it holds its lock in the database, or while it answers at its URL with its own id: so neither
a database that restarts nor a lost connection to it makes anybody lose a home. When a backend is dead its homes
are gone all at once, and whoever comes first claims its rooms anew.
"""

import enum
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.errors import DatabaseUnavailable, NotAvailable
from shared.ids import new_id
from shared.logging import get_logger

CERTAIN_S = 5.0
"""Since the last beat of the link: after longer somebody may have found us dead, and we cannot know."""

SILENT_PROBES = 4
"""A backend that lost its lock and does not answer in time is dead after so many probes in a row, one a second:
it may only be very busy. One that is not there at all, or another one at its URL, is dead at once."""

CLAIM_TRIES = 5
"""Each failed try means that some other backend died or gave the room up just then."""

MAX_ADOPTED = 200
"""Rooms that one sweep takes up; the next one follows within a second."""

ROOM_ELSEWHERE = "ROOM_ELSEWHERE"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Home:
    """A backend, where a room may be at home. `url` is its base URL for the other backends."""

    backend_id: str
    url: str
    has_lock: bool = True


class RoomElsewhere(NotAvailable):
    """The room is at home at another backend, which alone can serve it now."""

    default_code = ROOM_ELSEWHERE

    def __init__(self, home: Home) -> None:
        super().__init__("The room is just moving to another server. Try again shortly.")
        self.home = home


class Pulse(enum.Enum):
    """What a backend says when it is asked whether it lives."""

    ALIVE = enum.auto()
    GONE = enum.auto()
    SILENT = enum.auto()


async def _nothing() -> None:
    """Give nothing up: the room was never claimed."""


class HomeRepository(Protocol):
    """The homes as they are kept. Implemented by `backend.storage`."""

    async def claim(self, room_id: str, backend_id: str, claim_id: str) -> bool:
        """Make the backend the room's home, or give the claim of the backend that is a new id; False if it is not.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """

    async def home_of(self, room_id: str) -> Home | None:
        """Return where the room is at home."""

    async def release(self, room_id: str, claim_id: str) -> None:
        """Give the home up; another claim than this stays as it is."""

    async def held_by(self, backend_id: str) -> Mapping[str, str]:
        """Return the claims of a backend by room."""

    async def others(self, backend_id: str) -> Sequence[Home]:
        """Return all backends but one."""

    async def bury(self, backend_id: str) -> bool:
        """Forget a backend with all its homes, unless it holds its lock; tells whether it is gone now."""

    async def homeless_rooms(self, limit: int) -> Sequence[str]:
        """Return rooms in which somebody has a seat and that are at home nowhere."""


class Neighbours(Protocol):
    """The other backends, asked directly. Implemented by `backend.neighbours`."""

    async def pulse(self, home: Home) -> Pulse:
        """Ask a backend whether it lives, within about a second."""


class RoomHomes:
    """The homes at this backend, `backend_id`. `clock` counts seconds.

    `doubtful`: what is at home here should be compared with the database (`lost`).
    """

    def __init__(
        self, backend_id: str, homes: HomeRepository, neighbours: Neighbours, clock: Callable[[], float]
    ) -> None:
        self.backend_id = backend_id
        self.doubtful = False
        self._homes = homes
        self._neighbours = neighbours
        self._clock = clock
        self._claims: dict[str, str] = {}
        self._unsettled: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        self._last_beat = clock()
        self._leaving = False

    @property
    def certain(self) -> bool:
        """Whether what is at home here is surely at home nowhere else; only then may a seat's grace end."""
        return not self._leaving and self._clock() - self._last_beat < CERTAIN_S

    def beat(self) -> None:
        """Note that the link to the cluster stands."""
        self._last_beat = self._clock()

    def leave(self) -> None:
        """Claim nothing any more: we stop, and give every home up."""
        self._leaving = True

    async def find(self, room_id: str) -> None:
        """Let pass unless the room is at home at another backend that lives.

        Raises:
            RoomElsewhere: it is.
        """
        home = await self._homes.home_of(room_id)
        if home is not None and home.backend_id != self.backend_id and not await self._is_dead(home):
            raise RoomElsewhere(home)

    async def claim(self, room_id: str) -> None:
        """Make this the home of the room, before it is opened in memory.

        Raises:
            RoomElsewhere: it is at home at another backend that lives.
            NotFound: `ROOM_NOT_FOUND`.
            NotAvailable: the database is away, or we stop.
        """
        self._unsettled[room_id] += 1
        try:
            for _ in range(CLAIM_TRIES):
                if self._leaving:
                    break
                claim_id = new_id()
                if await self._homes.claim(room_id, self.backend_id, claim_id):
                    self._claims[room_id] = claim_id
                    return
                await self.find(room_id)
        except DatabaseUnavailable:
            self.doubtful = True  # perhaps it is ours, and the answer was lost
            raise
        finally:
            self._settled(room_id)
        raise NotAvailable("The room cannot be opened just now. Try again shortly.")

    def give_up(self, room_id: str) -> Callable[[], Awaitable[None]]:
        """The room is not in memory any more. What this returns gives its home up, unless it was claimed again."""
        claim_id = self._claims.pop(room_id, None)
        if claim_id is None:
            return _nothing
        self._unsettled[room_id] += 1

        async def release() -> None:
            await self._homes.release(room_id, claim_id)
            self._settled(room_id)

        return release

    async def lost(self) -> Sequence[str]:
        """Return the rooms that were claimed here and are not at home here any more.

        What is at home here without our knowing, since an answer was lost, is given up.
        """
        self.doubtful = False
        claimed = dict(self._claims)
        held = await self._homes.held_by(self.backend_id)
        for room_id in held.keys() - self._claims.keys() - self._unsettled.keys():
            await self._homes.release(room_id, held[room_id])
        gone = [room_id for room_id, claim_id in claimed.items() if held.get(room_id) != claim_id]
        lost = [room_id for room_id in gone if self._claims.get(room_id) == claimed[room_id]]
        for room_id in lost:
            del self._claims[room_id]
        return lost

    def _settled(self, room_id: str) -> None:
        self._unsettled[room_id] -= 1
        if not self._unsettled[room_id]:
            del self._unsettled[room_id]

    async def sweep(self) -> Sequence[str]:
        """Bury the dead, and return rooms with seats that are at home nowhere."""
        for home in await self._homes.others(self.backend_id):
            if not home.has_lock:
                await self._is_dead(home)
            else:
                del self._silent[home.backend_id]
        return [] if self._leaving else await self._homes.homeless_rooms(MAX_ADOPTED)

    async def _is_dead(self, home: Home) -> bool:
        """Tell whether a backend is dead, and bury it if so."""
        if home.has_lock:
            return False
        pulse = await self._neighbours.pulse(home)
        if pulse is Pulse.ALIVE:
            del self._silent[home.backend_id]
            return False
        self._silent[home.backend_id] += 1
        if pulse is Pulse.SILENT and self._silent[home.backend_id] < SILENT_PROBES:
            return False
        if not await self._homes.bury(home.backend_id):
            return False
        del self._silent[home.backend_id]
        _log.warning("a backend is gone, its rooms are taken up", backend_id=home.backend_id, url=home.url)
        return True
