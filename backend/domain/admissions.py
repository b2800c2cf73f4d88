"""Letting people in from the waiting room: who knocks, who is let in or turned away, and who is told of it.

Who waits is kept in memory, at the room: it is as live as the sockets that wait. Whom somebody let in is kept by
the repository and holds for that user in that room while the class lasts, that is until nobody sits there any
more; so it survives a restart of ours, and a lost connection.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from backend.domain.auth_ports import Clock
from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.entrance_ports import AdmissionRepository
from backend.domain.notices import AdmissionDenied, Admitted, RoomEnded, WaitingUpdated
from backend.domain.participants import Outbox, Participant
from backend.domain.rooms import RoomRecord, may_manage, require_may_manage
from backend.domain.users import User
from backend.domain.waiting_room import Knock, Waiter
from backend.errors import NotAllowed

TELL_EVERY_S = 0.25
"""How often who runs a room hears of a changing list at most: a class that comes at once is a few lists."""

DENIED = "admission-denied"


class Admissions:
    """The waiting rooms of all live rooms. `on_left` is called with a room that somebody waits before no more."""

    def __init__(self, admissions: AdmissionRepository, chores: Chores, clock: Clock) -> None:
        self.on_left: Callable[[Classroom], None] = lambda _room: None
        self._admissions = admissions
        self._chores = chores
        self._clock = clock
        self._at: dict[Outbox, Classroom] = {}
        self._just_told: dict[Classroom, bool] = {}
        self._revoked: set[tuple[str, str]] = set()

    async def is_admitted(self, user: User, room: RoomRecord) -> bool:
        """Tell whether the user was let in to the class that goes on. Raises: NotAvailable."""
        held = await self._admissions.holds(room.id, user.id)
        return held and (room.id, user.id) not in self._revoked

    # Who waits

    def knock(self, room: Classroom, user: User, outbox: Outbox) -> NotAllowed:
        """Let somebody wait before a room, and no longer before another; return what there is to answer.

        Raises:
            Conflict: `WAITING_ROOM_FULL`, or `LIMIT_REACHED`.
        """
        if self._at.get(outbox) is not room:
            self.withdraw(outbox)
        changed = room.waiting_room.knock(user, outbox, self._clock())
        self._at[outbox] = room
        if changed:
            self._changed(room)
        return NotAllowed("Wait until somebody who runs the room lets you in.", "WAITING_FOR_ADMISSION")

    def withdraw(self, outbox: Outbox) -> None:
        """A socket waits no more: it is gone, or has come in. Does nothing for one that does not wait."""
        room = self._at.pop(outbox, None)
        if room is None:
            return
        if room.waiting_room.withdraw(outbox):
            self._changed(room)
        self.on_left(room)

    def room_changed(self, room: Classroom) -> None:
        """Let everybody in when the waiting room is switched off."""
        if not room.record.waiting_room:
            self._let_in(room, list(room.waiting_room))

    def room_ended(self, room: Classroom, reason: str) -> None:
        """Turn everybody away: the room is closed."""
        for knock in room.waiting_room:
            self._forget(room, knock)
            for outbox in knock.outboxes:
                outbox.tell(RoomEnded(reason))
                outbox.end(reason)

    def catch_up(self, me: Participant) -> None:
        """Somebody came in, or came back: they wait no more, and hear who waits, if it is theirs to let in."""
        if me.outbox is not None:
            self.withdraw(me.outbox)
        if me.room.waiting_room and may_manage(me.user, me.room.record):
            me.tell(WaitingUpdated(me.room.waiting_room.waiters))

    # Who runs the room

    def waiting(self, me: Participant) -> Sequence[Waiter]:
        """Return who waits, in the order they came. Raises: NotAllowed."""
        require_may_manage(me.user, me.room.record)
        return me.room.waiting_room.waiters

    async def admit(self, me: Participant, waiting_id: str) -> None:
        """Let somebody in.

        Raises:
            NotAllowed: only who runs the room may; or `ROOM_LOCKED`, nobody comes in before it is opened again.
            NotFound: `WAITING_NOT_FOUND`.
            NotAvailable: the database is away; who waits goes on waiting.
        """
        require_may_manage(me.user, me.room.record)
        await self._admit(me.room, [me.room.waiting_room.waiting(waiting_id)])

    async def admit_all(self, me: Participant) -> None:
        """Let everybody in who waits now. Raises as `admit` does."""
        require_may_manage(me.user, me.room.record)
        await self._admit(me.room, list(me.room.waiting_room))

    def deny(self, me: Participant, waiting_id: str) -> None:
        """Turn somebody away for good.

        Raises:
            NotAllowed: only who runs the room may.
            NotFound: `WAITING_NOT_FOUND`.
        """
        require_may_manage(me.user, me.room.record)
        knock = me.room.waiting_room.waiting(waiting_id)
        self._forget(me.room, knock)
        for outbox in knock.outboxes:
            outbox.tell(AdmissionDenied(me.room.id))
            outbox.end(DENIED)
        self._changed(me.room)

    def revoke(self, room_id: str, user_id: str) -> None:
        """Take an admission back, as of somebody who was sent out: who comes again has to knock.

        It counts no more from now on, whenever that gets written down.
        """
        self._revoked.add((room_id, user_id))
        self._chores.spawn(self._chores.do(partial(self._remove, room_id, user_id)))

    async def _remove(self, room_id: str, user_id: str) -> None:
        if (room_id, user_id) in self._revoked:  # else let in anew meanwhile
            await self._admissions.remove(room_id, user_id)
            self._revoked.discard((room_id, user_id))

    async def _admit(self, room: Classroom, knocks: Sequence[Knock]) -> None:
        if room.record.is_locked:
            raise NotAllowed("The room is locked; open it first.", "ROOM_LOCKED")
        admitted = {knock.waiter.user_id for knock in knocks}
        await self._admissions.add(room.id, list(admitted), self._clock())
        self._revoked -= {(room.id, user_id) for user_id in admitted}
        # Who knocked anew meanwhile, with another socket, is let in too.
        self._let_in(room, [knock for knock in room.waiting_room if knock.waiter.user_id in admitted])

    def _let_in(self, room: Classroom, knocks: Sequence[Knock]) -> None:
        for knock in knocks:
            self._forget(room, knock)
            for outbox in knock.outboxes:
                outbox.tell(Admitted(room.id))
        if knocks:
            self._changed(room)
            self.on_left(room)

    def _forget(self, room: Classroom, knock: Knock) -> None:
        room.waiting_room.remove(knock)
        for outbox in knock.outboxes:
            self._at.pop(outbox, None)

    # Telling

    def _changed(self, room: Classroom) -> None:
        """Tell who runs the room: at once, or, if they have just been told, together with what comes soon."""
        if room in self._just_told:
            self._just_told[room] = True
            return
        self._just_told[room] = False
        notice = WaitingUpdated(room.waiting_room.waiters)
        for participant in room.participants.values():
            if may_manage(participant.user, room.record):
                participant.tell(notice)
        asyncio.get_running_loop().call_later(TELL_EVERY_S, self._tell_the_rest, room)

    def _tell_the_rest(self, room: Classroom) -> None:
        if self._just_told.pop(room):
            self._changed(room)
