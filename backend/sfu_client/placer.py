"""Where the open rooms are: placed once each, whoever comes at once, and placed anew when their media are lost."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from backend.domain.placement import Placement, PlacementRepository, least_loaded
from backend.domain.sfu_port import SfuUnavailable
from backend.errors import DatabaseUnavailable
from backend.sfu_client.member import Member
from shared.ids import new_id
from shared.logging import get_logger

PLACE_TRIES = 5
"""Each failed try means that another backend placed the room just then."""

_log = get_logger(__name__)


@dataclass(slots=True)
class _Room:
    """An open room. `lost` media were at `placement` and are gone, whoever should be told has been.

    `proven`: a peer has joined there. `replaces` is the claim that the database still holds while it could not be
    written; None when all is written.
    """

    placement: Placement | None = None
    known: bool = False
    lost: bool = False
    proven: bool = False
    replaces: str | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Placer:
    """The placements of the rooms that are open here, over these members."""

    def __init__(self, members: Sequence[Member], placements: PlacementRepository) -> None:
        self._members = members
        self._placements = placements
        self._rooms: dict[str, _Room] = {}

    # What is known

    def member_at(self, room_id: str) -> Member | None:
        """Return the member that has the room's media, up or not; None when nobody has any."""
        room = self._rooms.get(room_id)
        if room is None or room.placement is None or room.lost:
            return None
        member = self._member_of(room.placement)
        gone = member is None or member.given_up or (member.up and member.epoch != room.placement.epoch)
        return None if gone else member

    def is_open(self, room_id: str) -> bool:
        """Tell whether the room is open here."""
        return room_id in self._rooms

    def is_placed(self, room_id: str) -> bool:
        """Tell whether the room was ever placed since it was opened, as far as we know."""
        room = self._rooms.get(room_id)
        return room is not None and room.placement is not None

    def rooms_at(self, member: Member) -> list[str]:
        """Return the rooms that are placed at the member, but those whose media are known to be lost."""
        return [
            room_id
            for room_id, room in self._rooms.items()
            if room.placement is not None and not room.lost and self._member_of(room.placement) is member
        ]

    def epoch_of(self, room_id: str) -> str | None:
        """Return the run of the SFU that the room is placed at, if any."""
        room = self._rooms.get(room_id)
        return room.placement.epoch if room is not None and room.placement is not None else None

    # What happens to a room

    async def open(self, room_id: str) -> None:
        """Read where the room is, unless that is known. Raises: DatabaseUnavailable."""
        room = self._rooms.setdefault(room_id, _Room())
        async with room.lock:
            await self._read(room_id, room)

    async def found(self, room_id: str, member: Member) -> None:
        """Take down where an open room turned out to be, of which nothing had been kept."""
        room = self._rooms.get(room_id)
        if room is None:
            return
        async with room.lock:
            if room.placement is None:
                placement = Placement(room_id, member.url, member.epoch, new_id())
                if await self._saved(room, placement):
                    room.placement, room.proven = placement, True

    def close(self, room_id: str) -> Placement | None:
        """Forget the room and return what is to be removed from the database."""
        room = self._rooms.pop(room_id, None)
        return room.placement if room is not None else None

    def lose(self, room_ids: Collection[str]) -> None:
        """Note that the media of these rooms are gone: each is placed anew when somebody joins."""
        for room_id in room_ids:
            if (room := self._rooms.get(room_id)) is not None:
                room.lost = True

    def confirm(self, room_id: str, placement: Placement) -> bool:
        """Note that a peer joined at this placement; False when the room has been placed elsewhere meanwhile."""
        room = self._rooms.get(room_id)
        if room is None or room.placement is not placement or room.lost:
            return False
        room.proven = True
        return True

    def give_back(self, room_id: str, placement: Placement, refused: Collection[str], *, always: bool) -> bool:
        """Have the room placed elsewhere if nobody has joined yet, or `always`; False when there is nowhere."""
        room = self._rooms.get(room_id)
        if room is None or not any(one.takes_rooms and one.url not in refused for one in self._members):
            return False
        if room.placement is placement:
            if room.proven and not always:
                return False
            room.lost = True
        return True

    async def place(self, room_id: str, refused: Collection[str] = ()) -> tuple[Member, Placement]:
        """Return where the room is; place it if it is nowhere, or if its media are lost.

        Raises:
            SfuUnavailable: its SFU is away for the moment, or nobody but those who `refused` takes it.
            NotFound: `ROOM_NOT_FOUND`, it has just been deleted.
            DatabaseUnavailable: it cannot be known where it is.
        """
        room = self._rooms.setdefault(room_id, _Room())
        async with room.lock:
            await self._read(room_id, room)
            for _ in range(PLACE_TRIES):
                if self._rooms.get(room_id) is not room:
                    break  # it ended meanwhile; whatever has its id now is another class
                if (placement := room.placement) is not None and (member := self.member_at(room_id)) is not None:
                    if not member.up:
                        raise SfuUnavailable
                    return member, placement
                await self._place_anew(room_id, room, refused)
        raise SfuUnavailable

    async def _read(self, room_id: str, room: _Room) -> None:
        if not room.known:
            room.placement = await self._placements.take_over(room_id, new_id())
            room.known = room.proven = True

    async def _place_anew(self, room_id: str, room: _Room, refused: Collection[str]) -> None:
        member = self._choose(room, refused)
        member.placed_since += 1  # before anything is awaited: rooms that come at once are to be spread
        old = room.placement
        if old is not None and old.sfu_url == member.url:
            await member.client.delete_room(room_id)  # what is left of it there: nobody's any more
        new = Placement(room_id, member.url, member.epoch, new_id())
        if await self._saved(room, new):
            room.placement, room.lost, room.proven = new, False, False
            _log.info("room placed", room_id=room_id, sfu=member.url, anew=old is not None)
        else:  # another backend was faster, or its row has been swept
            room.placement, room.lost, room.proven = None, False, True
            room.placement = await self._placements.take_over(room_id, new_id())

    def _choose(self, room: _Room, refused: Collection[str]) -> Member:
        """Prefer where the room has been, as after a restart of that SFU; else who has the least to do."""
        able = {one.url: one for one in self._members if one.takes_rooms and one.url not in refused}
        if room.placement is not None and room.placement.sfu_url in able:
            return able[room.placement.sfu_url]
        best = least_loaded([one.candidate for one in able.values()])
        if best is None:
            raise SfuUnavailable
        return able[best.url]

    async def _saved(self, room: _Room, new: Placement) -> bool:
        held = room.replaces or (room.placement.claim_id if room.placement is not None else None)
        try:
            kept = await self._placements.place(new, held)
        except DatabaseUnavailable:
            if held is None:
                raise
            room.replaces = held  # a class that is on does not wait for the database
            return True
        room.replaces = None
        return kept

    # Keeping the database true

    async def save_the_rest(self) -> None:
        """Write what could not be written before. Raises: DatabaseUnavailable."""
        for room_id, room in list(self._rooms.items()):
            if room.replaces is not None:
                async with room.lock:
                    if room.replaces is not None and room.placement is not None:
                        await self._placements.place(room.placement, room.replaces)
                        room.replaces = None
                        _log.info("placement written late", room_id=room_id)

    async def keep(self) -> None:
        """Note in the database that our rooms are open. Raises: DatabaseUnavailable."""
        rooms = [room for room in self._rooms.values() if room.replaces is None]
        kept = [room.placement for room in rooms if room.placement is not None]
        if kept:
            await self._placements.keep(kept)

    async def clear(self, member: Member) -> None:
        """Delete at a member that is back whatever rooms have been placed elsewhere meanwhile.

        Raises:
            NotAvailable: the member or the database is away.
        """
        found = await member.client.room_ids()
        kept = await self._placements.epochs(found)
        for room_id in found:
            room = self._rooms.get(room_id)
            if room is None:
                if kept.get(room_id, member.epoch) != member.epoch:
                    await self._delete(member, room_id)
                continue
            async with room.lock:
                if room.placement is not None and (room.lost or room.placement.epoch != member.epoch):
                    await self._delete(member, room_id)

    async def _delete(self, member: Member, room_id: str) -> None:
        _log.info("removing a room that was placed elsewhere", room_id=room_id, sfu=member.url)
        await member.client.delete_room(room_id)

    def _member_of(self, placement: Placement) -> Member | None:
        """Return the member of that very run, whatever it is called by others; else the one of that address."""
        for member in self._members:
            if member.epoch == placement.epoch:
                return member
        return next((member for member in self._members if member.url == placement.sfu_url), None)
