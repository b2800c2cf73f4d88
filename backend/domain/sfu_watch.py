"""What the SFU tells by itself, brought into the classes.

The SFU's own `producer-closed` and `consumer-closed` name ids that are never used twice, so they are taken as they
are. Everything else that may have ended media (a closed peer or room, lost events) only makes a room doubtful:
then the SFU's own list decides (`backend.domain.sfu_compare`), since such news may be older than what was made
since.
"""

import asyncio
from collections.abc import Collection, Mapping, Set
from functools import partial

from backend.domain.chores import Chores
from backend.domain.classroom import Classroom, all_participants
from backend.domain.notices import SfuCameBack, SfuWentAway
from backend.domain.seat_ports import SeatRepository
from backend.domain.sfu_compare import SfuComparison
from backend.domain.sfu_port import (
    ConsumerClosed,
    DataConsumerClosed,
    DataProducerClosed,
    LayersChanged,
    LayersWanted,
    ProducerClosed,
    RoomDoubtful,
    SfuEvent,
    SfuPort,
    SpeakerChanged,
)
from backend.errors import NotAvailable
from shared.logging import get_logger

_log = get_logger(__name__)


class SfuWatch:
    """Keeps the classes true to the SFU. Implements `backend.domain.sfu_port.SfuListener`.

    `rooms` are the live ones, by id. Peers that the SFU held when we first met it, or that are strangers in a room
    that is restored, are given `grace_s` seconds; who has no seat in any room then is removed.
    """

    def __init__(
        self,
        rooms: Mapping[str, Classroom],
        seats: SeatRepository,
        sfu: SfuPort,
        comparison: SfuComparison,
        chores: Chores,
        grace_s: float,
    ) -> None:
        self._rooms = rooms
        self._seats = seats
        self._sfu = sfu
        self._comparison = comparison
        self._chores = chores
        self._grace_s = grace_s
        self._met = False
        comparison.on_strangers = self._remove_later

    # SfuListener

    def sfu_connected(self, *, restarted: bool, missed_events: bool, rooms: Collection[str] | None = None) -> None:
        """The event stream is open: start over after a restart, otherwise see what was missed."""
        concerned = self._concerned(rooms)
        if restarted:
            _log.warning("the SFU restarted", rooms=len(concerned))
            for room in concerned:
                room.lose_all_media()
        else:
            self._doubt(concerned, missed_events=missed_events)
        self._tell_back(concerned, restarted=restarted)
        if not self._met:
            self._met = True
            self._chores.spawn(self._remove_orphans(), finish=False)

    def sfu_lost(self, rooms: Collection[str] | None = None) -> None:
        """The SFU is away: tell everybody whose media are there, once."""
        concerned = self._concerned(rooms)
        untold = [one for one in all_participants(concerned) if not one.told_away]
        if untold:
            _log.warning("the SFU is away", rooms=len(concerned), participants=len(untold))
        for participant in untold:
            participant.told_away = True
            participant.tell(SfuWentAway())

    def sfu_missed_events(self, rooms: Collection[str] | None = None) -> None:
        """Compare the rooms with the SFU."""
        self._doubt(self._concerned(rooms), missed_events=True)

    def sfu_event(self, event: SfuEvent) -> None:
        """Take one event in; what it names and we do not hold is none of our business or settled already."""
        room = self._rooms.get(event.room_id)
        if room is None:
            return
        self._comparison.note_event(room)
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
                self._comparison.doubt(room)
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

    def _doubt(self, rooms: Collection[Classroom], *, missed_events: bool) -> None:
        for room in rooms:
            if missed_events or room.media_unknown or room.doubtful:
                self._comparison.doubt(room)

    def _tell_back(self, rooms: Collection[Classroom], *, restarted: bool) -> None:
        """Tell whoever was told that the SFU is away; who is told to start over knows."""
        for participant in all_participants(rooms):
            if participant.told_away:
                participant.told_away = False
                if not restarted:
                    participant.tell(SfuCameBack())

    def _concerned(self, room_ids: Collection[str] | None) -> list[Classroom]:
        if room_ids is None:
            return list(self._rooms.values())
        return [self._rooms[room_id] for room_id in room_ids if room_id in self._rooms]

    # Orphans

    async def _remove_orphans(self) -> None:
        """Remove the peers of joins that a crash cut short: nobody has a seat for them."""
        try:
            found = {room_id: await self._peers_of(room_id) for room_id in await self._sfu.room_ids()}
        except NotAvailable:
            return  # it went away again and takes its rooms with it, or comes back with peers it will time out
        for room_id, peers in found.items():
            self._remove_later(room_id, peers)

    def _remove_later(self, room_id: str, peers: Set[str]) -> None:
        if peers:
            self._chores.spawn(self._remove_after_grace(room_id, peers), finish=False)

    async def _remove_after_grace(self, room_id: str, peers: Set[str]) -> None:
        await asyncio.sleep(self._grace_s)
        await self._chores.do(partial(self._remove_seatless, room_id, peers))

    async def _remove_seatless(self, room_id: str, peers: Set[str]) -> None:
        for peer_id in peers - set(await self._seats.kept(peers)):
            _log.info("removing a peer that nobody has a seat for", room_id=room_id, peer_id=peer_id)
            await self._sfu.leave_peer(room_id, peer_id)

    async def _peers_of(self, room_id: str) -> set[str]:
        state = await self._sfu.room_state(room_id)
        return set(state.peers) if state is not None else set()
