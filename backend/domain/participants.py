"""A participant of a live class: who sits there, and the media that are the participant's own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from backend.domain.sfu_port import (
    CONSUMER_NOT_FOUND,
    DATA_CONSUMER_NOT_FOUND,
    DATA_PRODUCER_NOT_FOUND,
    PRODUCER_NOT_FOUND,
    TRANSPORT_NOT_FOUND,
    Direction,
    JsonObject,
    Layers,
    SfuPeer,
    SfuUnavailable,
)
from backend.domain.users import User
from backend.errors import Conflict, NotFound, VtpError

if TYPE_CHECKING:
    from backend.domain.classroom import Classroom
    from backend.domain.notices import ConsumerLayersChanged, Notice, ProducerLayersWanted
    from backend.domain.seat_ports import KeptSeat

MAX_TRANSPORTS = 8
"""A client uses two; more serve reconnecting clients that close the old ones late."""

MAX_PRODUCERS = 16
"""Microphone, camera, screen with sound, and a few more cameras."""

MAX_CONSUMERS = 4000
"""Sound and picture of everybody in the largest room, and as much as an SFU carries on one transport."""

MAX_DATA_PRODUCERS = 64
"""Chat, whiteboard, files and whatever else a client puts on channels of their own."""

MAX_DATA_CONSUMERS = 1000
"""Somewhat less than a transport has SCTP streams."""


class Outbox(Protocol):
    """The way to one participant's socket: ordered, bounded, never blocking."""

    def tell(self, notice: "Notice") -> None:
        """Queue a notification."""

    def end(self, reason: str) -> None:
        """Send what is queued, then close for good: the client must not come back by itself."""

    def come_back(self, reason: str) -> None:
        """Send what is queued, then close so that the client comes back by itself, here or elsewhere."""


@dataclass(slots=True, eq=False)
class MediaProducer:
    """Something a participant sends, and the consumers of it by id.

    `wanted` is the latest that is known of what others watch of its layers.
    """

    id: str
    owner: "Participant"
    transport_id: str
    kind: str
    app_data: JsonObject
    paused: bool
    consumers: "dict[str, MediaConsumer]" = field(default_factory=dict)
    wanted: "ProducerLayersWanted | None" = None


@dataclass(slots=True, eq=False)
class MediaConsumer:
    """Something a participant receives. `layers` is the latest that is known of what the SFU sends of it."""

    id: str
    owner: "Participant"
    transport_id: str
    producer: MediaProducer
    paused: bool
    layers: "ConsumerLayersChanged | None" = None


@dataclass(slots=True, eq=False)
class DataProducer:
    """A data channel on which a participant sends, and the consumers of it by id."""

    id: str
    owner: "Participant"
    transport_id: str
    label: str
    protocol: str
    app_data: JsonObject
    consumers: "dict[str, DataConsumer]" = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class DataConsumer:
    """A data channel on which a participant receives."""

    id: str
    owner: "Participant"
    transport_id: str
    producer: DataProducer


@dataclass(slots=True, eq=False)
class Participant:
    """One seat taken in a class. The SFU knows it as a peer of the same id.

    `session_id` is the sign-in that holds the seat. `outbox` is None while the socket is gone. `gone` tells that
    the seat is free: nothing may be added any more.
    `lock` puts the participant's requests to the SFU in a row, also those of an older socket and of its successor.
    `noting` puts what is kept of the seat in a row.
    `closing` are ids of transports, producers and consumers that the participant is just closing. `early_layers`
    were told of consumers that the SFU has made and not answered yet.
    `media_generation` grows whenever all media of the participant ended at the SFU, so that an answer from before
    is recognised; `has_peer` tells whether the SFU has the peer, `told_away` whether the participant was told that
    the SFU is away. `media_unknown`: the seat was restored after a restart of ours, and only the SFU knows its
    media. `away_since`: when the socket went, in UTC.
    """

    id: str
    user: User
    session_id: str
    room: "Classroom"
    joined_at: datetime
    is_producer: bool
    resume_hash: bytes
    outbox: Outbox | None
    hand_raised_at: datetime | None = None
    gone: bool = False
    has_peer: bool = True
    media_generation: int = 0
    media_unknown: bool = False
    owes_restart_notice: bool = False
    away_since: datetime | None = None
    told_away: bool = False
    transports: dict[str, Direction] = field(default_factory=dict)
    producers: dict[str, MediaProducer] = field(default_factory=dict)
    consumers: dict[str, MediaConsumer] = field(default_factory=dict)
    data_producers: dict[str, DataProducer] = field(default_factory=dict)
    data_consumers: dict[str, DataConsumer] = field(default_factory=dict)
    closing: set[str] = field(default_factory=set)
    early_layers: dict[str, Layers | None] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    noting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def hand_raised(self) -> bool:
        """Whether the hand is up; `hand_raised_at` is the time in UTC when it went up."""
        return self.hand_raised_at is not None

    def tell(self, notice: "Notice") -> None:
        """Queue a notification; while the socket is gone it is dropped, for a resumed seat is told all anew."""
        if self.outbox is not None:
            self.outbox.tell(notice)

    def as_peer(self) -> SfuPeer:
        """Return how the SFU labels this participant."""
        user = self.user
        return SfuPeer(self.id, user.id, user.email, user.full_name, user.role.value, self.is_producer)

    def own_transport(self, transport_id: str) -> Direction:
        """Return the direction of one's own transport. Raises: NotFound `TRANSPORT_NOT_FOUND`."""
        try:
            return self.transports[transport_id]
        except KeyError:
            raise self._missing(NotFound("There is no such transport.", TRANSPORT_NOT_FOUND)) from None

    def own_producer(self, producer_id: str) -> MediaProducer:
        """Return one's own producer. Raises: NotFound `PRODUCER_NOT_FOUND`."""
        try:
            return self.producers[producer_id]
        except KeyError:
            raise self._missing(producer_not_found()) from None

    def own_consumer(self, consumer_id: str) -> MediaConsumer:
        """Return one's own consumer. Raises: NotFound `CONSUMER_NOT_FOUND`."""
        try:
            return self.consumers[consumer_id]
        except KeyError:
            raise self._missing(NotFound("There is no such consumer.", CONSUMER_NOT_FOUND)) from None

    def own_data_producer(self, producer_id: str) -> DataProducer:
        """Return one's own data producer. Raises: NotFound `DATA_PRODUCER_NOT_FOUND`."""
        try:
            return self.data_producers[producer_id]
        except KeyError:
            raise self._missing(NotFound("There is no such data producer.", DATA_PRODUCER_NOT_FOUND)) from None

    def own_data_consumer(self, consumer_id: str) -> DataConsumer:
        """Return one's own data consumer. Raises: NotFound `DATA_CONSUMER_NOT_FOUND`."""
        try:
            return self.data_consumers[consumer_id]
        except KeyError:
            raise self._missing(NotFound("There is no such data consumer.", DATA_CONSUMER_NOT_FOUND)) from None

    def receiving_transport(self) -> str:
        """Return the first transport for receiving. Raises: NotFound `TRANSPORT_NOT_FOUND`."""
        for transport_id, direction in self.transports.items():
            if direction is Direction.RECV:
                return transport_id
        raise self._missing(NotFound("There is no transport for receiving.", TRANSPORT_NOT_FOUND))

    def require_known_media(self) -> None:
        """Let pass unless only the SFU knows one's media by now. Raises: SfuUnavailable."""
        if self.media_unknown:
            raise SfuUnavailable

    def _missing(self, error: NotFound) -> VtpError:
        return SfuUnavailable() if self.media_unknown else error

    def is_closing(self, one: MediaProducer | MediaConsumer | DataProducer | DataConsumer) -> bool:
        """Tell whether one's own request to close this, or the transport under it, is on its way."""
        return one.id in self.closing or one.transport_id in self.closing

    @contextmanager
    def closing_own(self, object_id: str) -> Iterator[None]:
        """Mark that one's own request to close this is on its way."""
        self.closing.add(object_id)
        try:
            yield
        finally:
            self.closing.discard(object_id)

    def forget_media(self) -> None:
        """Forget transports, producers and consumers; whose they were is the caller's to settle."""
        self.media_generation += 1
        self.media_unknown = False
        self.transports.clear()
        self.producers.clear()
        self.consumers.clear()
        self.data_producers.clear()
        self.data_consumers.clear()


def restored(seat: "KeptSeat", room: "Classroom", away_since: datetime) -> Participant:
    """Make the participant of a kept seat, whose socket is gone and whose media only the SFU knows."""
    return Participant(
        id=seat.participant_id,
        user=seat.user,
        session_id=seat.session_id,
        room=room,
        joined_at=seat.joined_at,
        is_producer=seat.is_producer,
        resume_hash=seat.resume_hash,
        outbox=None,
        hand_raised_at=seat.hand_raised_at,
        media_unknown=True,
        away_since=away_since,
    )


def producer_not_found() -> NotFound:
    """Make the error for a producer that is not in the room or not one's own."""
    return NotFound("There is no such producer.", PRODUCER_NOT_FOUND)


def require_room_for(count: int, limit: int, what: str) -> None:
    """Let pass who has fewer than `limit` of something. Raises: Conflict `LIMIT_REACHED`."""
    if count >= limit:
        raise Conflict(f"You have {limit} {what} already; close some first.", "LIMIT_REACHED")
