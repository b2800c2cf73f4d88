"""All SFUs for the rules: each call goes to the one that the room is placed at.

`Placer` knows where the rooms are. Here is what follows when a member comes, goes or comes back as another run.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

from backend.domain.metering import Meter
from backend.domain.placement import Placement, PlacementRepository, SfuFigures
from backend.domain.sfu_port import JsonObject, SfuEvent, SfuListener, SfuPeer, SfuUnavailable
from backend.domain.sfu_state import SfuRoomState
from backend.errors import NotAvailable
from backend.sfu_client.link import SfuClient
from backend.sfu_client.member import Member
from backend.sfu_client.placer import Placer
from backend.sfu_client.room_calls import RoomCalls
from backend.sfu_client.transport import SfuDraining
from shared.logging import get_logger

AWAY_S = 3.0
"""An SFU that is away for so long while another is up loses its rooms to the others: longer than a restart of the
service or of a connection takes, and no longer than a class would wait for its pictures."""

LOOK_EVERY_S = 0.5
"""How often it is looked at who is away."""

KEEP_EVERY_S = 60.0
UNUSED_S = 900.0
"""A placement that its backend has not kept for so long is nobody's: that backend is gone, and no other has taken
the room over, which happens within seconds."""

FINISH_S = 1.0
"""How long a stop waits for the last rooms to be removed from the database; what is left is swept."""

_log = get_logger(__name__)


class SfuPool(RoomCalls):
    """Implements `backend.domain.sfu_port.SfuLink` over one or several SFUs."""

    def __init__(
        self, urls: Sequence[str], api_token: str | None, placements: PlacementRepository, meter: Meter
    ) -> None:
        self._members = [Member(url, SfuClient(url, api_token, meter), self) for url in urls]
        self._placements = placements
        self._placer = Placer(self._members, placements)
        self._listener: SfuListener | None = None
        self._peer_at: dict[str, Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._endless: list[asyncio.Task[None]] = []

    # Lifetime

    async def start(self, listener: SfuListener) -> None:
        """Start to follow the events; return when the streams are open or after a short wait without success."""
        self._listener = listener
        await asyncio.gather(*(member.client.start(member) for member in self._members))
        self._endless.append(asyncio.create_task(self._look_after()))
        if len(self._members) > 1:  # one alone gets every room
            self._endless += [asyncio.create_task(member.follow_load()) for member in self._members]

    async def close(self) -> None:
        """Stop following, close all connections. Leaves everything at the SFUs as it is."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_S)
        leftovers = [*self._endless, *self._tasks]
        for task in leftovers:
            task.cancel()
        await asyncio.gather(*leftovers, return_exceptions=True)
        await asyncio.gather(*(member.client.close() for member in self._members))

    @property
    def available(self) -> bool:
        """Whether at least one SFU is up."""
        return any(member.up for member in self._members)

    def figures(self) -> Sequence[SfuFigures]:
        """Return the SFUs as they are now."""
        return [
            SfuFigures(member.url, member.up, member.draining, len(self._placer.rooms_at(member)))
            for member in self._members
        ]

    # Rooms

    def serves(self, room_id: str) -> bool:
        """Whether the SFU that the room's media are at answers, or another one can take the room."""
        member = self._placer.member_at(room_id)
        return member.up if member is not None else any(one.takes_rooms for one in self._members)

    async def open_room(self, room_id: str) -> None:
        """Learn where the room's media are, before anything of it is asked; `join_peer` does so by itself."""
        await self._placer.open(room_id)

    def close_room(self, room_id: str, *, ended: bool) -> None:
        """Note that the room is not open here any more; clearing away its peers goes on."""
        placement = self._placer.close(room_id)
        if placement is not None and ended:
            self._spawn(self._quietly(self._placements.remove(placement)))

    async def join_peer(self, room_id: str, room_name: str, peer: SfuPeer) -> JsonObject:
        """Make the peer (and its room) and return the router's RTP capabilities.

        A room in which nobody is yet goes elsewhere when its SFU drains or does not answer.
        """
        refused: set[str] = set()
        while True:
            member, placement = await self._placer.place(room_id, refused)
            capabilities = await self._join_at(member, placement, room_name, peer, refused)
            if capabilities is not None:
                return capabilities

    async def _join_at(
        self, member: Member, placement: Placement, room_name: str, peer: SfuPeer, refused: set[str]
    ) -> JsonObject | None:
        """Join there; None when the room has to be, or has been, placed elsewhere."""
        room_id = placement.room_id
        self._peer_at[peer.id] = member
        try:
            capabilities = await member.client.join_peer(room_id, room_name, peer)
        except SfuUnavailable as error:
            if not error.maybe_done:
                self._peer_at.pop(peer.id, None)
            drains = isinstance(error, SfuDraining)
            member.draining = member.draining or drains
            refused.add(member.url)
            if not self._placer.give_back(room_id, placement, refused, always=drains):
                raise
            self._spawn(self._undo_join(member, room_id, peer.id))
            return None
        if self._placer.confirm(room_id, placement):
            return capabilities
        if not self._placer.is_open(room_id):
            self._spawn(self._undo_join(member, room_id, peer.id))
            raise SfuUnavailable  # it ended meanwhile, and nobody would close it again
        await self._undo_join(member, room_id, peer.id)  # first: it may join anew at the same one
        return None

    async def _undo_join(self, member: Member, room_id: str, peer_id: str) -> None:
        if self._peer_at.get(peer_id) is member:
            del self._peer_at[peer_id]
        await self._quietly(member.client.leave_peer(room_id, peer_id))

    async def leave_peer(self, room_id: str, peer_id: str) -> None:
        """Remove the peer with all it has; a peer that is not there is no error."""
        member = self._peer_at.get(peer_id) or self._placer.member_at(room_id)
        if member is None:
            for one in self._all_up():
                await one.client.leave_peer(room_id, peer_id)
        elif member.up or not member.given_up:  # else it is gone, or its rooms are deleted when it is back
            await member.client.leave_peer(room_id, peer_id)
        self._peer_at.pop(peer_id, None)

    async def room_info(self, room_id: str) -> JsonObject | None:
        """Return the SFU's own view of the room; None when there is no such room."""
        member = self._placer.member_at(room_id)
        return await member.client.room_info(room_id) if member is not None else None

    async def room_state(self, room_id: str) -> SfuRoomState | None:
        """Return the ids of all that its SFU holds for the room; None when there is no such room."""
        if (member := self._placer.member_at(room_id)) is not None:
            return await member.client.room_state(room_id)
        if self._placer.is_placed(room_id):
            return None  # its media are lost
        for one in self._all_up():
            if (state := await one.client.room_state(room_id)) is not None:
                await self._placer.found(room_id, one)
                return state
        return None

    async def room_ids(self) -> Sequence[str]:
        """Return the ids of all rooms of all SFUs that are up."""
        answers = await asyncio.gather(
            *(member.client.room_ids() for member in self._all_up()), return_exceptions=True
        )
        found = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not found:
            raise SfuUnavailable
        return list(dict.fromkeys(room_id for room_ids in found for room_id in room_ids))

    def client_of(self, room_id: str) -> SfuClient:
        """Return the way to the SFU that has the room's media. Raises: SfuUnavailable."""
        member = self._placer.member_at(room_id)
        if member is None:
            raise SfuUnavailable
        return member.client

    def _all_up(self) -> list[Member]:
        up = [member for member in self._members if member.up]
        if not up:
            raise SfuUnavailable
        return up

    # Members

    def member_connected(self, member: Member, *, missed_events: bool) -> None:
        """Its event stream is open: what was at another run of it is lost, what it has goes on."""
        rooms = self._placer.rooms_at(member)
        lost = {room_id for room_id in rooms if self._placer.epoch_of(room_id) != member.epoch}
        if lost:
            _log.warning("an SFU is another one than before", sfu=member.url, rooms=len(lost))
            self._media_lost(lost)
        kept = [room_id for room_id in rooms if room_id not in lost]
        self._told.sfu_connected(restarted=False, missed_events=missed_events, rooms=kept)
        self._spawn(self._quietly(self._placer.clear(member)))

    def member_lost(self, member: Member) -> None:
        """It is away."""
        self._told.sfu_lost(self._placer.rooms_at(member))

    def member_missed_events(self, member: Member) -> None:
        """Events of it were lost."""
        self._told.sfu_missed_events(self._placer.rooms_at(member))

    def member_event(self, member: Member, event: SfuEvent) -> None:
        """Something happened in a room of it; what is told of a room that is elsewhere by now is of the past."""
        if self._placer.member_at(event.room_id) is member:
            self._told.sfu_event(event)

    @property
    def _told(self) -> SfuListener:
        if self._listener is None:
            raise AssertionError("the pool is not started")
        return self._listener

    def _media_lost(self, room_ids: set[str]) -> None:
        self._placer.lose(room_ids)
        self._told.sfu_connected(restarted=True, missed_events=False, rooms=room_ids)

    async def _look_after(self) -> None:
        """Give up who is away for too long, and keep the database true; cancel it to stop."""
        loop = asyncio.get_running_loop()
        kept_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._give_up_the_lost(loop.time())
            await self._quietly(self._placer.save_the_rest())
            if loop.time() - kept_at >= KEEP_EVERY_S:
                kept_at = loop.time()
                await self._quietly(self._keep())

    def _give_up_the_lost(self, now: float) -> None:
        away = [member for member in self._members if member.away_s(now) >= AWAY_S and not member.given_up]
        if not away or not any(member.takes_rooms for member in self._members):
            return
        for member in away:
            member.given_up = True
            rooms = set(self._placer.rooms_at(member))
            _log.warning("an SFU is given up", sfu=member.url, rooms=len(rooms))
            if rooms:
                self._media_lost(rooms)

    async def _keep(self) -> None:
        await self._placer.keep()
        if swept := await self._placements.sweep(UNUSED_S):
            _log.info("placements of rooms that nobody is in were removed", count=swept)

    async def _quietly(self, work: Awaitable[object]) -> None:
        """Do what can be left undone while somebody is away."""
        try:
            await work
        except NotAvailable:
            return
        except Exception:
            _log.exception("looking after the SFUs failed")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
