"""Live classes without a network: an SFU and repositories in memory, and outboxes that note what they are told.

`MemorySfu` keeps the same objects as the real SFU and can be made to hang, fail or forget; it stands for the
Protocol in tests of the rules alone. Tests of the edges run against the real services.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from backend.domain.admissions import Admissions
from backend.domain.audit import AuditEntry, AuditFilter, AuditLog, LiveAudit
from backend.domain.chores import Chores
from backend.domain.data_media import DataControl
from backend.domain.entrance import Entrance
from backend.domain.hands import Hands
from backend.domain.live_classes import Joined, JoinWish, LiveClasses, LiveParts
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
    CONSUMER_NOT_FOUND,
    DATA_PRODUCER_NOT_FOUND,
    PEER_NOT_FOUND,
    PRODUCER_NOT_FOUND,
    TRANSPORT_NOT_FOUND,
    ConsumerWish,
    DataConsumerWish,
    DataProducerWish,
    Direction,
    JsonObject,
    Layers,
    MediaObject,
    ProducerWish,
    SfuConsumer,
    SfuPeer,
    SfuTransport,
    SfuUnavailable,
    SwitchAction,
)
from backend.domain.sfu_state import (
    ConsumerState,
    DataConsumerState,
    DataProducerState,
    ProducerState,
    SfuPeerState,
    SfuRoomState,
)
from backend.domain.sfu_watch import SfuWatch
from backend.domain.users import Role, User
from backend.errors import Conflict, DatabaseUnavailable, NotFound
from tests.support.live_entrance import MemoryAdmissions, MemoryInvitations, PlainHasher

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


@dataclass
class _Peer:
    transports: dict[str, Direction] = field(default_factory=dict)
    producers: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    data_producers: dict[str, str] = field(default_factory=dict)
    data_consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    layers: dict[str, Layers | None] = field(default_factory=dict)
    wanted: dict[str, int | None] = field(default_factory=dict)


class MemorySfu:
    """Implements `SfuPort` over dictionaries. Every call gives way to others, as a request does.

    `available` False refuses everything. `gate` lets no answer through while it is cleared. `slowness` tells for
    each request and each answer how many turns of the loop it takes.
    """

    def __init__(self) -> None:
        self.available = True
        self.rooms: dict[str, dict[str, _Peer]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.slowness: Callable[[], int] = lambda: 1
        self.calls: list[tuple[str, ...]] = []
        self.closed_rooms: list[tuple[str, bool]] = []
        self._ids = itertools.count(1)

    def serves(self, room_id: str) -> bool:
        return self.available

    async def open_room(self, room_id: str) -> None:
        await asyncio.sleep(0)

    def close_room(self, room_id: str, *, ended: bool) -> None:
        self.closed_rooms.append((room_id, ended))

    async def _call(self, *what: str) -> None:
        self.calls.append(what)
        if not self.available:
            raise SfuUnavailable
        await self._travel()

    async def _answered(self) -> None:
        await self.gate.wait()
        await self._travel()

    async def _travel(self) -> None:
        for _ in range(self.slowness()):
            await asyncio.sleep(0)

    def _peer(self, room_id: str, peer_id: str) -> _Peer:
        try:
            return self.rooms[room_id][peer_id]
        except KeyError:
            raise NotFound("no such peer", PEER_NOT_FOUND) from None

    def forget_everything(self) -> None:
        """Do what a restart does."""
        self.rooms.clear()

    async def join_peer(self, room_id: str, room_name: str, peer: SfuPeer) -> JsonObject:
        await self._call("join", room_id, peer.id)
        peers = self.rooms.setdefault(room_id, {})
        if peer.id in peers:
            raise Conflict("exists", "PEER_EXISTS")
        peers[peer.id] = _Peer()
        await self._answered()
        return {"codecs": []}

    async def leave_peer(self, room_id: str, peer_id: str) -> None:
        await self._call("leave", room_id, peer_id)
        peers = self.rooms.get(room_id, {})
        gone = peers.pop(peer_id, None)
        for producer_id in gone.producers if gone else ():
            self._drop_consumers_of(room_id, producer_id)
        for producer_id in gone.data_producers if gone else ():
            self._drop_data_consumers_of(room_id, producer_id)
        if not peers:
            self.rooms.pop(room_id, None)
        await self._answered()

    async def room_info(self, room_id: str) -> JsonObject | None:
        await self._call("room", room_id)
        if room_id not in self.rooms:
            return None
        return {"roomId": room_id, "peers": [{"peerId": one, "email": "x"} for one in self.rooms[room_id]]}

    async def room_state(self, room_id: str) -> SfuRoomState | None:
        await self._call("state", room_id)
        peers = self.rooms.get(room_id)
        state = (
            None
            if peers is None
            else SfuRoomState(
                room_id,
                {
                    peer_id: SfuPeerState(
                        dict(peer.transports),
                        {one: ProducerState(on, "audio", False, {}) for one, on in peer.producers.items()},
                        {one: ConsumerState(*on, paused=True) for one, on in peer.consumers.items()},
                        dict(peer.layers),
                        dict(peer.wanted),
                        {one: DataProducerState(on, "chat", "", {}) for one, on in peer.data_producers.items()},
                        {one: DataConsumerState(*on) for one, on in peer.data_consumers.items()},
                    )
                    for peer_id, peer in peers.items()
                },
                {"codecs": []},
            )
        )
        await self._answered()
        return state

    async def room_ids(self) -> Sequence[str]:
        await self._call("rooms")
        return list(self.rooms)

    async def create_transport(
        self, room_id: str, peer_id: str, direction: Direction, *, enable_sctp: bool
    ) -> SfuTransport:
        await self._call("create-transport", room_id, peer_id)
        transport_id = f"transport-{next(self._ids)}"
        self._peer(room_id, peer_id).transports[transport_id] = direction
        await self._answered()
        return SfuTransport(transport_id, {"transportId": transport_id})

    async def connect_transport(self, room_id: str, transport_id: str, dtls_parameters: JsonObject) -> None:
        await self._call("connect", transport_id)
        await self._answered()

    async def restart_ice(self, room_id: str, transport_id: str) -> JsonObject:
        await self._call("restart-ice", transport_id)
        await self._answered()
        return {"usernameFragment": "new", "password": "secret", "iceLite": True}

    async def close_transport(self, room_id: str, transport_id: str) -> None:
        await self._call("close-transport", transport_id)
        for peer in self.rooms.get(room_id, {}).values():
            if transport_id in peer.transports:
                del peer.transports[transport_id]
                for producer_id in [one for one, on in peer.producers.items() if on == transport_id]:
                    del peer.producers[producer_id]
                    self._drop_consumers_of(room_id, producer_id)
                peer.consumers = {one: on for one, on in peer.consumers.items() if on[0] != transport_id}
        await self._answered()

    async def create_producer(self, room_id: str, peer_id: str, wish: ProducerWish) -> str:
        await self._call("produce", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if wish.transport_id not in peer.transports:
            raise NotFound("no such transport", TRANSPORT_NOT_FOUND)
        producer_id = f"producer-{next(self._ids)}"
        peer.producers[producer_id] = wish.transport_id
        await self._answered()
        return producer_id

    async def switch_producer(self, room_id: str, producer_id: str, action: SwitchAction) -> None:
        await self._call(f"{action}-producer", producer_id)
        for peer in self.rooms.get(room_id, {}).values():
            if producer_id in peer.producers:
                if action is SwitchAction.CLOSE:
                    del peer.producers[producer_id]
                    self._drop_consumers_of(room_id, producer_id)
                break
        else:
            if action is not SwitchAction.CLOSE:
                raise NotFound("no such producer", PRODUCER_NOT_FOUND)
        await self._answered()

    async def create_consumer(self, room_id: str, peer_id: str, wish: ConsumerWish) -> SfuConsumer:
        await self._call("consume", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if not any(wish.producer_id in other.producers for other in self.rooms[room_id].values()):
            raise NotFound("no such producer", PRODUCER_NOT_FOUND)
        consumer_id = f"consumer-{next(self._ids)}"
        peer.consumers[consumer_id] = (wish.transport_id or "", wish.producer_id)
        await self._answered()
        return SfuConsumer(consumer_id, "audio", "simple", {}, producer_paused=False)

    async def switch_consumer(self, room_id: str, consumer_id: str, action: SwitchAction) -> None:
        await self._call(f"{action}-consumer", consumer_id)
        for peer in self.rooms.get(room_id, {}).values():
            if consumer_id in peer.consumers:
                if action is SwitchAction.CLOSE:
                    del peer.consumers[consumer_id]
                break
        else:
            if action is not SwitchAction.CLOSE:
                raise NotFound("no such consumer", CONSUMER_NOT_FOUND)
        await self._answered()

    async def create_data_producer(self, room_id: str, peer_id: str, wish: DataProducerWish) -> str:
        await self._call("produce-data", room_id, peer_id)
        producer_id = f"data-producer-{next(self._ids)}"
        self._peer(room_id, peer_id).data_producers[producer_id] = wish.transport_id
        await self._answered()
        return producer_id

    async def close_data_producer(self, room_id: str, producer_id: str) -> None:
        await self._call("close-data-producer", producer_id)
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_producers.pop(producer_id, None)
        self._drop_data_consumers_of(room_id, producer_id)
        await self._answered()

    async def create_data_consumer(
        self, room_id: str, peer_id: str, transport_id: str, wish: DataConsumerWish
    ) -> tuple[str, JsonObject]:
        await self._call("consume-data", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if not any(wish.data_producer_id in other.data_producers for other in self.rooms[room_id].values()):
            raise NotFound("no such data producer", DATA_PRODUCER_NOT_FOUND)
        consumer_id = f"data-consumer-{next(self._ids)}"
        peer.data_consumers[consumer_id] = (transport_id, wish.data_producer_id)
        await self._answered()
        return consumer_id, {"streamId": 0, "ordered": True}

    async def close_data_consumer(self, room_id: str, consumer_id: str) -> None:
        await self._call("close-data-consumer", consumer_id)
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_consumers.pop(consumer_id, None)
        await self._answered()

    async def set_preferred_layers(self, room_id: str, consumer_id: str, layers: Layers) -> Layers | None:
        await self._call("preferred-layers", consumer_id, f"{layers.spatial}")
        await self._answered()
        return Layers(min(layers.spatial, 2), 2)

    async def set_priority(self, room_id: str, consumer_id: str, priority: int) -> None:
        await self._call("priority", consumer_id, f"{priority}")
        await self._answered()

    async def request_key_frame(self, room_id: str, consumer_id: str) -> None:
        await self._call("key-frame", consumer_id)

    async def stats(self, room_id: str, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        await self._call("stats", kind.value, object_id)
        return [{"id": object_id}]

    def _drop_consumers_of(self, room_id: str, producer_id: str) -> None:
        for peer in self.rooms.get(room_id, {}).values():
            peer.consumers = {one: on for one, on in peer.consumers.items() if on[1] != producer_id}

    def _drop_data_consumers_of(self, room_id: str, producer_id: str) -> None:
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_consumers = {one: on for one, on in peer.data_consumers.items() if on[1] != producer_id}


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
    """Notes what its participant is told. `ended` is why it was closed for good."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.ended: str | None = None

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason

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
