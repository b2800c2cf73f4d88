"""The seats of this process as they are kept: written when taken, given up whatever is down just then."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from backend.domain.chores import Chores
from backend.domain.participants import Participant
from backend.domain.seat_ports import KeptSeat, SeatRepository
from backend.domain.sfu_port import SfuPort


class KeptSeats:
    """Writes the seats of participants; what could not be written while the database was away, later."""

    def __init__(self, seats: SeatRepository, sfu: SfuPort, chores: Chores) -> None:
        self._seats = seats
        self._sfu = sfu
        self._chores = chores
        self._leaving: dict[str, str] = {}
        self._freed = asyncio.Event()

    async def take(self, me: Participant) -> None:
        """Keep the seat. Raises: NotFound, NotAllowed, NotAvailable as `SeatRepository.take` does."""
        await self._seats.take(
            KeptSeat(
                participant_id=me.id,
                room_id=me.room.id,
                user=me.user,
                session_id=me.session_id,
                resume_hash=me.resume_hash,
                is_producer=me.is_producer,
                joined_at=me.joined_at,
                hand_raised_at=me.hand_raised_at,
            )
        )

    async def give_up(self, participant_id: str, room_id: str, left_at: datetime) -> None:
        """Free the kept seat, later if need be; until that is done it counts for nothing."""
        self._leaving[participant_id] = room_id
        await self._chores.do(partial(self._free, participant_id, left_at))

    async def all_freed(self, room_id: str | None = None) -> None:
        """Wait until no seat of the room, or of any, is still to be freed."""
        while self._leaving and room_id in {None, *self._leaving.values()}:
            self._freed.clear()
            await self._freed.wait()

    async def note(self, me: Participant) -> None:
        """Keep what may change of a seat, later if need be; what counts is how it is by then."""
        await self._chores.do(partial(self._note, me))

    async def of_room(self, room_id: str, at: datetime) -> Sequence[KeptSeat]:
        """Return the seats in a room that somebody may come back to.

        Whoever is just leaving has none, and neither has a closed account: that one left at `at`, the latest.
        """
        leaving = set(self._leaving)  # some may be gone from there before what was read of them arrives
        found = await self._seats.of_room(room_id)
        kept = [seat for seat in found if seat.participant_id not in leaving]
        for seat in kept:
            if not seat.user.active:
                self._chores.spawn(self.give_up(seat.participant_id, room_id, at))
                self._chores.spawn(self._chores.do(partial(self._sfu.leave_peer, room_id, seat.participant_id)))
        return [seat for seat in kept if seat.user.active]

    async def _note(self, me: Participant) -> None:
        async with me.noting:
            await self._seats.note(me.id, session_id=me.session_id, hand_raised_at=me.hand_raised_at)

    async def _free(self, participant_id: str, left_at: datetime) -> None:
        await self._seats.free(participant_id, left_at)
        self._leaving.pop(participant_id, None)
        self._freed.set()
