"""The live classes: entering a room, taking a seat back, leaving."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from backend.domain.audit import AuditAction, LiveAudit, Target, TargetType
from backend.domain.chores import Chores
from backend.domain.classroom import Classroom, all_participants
from backend.domain.entrance import Entrance
from backend.domain.joining import Joined, JoinWish
from backend.domain.kept_seats import KeptSeats
from backend.domain.notices import RoomEnded, ServerShutdown, SfuWentAway
from backend.domain.open_rooms import OpenRooms
from backend.domain.participants import Outbox, Participant, restored
from backend.domain.permissions import Action, allows
from backend.domain.ports import Identity, RoomRepository
from backend.domain.room_book import ROOM_DELETED
from backend.domain.rooms import (
    DEFAULT_MAX_PARTICIPANTS,
    MAX_ROOM_NAME_LENGTH,
    RoomRecord,
    room_not_found,
)
from backend.domain.seat_ports import SeatRepository
from backend.domain.seats import WaitingSeats, new_resume_token, resume_token_hash
from backend.domain.sfu_port import SfuPort, SfuUnavailable
from backend.domain.users import User
from backend.errors import Conflict, VtpError
from shared.ids import new_id
from shared.logging import get_logger

MAX_SEATS_PER_USER = 1000
"""One user may sit in several places; this only keeps one account from filling the memory with rooms."""

SHUTDOWN_RETRY_S = 2
"""What clients are told to wait when we stop: a restart takes about as long."""

LEFT = "left"
CONNECTION_LOST = "connection-lost"
ROOM_CLOSED = "room-closed"
REPLACED = "replaced"
"""Why somebody left a room in which a user has one seat: the same user took a newer one."""
MOVED = "the room is served elsewhere now"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveParts:
    """What the live classes work with. `clock` counts seconds and never goes back; `now` is the time in UTC."""

    sfu: SfuPort
    rooms: RoomRepository
    seats: SeatRepository
    entrance: Entrance
    audit: LiveAudit
    clock: Callable[[], float]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class LiveClasses:
    """All rooms that somebody is in, by id in `rooms`; `open_rooms` opens them and gives them up.

    Owns no timer: seats whose sockets are gone stand in `waiting`, and `on_waiting_changed` is called on a change.
    """

    def __init__(self, parts: LiveParts, chores: Chores, grace_s: float) -> None:
        self._kept = KeptSeats(parts.seats, parts.sfu, chores)
        self.open_rooms = OpenRooms(self._restore, parts.sfu)
        self.rooms = self.open_rooms.live
        self.waiting: WaitingSeats[Participant] = WaitingSeats(grace_s)
        self.on_waiting_changed: Callable[[], None] = lambda: None
        parts.entrance.admissions.on_left = self.open_rooms.discard_if_empty
        self._parts = parts
        self._chores = chores
        self._room_changes = 0
        self._seats_of: dict[str, set[Participant]] = {}

    # Entering

    async def join(self, identity: Identity, wish: JoinWish, outbox: Outbox) -> Joined:
        """Take a seat in a room, or one's old seat back when the resume token fits.

        Nothing is awaited after the seat is taken: whoever calls queues the answer in the same step, before any
        notice about a later change.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, no such room and the user may not make one.
            NotAllowed: `ROOM_LOCKED`, or what `Entrance.check` and `Entrance.step_in` refuse.
            TooManyAttempts: too many wrong passwords of the room.
            Conflict: `ROOM_FULL`, or `LIMIT_REACHED` for more than `MAX_SEATS_PER_USER` seats.
            RoomElsewhere: the room is at home at another backend.
            NotAvailable: the SFU or the database is away.
        """
        user = identity.user
        if wish.resume_token is not None and (joined := await self._come_back(identity, wish, outbox)) is not None:
            return joined
        if len(self._seats_of.get(user.id, ())) >= MAX_SEATS_PER_USER:
            raise Conflict("You have too many seats; leave some first.", "LIMIT_REACHED")
        record = await self._record(user, wish)
        async with self.open_rooms.visit(record) as room:
            await self._parts.entrance.step_in(room, user, outbox)
            with room.entering(user):
                return await self._take_seat(room, identity, wish, outbox)

    async def _record(self, user: User, wish: JoinWish) -> RoomRecord:
        """Read the room, or make it, and check who comes; anew when some room changed, to know no old rules."""
        while True:
            seen = self._room_changes
            record = await self._parts.rooms.get(wish.room_id)
            if record is None:
                record = await self._make_room(user, wish)
            await self.open_rooms.require_not_elsewhere(wish.room_id)
            await self._parts.entrance.check(user, record, wish.password, wish.invitation)
            if seen == self._room_changes:
                return record

    async def _kept_record(self, room_id: str) -> RoomRecord | None:
        """Read a room; read again when some room changed meanwhile, so as to know no old rules."""
        while True:
            seen = self._room_changes
            record = await self._parts.rooms.get(room_id)
            if seen == self._room_changes:
                return record

    async def _make_room(self, user: User, wish: JoinWish) -> RoomRecord:
        if not allows(user.role, Action.CREATE_ROOM):
            raise room_not_found()
        name = (wish.room_name or wish.room_id).strip()[:MAX_ROOM_NAME_LENGTH] or wish.room_id
        wanted = RoomRecord(
            id=wish.room_id,
            name=name,
            owner_id=user.id,
            max_participants=DEFAULT_MAX_PARTICIPANTS,
            is_locked=False,
            students_may_publish=True,
            created_at=self._parts.now(),
        )
        record, is_new = await self._parts.rooms.create_if_absent(wanted)
        if is_new:
            target = Target(TargetType.ROOM, record.id)
            self._parts.audit.note(AuditAction.ROOM_CREATED, user, target, room_id=record.id)
        return record

    async def _take_seat(self, room: Classroom, identity: Identity, wish: JoinWish, outbox: Outbox) -> Joined:
        token, user = new_resume_token(), identity.user
        me = Participant(
            id=new_id(),
            user=user,
            session_id=identity.session_id,
            room=room,
            joined_at=self._parts.now(),
            is_producer=wish.is_producer,
            resume_hash=resume_token_hash(token),
            outbox=outbox,
        )
        restarts = room.sfu_restarts
        with self._undone_unless_seated(me):
            room.router_rtp_capabilities = await self._parts.sfu.join_peer(room.id, room.record.name, me.as_peer())
            await self._kept.take(me)
            room.require_open()
        me.has_peer = room.sfu_restarts == restarts
        for older in room.replaced_by(user):
            self.send_out(older, REPLACED)
        room.enter(me)
        self._hold(me)
        _log.info("participant joined", room_id=room.id, participant_id=me.id, user_id=user.id)
        return Joined(me, token, resumed=False, others=room.others(me))

    @contextmanager
    def _undone_unless_seated(self, me: Participant) -> Iterator[None]:
        try:
            yield
        except SfuUnavailable as error:
            if error.maybe_done:
                self._chores.spawn(self._free(me))
            raise
        except BaseException:
            self._chores.spawn(self._free(me))
            raise

    async def _come_back(self, identity: Identity, wish: JoinWish, outbox: Outbox) -> Joined | None:
        """Take a seat back; in a room that is not open, that is one from before a restart."""
        if (room := self.open_rooms.ready(wish.room_id)) is not None:
            return await self._resume(room, identity, wish, outbox)
        if (record := await self._kept_record(wish.room_id)) is None:
            return None
        async with self.open_rooms.visit(record) as room:
            return await self._resume(room, identity, wish, outbox)

    async def _resume(self, room: Classroom, identity: Identity, wish: JoinWish, outbox: Outbox) -> Joined | None:
        token = wish.resume_token
        me = room.seat_of(identity.user, token) if token is not None else None
        if me is None or token is None:
            return None
        async with me.lock:  # what the older socket asked last is settled before the newer one learns the state
            if me.gone:
                return None
            old, me.outbox, me.away_since = me.outbox, outbox, None
            if me.session_id != identity.session_id:
                me.session_id = identity.session_id
                self.seat_changed(me)
        if old is not None:
            old.end("the seat was taken over by a newer connection")
        self._stop_waiting(me)
        _log.info("seat taken back", room_id=me.room.id, participant_id=me.id)
        return Joined(me, token, resumed=True, others=me.room.others(me))

    def _hold(self, me: Participant) -> None:
        self._seats_of.setdefault(me.user.id, set()).add(me)

    def _unhold(self, me: Participant) -> None:
        self._stop_waiting(me)
        seats = self._seats_of.get(me.user.id, set())
        seats.discard(me)
        if not seats:
            self._seats_of.pop(me.user.id, None)

    # Rooms that come here, and go elsewhere

    async def adopt(self, room_id: str) -> None:
        """Open a room that somebody has a seat in. Raises: RoomElsewhere, NotFound, NotAvailable."""
        if room_id not in self.rooms and (record := await self._kept_record(room_id)) is not None:
            async with self.open_rooms.visit(record):
                pass

    def let_go(self, room_id: str) -> None:
        """Drop a room that is at home elsewhere now: seats and media stay, clients come back to them there."""
        room = self.rooms.get(room_id)
        if room is None:
            return
        self.open_rooms.let_go(room)
        leavers = room.dissolve()
        for participant in leavers:
            self._unhold(participant)
        knocking = [outbox for knock in room.waiting_room for outbox in knock.outboxes]
        for outbox in (*(participant.outbox for participant in leavers), *knocking):
            if outbox is not None:
                outbox.come_back(MOVED)

    async def all_freed(self, room_id: str | None = None) -> None:
        """Wait until whoever left, a room or any, has no seat any more in the database either."""
        await self._kept.all_freed(room_id)

    async def _restore(self, room: Classroom) -> bool:
        """Put back who has a seat in a room that is being opened; tell whether there is anybody.

        What can fail comes first: a room that could not be opened must not hold anybody's seat.
        """
        now = self._parts.now()
        kept = await self._kept.of_room(room.id, now)
        if kept:
            await self._parts.sfu.open_room(room.id)
        for seat in kept:
            me = restored(seat, room, now)
            room.restore(me)
            self._hold(me)
            self.waiting.start_waiting(me, self._parts.clock())
        self.on_waiting_changed()
        return bool(room.participants)

    def seat_changed(self, me: Participant) -> None:
        """Keep what has changed of a seat, so that it is so after a restart too."""
        self._chores.spawn(self._kept.note(me))

    def catch_up(self, me: Participant) -> None:
        """Tell who took a seat what it must know beyond the answer; call it when the answer is queued."""
        me.room.settle_restart_notice(me)
        me.room.tell_layers(me)
        me.room.tell_speaker(me)
        self._parts.entrance.admissions.catch_up(me)
        if not self._parts.sfu.serves(me.room.id):
            me.told_away = True
            me.tell(SfuWentAway())

    # Leaving

    async def leave(self, me: Participant, reason: str = LEFT) -> None:
        """Free the seat, tell the others, and clear away what it held; works whatever is down. Idempotent."""
        if self._unseat(me, reason):
            await self._free(me)

    def dropped(self, me: Participant, outbox: Outbox) -> None:
        """The socket behind `outbox` is gone: keep the seat for the grace, if no newer socket has it."""
        if me.outbox is not outbox or me.gone:
            return
        me.outbox, me.away_since = None, self._parts.now()
        self.waiting.start_waiting(me, self._parts.clock())
        self.on_waiting_changed()

    def handle_timeout(self, now: float) -> None:
        """Free the seats whose grace is over; call it when `waiting.next_timeout()` is reached."""
        for me in self.waiting.handle_timeout(now):
            self._leave_soon(me, CONNECTION_LOST)

    def send_out(self, me: Participant, reason: str) -> None:
        """Free somebody's seat and close the socket for good; the rest is cleared away in the background."""
        if not self._unseat(me, reason):
            return
        if me.outbox is not None:
            me.outbox.end(reason)
        self._chores.spawn(self._free(me))

    def _leave_soon(self, me: Participant, reason: str) -> None:
        if self._unseat(me, reason):
            self._chores.spawn(self._free(me))

    def _unseat(self, me: Participant, reason: str) -> bool:
        if not me.room.remove(me, reason):
            return False
        self._unseated(me, reason)
        return True

    def _unseated(self, me: Participant, reason: str) -> None:
        self._unhold(me)
        self.open_rooms.discard_if_empty(me.room)
        _log.info("participant left", room_id=me.room.id, participant_id=me.id, reason=reason)

    async def _free(self, me: Participant) -> None:
        await asyncio.gather(
            self._chores.do(lambda: self._parts.sfu.leave_peer(me.room.id, me.id)),
            self._kept.give_up(me.id, me.room.id, me.away_since or self._parts.now()),
        )

    def _stop_waiting(self, me: Participant) -> None:
        self.waiting.stop_waiting(me)
        self.on_waiting_changed()

    def announce_shutdown(self) -> None:
        """Tell everybody that we stop. Seats and media stay as they are: everybody is to come back to them."""
        for participant in all_participants(self.rooms.values()):
            participant.tell(ServerShutdown(SHUTDOWN_RETRY_S))

    # Rooms and accounts

    async def room_changed(self, record: RoomRecord) -> None:
        """Take over a room's new name and rules and tell everybody in it."""
        self._room_changes += 1
        room = self.rooms.get(record.id)
        if room is not None and room.record.created_at != record.created_at:
            await self.close_room(record.id, ROOM_DELETED)  # it was deleted, and another one has its id
        elif room is not None:
            self.open_rooms.change(room, record)

    async def close_room(self, room_id: str, reason: str) -> None:
        """Send everybody out and free what the room holds, also at the SFU; does nothing for an empty room."""
        self._room_changes += 1
        with suppress(VtpError):  # then it was not opened, and there is nobody in it
            await self.open_rooms.opened(room_id)
        room = self.rooms.get(room_id)
        if room is None:
            return
        self.open_rooms.close(room)
        room.tell(RoomEnded(reason))
        self._parts.entrance.admissions.room_ended(room, reason)
        leavers = room.dissolve()
        for participant in leavers:
            self._unseated(participant, ROOM_CLOSED)
            if participant.outbox is not None:
                participant.outbox.end(ROOM_CLOSED)
        await asyncio.gather(*(self._free(participant) for participant in leavers))

    def end_user(self, user_id: str, reason: str) -> None:
        """Free all seats of a user whose account was closed."""
        self.open_rooms.now_and_when_open(partial(self._end_user, user_id, reason))

    def end_session(self, session_id: str, reason: str) -> None:
        """Free all seats that are held by a sign-in which is over."""
        self.open_rooms.now_and_when_open(partial(self._end_session, session_id, reason))

    def user_changed(self, user: User) -> None:
        """Take over a user's new name and role in all seats, and tell everybody who sees them."""
        self.open_rooms.now_and_when_open(partial(self._user_changed, user))

    def _end_user(self, user_id: str, reason: str) -> None:
        for participant in list(self._seats_of.get(user_id, ())):
            self.send_out(participant, reason)

    def _end_session(self, session_id: str, reason: str) -> None:
        for participant in all_participants(list(self.rooms.values())):
            if participant.session_id == session_id:
                self.send_out(participant, reason)

    def _user_changed(self, user: User) -> None:
        for participant in self._seats_of.get(user.id, ()):
            participant.room.change_user(participant, user)
            self.open_rooms.on_changed(participant.room)
