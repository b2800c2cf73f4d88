"""What the SFU tells by itself, brought into the classes; and what we hold, compared with what it holds.

The SFU's own `producer-closed` and `consumer-closed` name ids that are never used twice, so they are taken as they
are. Everything else that may have ended media (a closed peer or room, lost events, an answer that never came) only
makes a room doubtful: then the SFU's own list decides, for such news may be older than what was made since.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.notices import (
    ConsumerLayersChanged,
    Notice,
    ProducerLayersWanted,
    SfuCameBack,
    SfuWentAway,
)
from backend.domain.participants import Participant
from backend.domain.sfu_port import (
    ConsumerClosed,
    DataConsumerClosed,
    DataProducerClosed,
    LayersChanged,
    LayersWanted,
    ProducerClosed,
    RoomDoubtful,
    SfuEvent,
    SfuPeerState,
    SfuPort,
    SpeakerChanged,
    SwitchAction,
)
from backend.errors import NotAvailable
from shared.logging import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """What we held of a participant before the SFU was asked: nothing newer may be judged by its answer."""

    participant: Participant
    generation: int
    transports: frozenset[str]
    producers: frozenset[str]
    consumers: frozenset[str]
    data_producers: frozenset[str]
    data_consumers: frozenset[str]
    layers: Mapping[str, ConsumerLayersChanged | None]
    wanted: Mapping[str, ProducerLayersWanted | None]


class SfuWatch:
    """Keeps the classes true to the SFU. Implements `backend.domain.sfu_port.SfuListener`.

    `rooms` are the live ones, by id. Rooms that the SFU held when we first met it, from before our own start, are
    given `grace_s` seconds; whoever nobody here holds then is removed.
    """

    def __init__(self, rooms: Mapping[str, Classroom], sfu: SfuPort, chores: Chores, grace_s: float) -> None:
        self._rooms = rooms
        self._sfu = sfu
        self._chores = chores
        self._grace_s = grace_s
        self._told_away = False
        self._met = False
        self._checks: dict[Classroom, bool] = {}

    # SfuListener

    def sfu_connected(self, *, restarted: bool, missed_events: bool) -> None:
        """The event stream is open: start over after a restart, otherwise see what was missed."""
        if restarted:
            _log.warning("the SFU restarted", rooms=len(self._rooms))
            for room in self._rooms.values():
                room.lose_all_media()
        else:
            if self._told_away:
                self._tell_all(SfuCameBack())
            if missed_events:
                self.sfu_missed_events()
        self._told_away = False
        if not self._met:
            self._met = True
            self._chores.spawn(self._remove_orphans(), finish=False)

    def sfu_lost(self) -> None:
        """The SFU is away: tell everybody, once."""
        if not self._told_away:
            _log.warning("the SFU is away", rooms=len(self._rooms))
            self._told_away = True
            self._tell_all(SfuWentAway())

    def sfu_missed_events(self) -> None:
        """Compare all rooms with the SFU."""
        for room in list(self._rooms.values()):
            self.doubt(room)

    def sfu_event(self, event: SfuEvent) -> None:
        """Take one event in; what it names and we do not hold is none of our business or settled already."""
        room = self._rooms.get(event.room_id)
        if room is None:
            return
        match event:
            case ProducerClosed():
                self._producer_closed(room, event.producer_id)
            case ConsumerClosed():
                self._consumer_closed(room, event.consumer_id)
            case DataProducerClosed():
                self._data_producer_closed(room, event.producer_id)
            case DataConsumerClosed():
                self._data_consumer_closed(room, event)
            case RoomDoubtful():
                self.doubt(room)
            case SpeakerChanged():
                if (producer := room.producers.get(event.producer_id)) is not None:
                    room.note_speaker(producer, event.volume)
            case LayersChanged():
                self._layers_changed(room, event)
            case LayersWanted():
                if (producer := room.producers.get(event.producer_id)) is not None:
                    room.note_wanted(producer, event.spatial_layer)

    def _producer_closed(self, room: Classroom, producer_id: str) -> None:
        if (producer := room.producers.get(producer_id)) is not None:
            room.end_producer(producer, tell_owner=not producer.owner.is_closing(producer))

    def _consumer_closed(self, room: Classroom, consumer_id: str) -> None:
        for participant in room.participants.values():
            if (consumer := participant.consumers.get(consumer_id)) is not None:
                room.end_consumer(consumer, tell_owner=not participant.is_closing(consumer))
                return

    def _data_producer_closed(self, room: Classroom, producer_id: str) -> None:
        if (producer := room.data.producers.get(producer_id)) is not None:
            room.data.end_producer(producer, tell_owner=not producer.owner.is_closing(producer))

    def _data_consumer_closed(self, room: Classroom, event: DataConsumerClosed) -> None:
        owner = room.participants.get(event.peer_id)
        if owner is not None and (consumer := owner.data_consumers.get(event.consumer_id)) is not None:
            tell_owner = not owner.is_closing(consumer)
            room.data.end_consumer(consumer, tell_owner=tell_owner, reason=event.reason)

    def _layers_changed(self, room: Classroom, event: LayersChanged) -> None:
        owner = room.participants.get(event.peer_id)
        if owner is None:
            return
        if (consumer := owner.consumers.get(event.consumer_id)) is not None:
            room.note_layers(consumer, event.layers)
        elif owner.lock.locked():
            owner.early_layers[event.consumer_id] = event.layers

    def _tell_all(self, notice: Notice) -> None:
        for room in self._rooms.values():
            room.tell(notice)

    # Comparing

    def doubt(self, room: Classroom) -> None:
        """Compare a room with the SFU soon, and once more if something happens meanwhile."""
        if room in self._checks:
            self._checks[room] = True
            return
        self._checks[room] = False
        self._chores.spawn(self._check(room))

    async def _check(self, room: Classroom) -> None:
        try:
            again = True
            while again:
                self._checks[room] = False
                await self._compare(room)
                again = self._checks[room]
        except NotAvailable:
            _log.info("a room could not be compared; the SFU is away", room_id=room.id)
        finally:
            del self._checks[room]

    async def _compare(self, room: Classroom) -> None:
        held = [_hold(participant) for participant in room.participants.values() if participant.has_peer]
        busy = {one.participant for one in held if one.participant.lock.locked()}
        state = await self._sfu.room_state(room.id)
        peers = state.peers if state is not None else {}
        current = [
            one for one in held if not one.participant.gone and one.participant.media_generation == one.generation
        ]
        lost = [one.participant for one in current if one.participant.id not in peers]
        if lost:
            _log.warning("participants lost their media", room_id=room.id, count=len(lost))
            room.lose_media(lost)
        for one in current:
            if one.participant.id in peers:
                self._drop_missing(room, one, peers[one.participant.id])
                self._note_layers(room, one, peers[one.participant.id])
                if one.participant not in busy and not one.participant.lock.locked():
                    await self._close_unknown(room, one.participant, peers[one.participant.id])

    def _drop_missing(self, room: Classroom, held: _Held, found: SfuPeerState) -> None:
        me = held.participant
        for transport_id in held.transports - found.transports:
            room.end_transport(me, transport_id)
        for producer_id in held.producers - found.producers:
            if (producer := me.producers.get(producer_id)) is not None:
                room.end_producer(producer, tell_owner=True)
        for consumer_id in held.consumers - found.consumers:
            if (consumer := me.consumers.get(consumer_id)) is not None:
                room.end_consumer(consumer, tell_owner=True)
        for producer_id in held.data_producers - found.data_producers:
            if (source := me.data_producers.get(producer_id)) is not None:
                room.data.end_producer(source, tell_owner=True)
        for consumer_id in held.data_consumers - found.data_consumers:
            if (sink := me.data_consumers.get(consumer_id)) is not None:
                room.data.end_consumer(sink, tell_owner=True)

    def _note_layers(self, room: Classroom, held: _Held, found: SfuPeerState) -> None:
        """Take over what was missed. What an event has changed since the question is newer than the answer."""
        me = held.participant
        for consumer_id, layers in found.layers.items():
            consumer = me.consumers.get(consumer_id)
            if consumer is not None and held.layers.get(consumer_id) == consumer.layers:
                room.note_layers(consumer, layers)
        for producer_id, spatial_layer in found.wanted.items():
            producer = me.producers.get(producer_id)
            if producer is not None and held.wanted.get(producer_id) == producer.wanted:
                room.note_wanted(producer, spatial_layer)

    async def _close_unknown(self, room: Classroom, me: Participant, found: SfuPeerState) -> None:
        """Close what the SFU made for a participant by a request whose answer never reached us."""
        async with me.lock:
            if me.gone:
                return
            for consumer_id in found.consumers - me.consumers.keys():
                await self._sfu.switch_consumer(room.id, consumer_id, SwitchAction.CLOSE)
            for producer_id in found.producers - me.producers.keys():
                await self._sfu.switch_producer(room.id, producer_id, SwitchAction.CLOSE)
            for consumer_id in found.data_consumers - me.data_consumers.keys():
                await self._sfu.close_data_consumer(room.id, consumer_id)
            for producer_id in found.data_producers - me.data_producers.keys():
                await self._sfu.close_data_producer(room.id, producer_id)
            for transport_id in found.transports - me.transports.keys():
                await self._sfu.close_transport(room.id, transport_id)

    # Orphans

    async def _remove_orphans(self) -> None:
        try:
            found = {room_id: await self._peers_of(room_id) for room_id in await self._sfu.room_ids()}
        except NotAvailable:
            return  # it went away again and takes its rooms with it, or comes back with peers it will time out
        if not any(found.values()):
            return
        await asyncio.sleep(self._grace_s)
        for room_id, peers in found.items():
            room = self._rooms.get(room_id)
            held = room.participants.keys() if room is not None else set()
            for peer_id in peers - held:
                _log.info("removing a peer from before our start", room_id=room_id, peer_id=peer_id)
                await self._chores.do(partial(self._sfu.leave_peer, room_id, peer_id))

    async def _peers_of(self, room_id: str) -> set[str]:
        state = await self._sfu.room_state(room_id)
        return set(state.peers) if state is not None else set()


def _hold(participant: Participant) -> _Held:
    return _Held(
        participant,
        participant.media_generation,
        frozenset(participant.transports),
        frozenset(participant.producers),
        frozenset(participant.consumers),
        frozenset(participant.data_producers),
        frozenset(participant.data_consumers),
        {consumer.id: consumer.layers for consumer in participant.consumers.values()},
        {producer.id: producer.wanted for producer in participant.producers.values()},
    )
