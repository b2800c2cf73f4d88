"""Live classes without a network: repositories in memory, and outboxes that note what they are told.

For tests of the rules alone; tests of the edges run against the real services.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backend.domain.admissions import Admissions
from backend.domain.audit import AuditEntry, AuditFilter, AuditLog, LiveAudit
from backend.domain.chores import Chores
from backend.domain.data_media import DataControl
from backend.domain.entrance import Entrance
from backend.domain.hands import Hands
from backend.domain.joining import Joined, JoinWish
from backend.domain.live_classes import LiveClasses, LiveParts
from backend.domain.media import MediaControl
from backend.domain.moderation import Moderation
from backend.domain.notices import Notice
from backend.domain.pages import Page, PageRequest
from backend.domain.participants import Participant
from backend.domain.ports import Identity
from backend.domain.room_passwords import RoomPasswords
from backend.domain.rooms import RoomChange, RoomRecord
from backend.domain.seat_ports import KeptSeat
from backend.domain.sfu_compare import SfuComparison
from backend.domain.sfu_port import (
    ConsumerWish,
    DataConsumerWish,
    DataProducerWish,
    Direction,
    ProducerWish,
)
from backend.domain.sfu_watch import SfuWatch
from backend.domain.users import Role, User
from backend.errors import DatabaseUnavailable
from tests.support.live_entrance import MemoryAdmissions, MemoryInvitations, PlainHasher
from tests.support.memory_sfu import MemorySfu

GRACE_S = 30.0

_numbers = itertools.count(1)


def a_user(role: Role = Role.STUDENT, user_id: str | None = None) -> User:
    """Make a user."""
    number = next(_numbers)
    return User(
        user_id or f"user-{number}", f"u{number}@school.example", f"User {number}", None, role, active=True
    )


def a_room(room_id: str = "physics", owner_id: str | None = None, **rules: object) -> RoomRecord:
    """Make a room's record."""
    record = RoomRecord(
        id=room_id,
        name=room_id.title(),
        owner_id=owner_id,
        max_participants=100,
        is_locked=False,
        students_may_publish=True,
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    return replace(record, **rules)  # type: ignore[arg-type] # rules are fields of the record


class MemoryRooms:
    """Implements `RoomRepository` over a dictionary, as far as live classes use it."""

    def __init__(self) -> None:
        self.records: dict[str, RoomRecord] = {}
        self.hashes: dict[str, str] = {}

    async def get(self, room_id: str) -> RoomRecord | None:
        await asyncio.sleep(0)
        return self.records.get(room_id)

    async def password_hash(self, room_id: str) -> str | None:
        await asyncio.sleep(0)
        return self.hashes.get(room_id)

    async def create_if_absent(
        self, room: RoomRecord, password_hash: str | None = None
    ) -> tuple[RoomRecord, bool]:
        await asyncio.sleep(0)
        is_new = room.id not in self.records
        return self.records.setdefault(room.id, room), is_new

    async def update(self, room_id: str, change: RoomChange) -> RoomRecord | None:
        await asyncio.sleep(0)
        record = self.records.get(room_id)
        if record is not None and change.is_locked is not None:
            record = self.records[room_id] = replace(record, is_locked=change.is_locked)
        return record

    async def delete(self, room_id: str) -> bool:
        return self.records.pop(room_id, None) is not None

    async def list(self, page: object, search: str | None = None) -> object:
        raise AssertionError("live classes list no rooms")


class MemorySeats:
    """Implements `SeatRepository` over a dictionary. `taken` and `left` keep who ever sat somewhere, and left.

    `available` False refuses everything.
    """

    def __init__(self) -> None:
        self.available = True
        self.seats: dict[str, KeptSeat] = {}
        self.taken: dict[str, str] = {}
        self.left: dict[str, datetime] = {}
        self.read = 0

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if not self.available:
            raise DatabaseUnavailable

    async def take(self, seat: KeptSeat) -> None:
        await self._call()
        self.seats[seat.participant_id] = seat
        self.taken[seat.participant_id] = seat.room_id

    async def free(self, participant_id: str, left_at: datetime) -> None:
        await self._call()
        self.seats.pop(participant_id, None)
        self.left.setdefault(participant_id, left_at)

    async def note(self, participant_id: str, *, session_id: str, hand_raised_at: datetime | None) -> None:
        await self._call()
        if (seat := self.seats.get(participant_id)) is not None:
            self.seats[participant_id] = replace(seat, session_id=session_id, hand_raised_at=hand_raised_at)

    async def of_room(self, room_id: str) -> Sequence[KeptSeat]:
        self.read += 1
        await self._call()
        return [seat for seat in self.seats.values() if seat.room_id == room_id]

    async def room_ids(self) -> Sequence[str]:
        await self._call()
        return list({seat.room_id: None for seat in self.seats.values()})

    async def kept(self, participant_ids: Collection[str]) -> Collection[str]:
        await self._call()
        return self.seats.keys() & set(participant_ids)

    async def counts(self, room_ids: Collection[str]) -> Mapping[str, int]:
        await self._call()
        return Counter(seat.room_id for seat in self.seats.values() if seat.room_id in room_ids)

    async def close_abandoned(self, left_at: datetime) -> int:
        raise AssertionError("live classes close no attendance of others")


class MemoryAudit:
    """Implements `AuditRepository` over a dictionary. `away` refuses everything; `asked`, `kept` tell of calls."""

    def __init__(self) -> None:
        self.entries: dict[str, AuditEntry] = {}
        self.away = False
        self.asked, self.kept = asyncio.Event(), asyncio.Event()

    async def add(self, entry: AuditEntry) -> None:
        self.asked.set()
        if self.away:
            raise DatabaseUnavailable
        self.entries.setdefault(entry.id, entry)
        self.kept.set()

    async def list(self, wanted: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        raise AssertionError("live classes list no entries")


class NotedOutbox:
    """Notes what its participant is told. `ended` is why it was closed for good, `sent_back` why for now."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.ended: str | None = None
        self.sent_back: str | None = None

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason

    def come_back(self, reason: str) -> None:
        self.sent_back = self.sent_back or reason

    def of(self, kind: type[Notice]) -> list[Notice]:
        """Return the notices of one kind, in order."""
        return [notice for notice in self.notices if isinstance(notice, kind)]


class School:
    """Live classes over `MemorySfu`, with a clock that the test sets: `now` in seconds.

    `before` is the school before a restart: its SFU and what it kept are still there, and nothing else.
    """

    def __init__(self, before: "School | None" = None) -> None:
        self.now = 1000.0
        self.sfu = before.sfu if before is not None else MemorySfu()
        self.rooms = before.rooms if before is not None else MemoryRooms()
        self.seats = before.seats if before is not None else MemorySeats()
        self.chores = Chores(retry_s=0.01)
        self.admitted = MemoryAdmissions(self.seats.seats)
        self.admissions = Admissions(self.admitted, self.chores, self.time)
        entrance = Entrance(
            self.rooms,  # type: ignore[arg-type] # `list` is not used
            RoomPasswords(PlainHasher(), lambda: self.now),
            MemoryInvitations(),
            self.admissions,
            self.time,
        )
        self.audit = MemoryAudit()
        audit = LiveAudit(AuditLog(self.audit, self.time), self.chores)
        parts = LiveParts(self.sfu, self.rooms, self.seats, entrance, audit, clock=lambda: self.now)  # type: ignore[arg-type] # `list` is not used
        self.classes = LiveClasses(parts, self.chores, GRACE_S)
        self.comparison = SfuComparison(self.sfu, self.chores)
        self.classes.open_rooms.find_media = self.comparison.find_media
        self.watch = SfuWatch(self.classes.rooms, self.seats, self.sfu, self.comparison, self.chores, GRACE_S)
        self.media = MediaControl(self.sfu, self.chores, self.comparison.doubt)
        self.data = DataControl(self.sfu, self.media)
        self.moderation = Moderation(self.classes, self.media, self.rooms, self.admissions, audit)  # type: ignore[arg-type] # `list` is not used
        self.hands = Hands(self.classes.seat_changed)
        self.rooms.records.setdefault("physics", a_room())

    def time(self) -> datetime:
        """The time of the clock, in UTC."""
        return datetime.fromtimestamp(self.now, UTC)

    async def join(
        self,
        user: User | None = None,
        room_id: str = "physics",
        resume_token: str | None = None,
        session_id: str = "session",
    ) -> tuple[Joined, NotedOutbox]:
        """Join a room."""
        outbox = NotedOutbox()
        wish = JoinWish(room_id, resume_token=resume_token)
        return await self.classes.join(Identity(user or a_user(), session_id), wish, outbox), outbox

    async def transport(self, me: Participant, direction: Direction = Direction.SEND) -> str:
        """Make a transport."""
        return (await self.media.create_transport(me, direction)).id

    async def produce(self, me: Participant, kind: str = "audio") -> str:
        """Send something on a new transport."""
        wish = ProducerWish(await self.transport(me), kind, {})
        return (await self.media.produce(me, wish)).id

    async def consume(self, me: Participant, producer_id: str) -> str:
        """Receive something on a new transport."""
        wish = ConsumerWish(producer_id, {}, transport_id=await self.transport(me, Direction.RECV))
        return (await self.media.consume(me, wish))[0].id

    async def produce_data(self, me: Participant, label: str = "chat") -> str:
        """Send on a channel of a new transport."""
        wish = DataProducerWish(await self.transport(me), {"streamId": 0}, label)
        return (await self.data.produce(me, wish)).id

    async def consume_data(self, me: Participant, producer_id: str) -> str:
        """Receive a channel on a new transport."""
        wish = DataConsumerWish(producer_id, await self.transport(me, Direction.RECV))
        return (await self.data.consume(me, wish))[0].id

    async def settle(self) -> None:
        """Let everything run until nothing but waiting is left to do."""
        for _ in range(50):
            await asyncio.sleep(0)
