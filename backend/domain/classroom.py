"""A live class: who is in it and what they send and receive, in memory.

Every method is synchronous: the state changes and the notices about it are queued in one step, so everybody sees
the changes in one order, and who enters gets a snapshot that is exact at that moment. Calls to the SFU happen
outside, before a change or after it (`backend.domain.media`).
"""

import asyncio
import itertools
import operator
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from backend.domain.classroom_data import ClassroomData
from backend.domain.notices import (
    ActiveSpeaker,
    ConsumerEnded,
    ConsumerLayersChanged,
    ConsumerSwitched,
    NewProducer,
    Notice,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    ProducerEnded,
    ProducerLayersWanted,
    ProducerSwitched,
    RoomUpdated,
    SfuRestarted,
)
from backend.domain.participants import MediaConsumer, MediaProducer, Participant, producer_not_found
from backend.domain.rooms import RoomRecord, require_unlocked, room_not_found
from backend.domain.seats import fits
from backend.domain.sfu_port import JsonObject, Layers
from backend.domain.users import User
from backend.domain.waiting_room import WaitingRoom
from backend.errors import Conflict, NotAvailable, NotFound


class Classroom:
    """One room with its participants, in the order they came.

    `record` is the room as it is kept, always the newest we know. `router_rtp_capabilities` come from the SFU with
    the first participant. `sfu_restarts` grows with each restart of the SFU while the room is live. `chat_turn`
    puts the messages said here in a row. `moved`: another backend has the room now. `doubtful` tells that the SFU
    may hold other media than we know, and was away when it was asked.
    """

    def __init__(self, record: RoomRecord) -> None:
        self.record = record
        self.participants: dict[str, Participant] = {}
        self.waiting_room = WaitingRoom()
        self.producers: dict[str, MediaProducer] = {}
        self.data = ClassroomData(self.tell)
        self.router_rtp_capabilities: JsonObject = {}
        self.sfu_restarts = 0
        self.chat_turn = asyncio.Lock()
        self.closed = False
        self.moved = False
        self.doubtful = False
        self._speaker: ActiveSpeaker | None = None
        self._entering = 0

    @property
    def id(self) -> str:
        """The room's id, the same here, in REST and at the SFU."""
        return self.record.id

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it, on the way in, or waiting to be let in."""
        return not self.participants and not self._entering and not self.waiting_room

    @property
    def media_unknown(self) -> bool:
        """Whether somebody restored has media that only the SFU knows by now."""
        return any(participant.media_unknown for participant in self.participants.values())

    # People

    @contextmanager
    def entering(self, user: User) -> Iterator[None]:
        """Hold a place for somebody on the way in.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, it was closed meanwhile.
            NotAllowed: `ROOM_LOCKED`, and the user may not enter a locked room.
            Conflict: `ROOM_FULL`.
        """
        self.require_open()
        require_unlocked(user, self.record)
        replaced = self.replaced_by(user)
        if len(self.participants) - len(replaced) + self._entering >= self.record.max_participants:
            raise Conflict("The room is full.", "ROOM_FULL")
        self._entering += 1
        try:
            yield
        finally:
            self._entering -= 1

    def replaced_by(self, user: User) -> list[Participant]:
        """Return the user's seats that a new one takes the place of, where a user has only one."""
        if not self.record.one_seat_per_user:
            return []
        return [participant for participant in self.participants.values() if participant.user.id == user.id]

    def require_open(self) -> None:
        """Let pass while the room is open. Raises: NotFound `ROOM_NOT_FOUND`; NotAvailable when it just moved."""
        if self.moved:
            raise NotAvailable("The room is just moving to another server. Try again shortly.")
        if self.closed:
            raise room_not_found()

    def enter(self, newcomer: Participant) -> None:
        """Take the seat and tell the others. What `others` returns in the same step is the newcomer's snapshot."""
        self.participants[newcomer.id] = newcomer
        self.tell(ParticipantJoined(newcomer), but=newcomer)

    def restore(self, participant: Participant) -> None:
        """Put somebody back who sat here before a restart of ours. Nobody is told: nobody ever left."""
        self.participants[participant.id] = participant

    def others(self, me: Participant) -> list[Participant]:
        """Return everybody else, in the order they came."""
        return [participant for participant in self.participants.values() if participant is not me]

    def participant(self, participant_id: str) -> Participant:
        """Return a participant of this room. Raises: NotFound `PARTICIPANT_NOT_FOUND`."""
        try:
            return self.participants[participant_id]
        except KeyError:
            raise NotFound("There is no such participant.", "PARTICIPANT_NOT_FOUND") from None

    def seat_of(self, user: User, resume_token: str) -> Participant | None:
        """Return the user's participant that the resume token belongs to."""
        for participant in self.participants.values():
            if participant.user.id == user.id and fits(resume_token, participant.resume_hash):
                return participant
        return None

    def remove(self, leaver: Participant, reason: str) -> bool:
        """Free the seat, end what the leaver sent and tell the others; False when it is free already."""
        if leaver.gone:
            return False
        leaver.gone = True
        del self.participants[leaver.id]
        self._end_media_of(leaver)
        self.tell(ParticipantLeft(leaver.id, reason))
        return True

    def dissolve(self) -> list[Participant]:
        """Free all seats at once and return who had them. Nobody is told: nobody is left to be told of others."""
        everybody = list(self.participants.values())
        self.participants.clear()
        self.producers.clear()
        self.data.producers.clear()
        for one in everybody:
            one.gone = True
            one.forget_media()
        return everybody

    def note_hand(self, whose: Participant, raised_at: datetime | None, *, but: Participant | None = None) -> None:
        """Note that a hand is up since `raised_at`, in UTC, or down, and tell everybody, but perhaps one."""
        whose.hand_raised_at = raised_at
        self.tell(ParticipantUpdated(whose.id, raised_at), but=but)

    def raised_hands(self) -> list[Participant]:
        """Return whose hands are up, first raised first."""
        up = [(one.hand_raised_at, one) for one in self.participants.values() if one.hand_raised_at is not None]
        return [one for _, one in sorted(up, key=operator.itemgetter(0))]

    def change_user(self, me: Participant, user: User) -> None:
        """Take over somebody's new name or role and tell everybody, the participant too."""
        if me.user != user:
            me.user = user
            self.tell(ParticipantChanged(me))

    def change(self, record: RoomRecord) -> None:
        """Take over the room's new name and rules and tell everybody; what is older than we know is no news."""
        if record.version < self.record.version:
            return
        known, self.record = self.record, record
        if record != known:
            self.tell(RoomUpdated(record))

    def tell(self, notice: Notice, *, but: Participant | None = None) -> None:
        """Tell everybody, but perhaps one."""
        for participant in self.participants.values():
            if participant is not but:
                participant.tell(notice)

    # What they send and receive

    def producer(self, producer_id: str) -> MediaProducer:
        """Return a producer of this room. Raises: NotFound `PRODUCER_NOT_FOUND`."""
        try:
            return self.producers[producer_id]
        except KeyError:
            raise producer_not_found() from None

    def add_producer(self, producer: MediaProducer) -> None:
        """Keep a producer that the SFU made and announce it to the others."""
        self.producers[producer.id] = producer
        producer.owner.producers[producer.id] = producer
        self.tell(NewProducer(producer), but=producer.owner)

    def switch_producer(self, producer: MediaProducer, *, paused: bool) -> None:
        """Note that a producer is paused or goes on and tell the others, and its receivers."""
        if producer.paused == paused:
            return
        producer.paused = paused
        self.tell(ProducerSwitched(producer.id, producer.owner.id, paused), but=producer.owner)
        for consumer in producer.consumers.values():
            consumer.owner.tell(ConsumerSwitched(consumer.id, producer.id, paused))

    def end_producer(self, producer: MediaProducer, *, tell_owner: bool = False) -> None:
        """Forget a producer and its consumers; tell the others and its receivers, perhaps its owner too."""
        if self.producers.pop(producer.id, None) is None:
            return
        producer.owner.producers.pop(producer.id, None)
        if self._speaker is not None and self._speaker.producer_id == producer.id:
            self._speaker = None
        for consumer in list(producer.consumers.values()):
            self.end_consumer(consumer, tell_owner=True)
        self.tell(ProducerEnded(producer.id, producer.owner.id), but=None if tell_owner else producer.owner)

    def add_consumer(self, consumer: MediaConsumer) -> None:
        """Keep a consumer that the SFU made."""
        consumer.owner.consumers[consumer.id] = consumer
        consumer.producer.consumers[consumer.id] = consumer

    def end_consumer(self, consumer: MediaConsumer, *, tell_owner: bool) -> None:
        """Forget a consumer."""
        consumer.producer.consumers.pop(consumer.id, None)
        if consumer.owner.consumers.pop(consumer.id, None) is not None and tell_owner:
            consumer.owner.tell(ConsumerEnded(consumer.id, consumer.producer.id))

    def end_transport(self, owner: Participant, transport_id: str) -> None:
        """Forget a transport and all it carried. Its owner knows; the others are told of its producers."""
        if owner.transports.pop(transport_id, None) is None:
            return
        for producer in [one for one in owner.producers.values() if one.transport_id == transport_id]:
            self.end_producer(producer)
        for consumer in [one for one in owner.consumers.values() if one.transport_id == transport_id]:
            self.end_consumer(consumer, tell_owner=False)
        self.data.end_transport(owner, transport_id)

    # What the SFU sends of it

    def note_layers(self, consumer: MediaConsumer, layers: Layers | None) -> None:
        """Note what the SFU sends of a consumer and tell who receives it; None: nothing."""
        notice = ConsumerLayersChanged(consumer.id, layers)
        if consumer.layers != notice and (consumer.layers or layers):
            consumer.layers = notice
            consumer.owner.tell(notice)

    def note_wanted(self, producer: MediaProducer, spatial_layer: int | None) -> None:
        """Note up to which layer others watch a producer and tell who sends it; None: nobody watches."""
        notice = ProducerLayersWanted(producer.id, spatial_layer)
        if producer.wanted != notice:
            producer.wanted = notice
            producer.owner.tell(notice)

    def note_speaker(self, producer: MediaProducer, volume: int) -> None:
        """Note whose turn it is to speak and tell everybody; the turn lasts until the next one's, or its end."""
        self._speaker = ActiveSpeaker(producer.owner.id, producer.id, volume)
        self.tell(self._speaker)

    def tell_speaker(self, me: Participant) -> None:
        """Tell a participant who comes, or comes back, whose turn it is."""
        if self._speaker is not None:
            me.tell(self._speaker)

    def tell_layers(self, me: Participant) -> None:
        """Tell a participant all that is known of its layers, after it may have missed some of it."""
        known = [consumer.layers for consumer in me.consumers.values()]
        wanted = [producer.wanted for producer in me.producers.values()]
        for notice in (*known, *wanted):
            if notice is not None:
                me.tell(notice)

    # Media lost at the SFU

    def lose_all_media(self) -> None:
        """The SFU restarted: whoever has a peer there, or is just getting one, has none any more."""
        self.sfu_restarts += 1
        losers = [participant for participant in self.participants.values() if participant.has_peer]
        if losers:
            self.lose_media(losers)

    def lose_media(self, losers: Collection[Participant]) -> None:
        """The SFU forgot these participants: they make everything anew.

        When nobody else has media there, the whole room starts over and nothing is announced one by one. Otherwise
        the others are told of each producer that ended, and the losers learn of the others' producers anew.
        """
        for loser in losers:
            loser.has_peer = False
            loser.owes_restart_notice = True
        if not any(participant.has_peer for participant in self.participants.values()):
            self._start_over()
            return
        for loser in losers:
            self._end_media_of(loser)
        for loser in losers:
            self.settle_restart_notice(loser)

    def settle_restart_notice(self, loser: Participant) -> None:
        """Tell a participant that lost its media to start over, and announce to it what the others send by now.

        While its socket is gone this waits until the seat is taken back.
        """
        if not loser.owes_restart_notice or loser.outbox is None:
            return
        loser.owes_restart_notice = False
        loser.tell(SfuRestarted())
        for producer in self.producers.values():
            if producer.owner is not loser:
                loser.tell(NewProducer(producer))
        self.data.announce_to(loser)

    def _start_over(self) -> None:
        self.producers.clear()
        self._speaker = None
        self.data.producers.clear()
        for participant in self.participants.values():
            participant.forget_media()
            participant.owes_restart_notice = True  # also who has no media now may know of others'
        for participant in self.participants.values():
            self.settle_restart_notice(participant)

    def _end_media_of(self, owner: Participant) -> None:
        for producer in list(owner.producers.values()):
            self.end_producer(producer)
        for consumer in list(owner.consumers.values()):
            self.end_consumer(consumer, tell_owner=False)
        self.data.end_all_of(owner)
        owner.forget_media()


def all_participants(rooms: Iterable[Classroom]) -> Iterator[Participant]:
    """Return everybody in these rooms."""
    return itertools.chain.from_iterable(list(room.participants.values()) for room in rooms)
