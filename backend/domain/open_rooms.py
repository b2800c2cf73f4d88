"""The rooms that are open in this process: opened when somebody comes, given up when nobody is left.

Opening is asynchronous and happens once, however many come at once. A room in which people have seats from before
a restart is open when they are back in them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from backend.domain.classroom import Classroom
from backend.domain.rooms import RoomRecord
from backend.domain.sfu_port import SfuPort
from shared.logging import get_logger

_log = get_logger(__name__)


async def _no_media(_room: Classroom) -> None:
    """Find nothing."""


async def _only_here(_room_id: str) -> None:
    """Let every room be at home here: there is no other backend."""


class OpenRooms:
    """All rooms that are open here, by id in `live`; those still being opened are in it too.

    `restore` puts participants back into their seats and tells whether there are any; `find_media` then takes over
    what the SFU holds of them. `on_changed` is called when a room here may have new rules, or somebody in it
    another role.

    `find` and `claim` are asked before a room is looked at or opened: they raise `RoomElsewhere` when another
    backend is its home. `on_given_up` is called with the id of a room that is in memory no more.
    """

    def __init__(self, restore: Callable[[Classroom], Awaitable[bool]], sfu: SfuPort) -> None:
        self.live: dict[str, Classroom] = {}
        self.find_media: Callable[[Classroom], Awaitable[None]] = _no_media
        self.on_changed: Callable[[Classroom], None] = lambda _room: None
        self.find: Callable[[str], Awaitable[None]] = _only_here
        self.claim: Callable[[str], Awaitable[None]] = _only_here
        self.on_given_up: Callable[[str], None] = lambda _room_id: None
        self._restore = restore
        self._sfu = sfu
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._visits: Counter[Classroom] = Counter()

    def ready(self, room_id: str) -> Classroom | None:
        """Return the room if it is open, with all that belongs to it."""
        return self.live.get(room_id) if room_id not in self._opening else None

    async def require_not_elsewhere(self, room_id: str) -> None:
        """Let pass unless the room is at home at another backend. Raises: RoomElsewhere."""
        if room_id not in self.live:
            await self.find(room_id)

    @asynccontextmanager
    async def visit(self, record: RoomRecord) -> AsyncIterator[Classroom]:
        """Open the room unless it is open, and keep it open for the length of a `with` block.

        `record` is the room as it has just been read; nothing is awaited before it is taken over.

        Raises:
            RoomElsewhere: it is at home at another backend.
            NotAvailable: the database is away.
        """
        room = self.live.get(record.id)
        if room is None:
            room = self._start_to_open(record)
        else:
            self.change(room, record)
        self._visits[room] += 1
        try:
            await self.opened(record.id)
            yield room
        finally:
            self._visits[room] -= 1
            if not self._visits[room]:
                del self._visits[room]
            self.discard_if_empty(room)

    async def opened(self, room_id: str) -> None:
        """Wait until a room that is being opened is open. Raises what the opening does."""
        if (opening := self._opening.get(room_id)) is not None:
            await asyncio.shield(opening)

    def now_and_when_open(self, act: Callable[[], None]) -> None:
        """Do something about who sits in rooms; again for each room that is just being opened, when it is.

        Who is put back there may have been read before what this is about.
        """
        act()
        for opening in self._opening.values():
            opening.add_done_callback(lambda _opened: act())

    def change(self, room: Classroom, record: RoomRecord) -> None:
        """Take over a room's name and rules as they are kept now."""
        room.change(record)
        self.on_changed(room)

    def close(self, room: Classroom, *, ended: bool = True) -> None:
        """Take a room out, whoever is in it. Unless it has `ended` it goes on at the SFU."""
        room.closed = True
        if self.live.get(room.id) is room:
            self._give_up(room, ended=ended)

    def let_go(self, room: Classroom) -> None:
        """Take a room out that is at home at another backend now; what it holds is not ours any more."""
        room.moved = room.closed = True
        if self.live.get(room.id) is room:
            del self.live[room.id]
            self._sfu.close_room(room.id, ended=False)

    def discard_if_empty(self, room: Classroom) -> None:
        """Take a room out if nobody is in it, on the way in, or opening it."""
        if room.is_empty and room.id not in self._opening and not self._visits[room]:
            self.close(room)

    async def stop(self) -> None:
        """Open nothing any more. Seats stay as they are kept."""
        tasks = [*self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_to_open(self, record: RoomRecord) -> Classroom:
        room = self.live[record.id] = Classroom(record)
        opening = self._opening[record.id] = asyncio.get_running_loop().create_task(self._open(room))
        opening.add_done_callback(lambda done: self._open_ended(room, done))
        return room

    def _open_ended(self, room: Classroom, opening: asyncio.Task[None]) -> None:
        self._opening.pop(room.id, None)
        if opening.cancelled() or opening.exception() is not None:
            self.close(room, ended=False)
        else:
            self.discard_if_empty(room)

    async def _open(self, room: Classroom) -> None:
        """Open a room: the one place where that happens."""
        await self.claim(room.id)
        if await self._restore(room):
            _log.info("room restored", room_id=room.id, seats=len(room.participants))
            await self.find_media(room)
            self.on_changed(room)

    def _give_up(self, room: Classroom, *, ended: bool) -> None:
        """Give a room up: the one place where that happens."""
        del self.live[room.id]
        self._sfu.close_room(room.id, ended=ended)
        self.on_given_up(room.id)
