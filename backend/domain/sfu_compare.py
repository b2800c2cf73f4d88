"""What we hold of a room, compared with what the SFU holds, and made true to it.

Whatever may have ended media without our knowing makes a room doubtful: lost events, a closed peer or room, an
answer that never came. Then the SFU's own list decides. Participants restored after a restart of ours have media
that only the SFU knows: these are taken over (`backend.domain.adoption`) in the same way.
"""

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from backend.domain.adoption import adopt_media
from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.notices import ConsumerLayersChanged, ProducerLayersWanted
from backend.domain.participants import Participant
from backend.domain.sfu_port import SfuPort, SwitchAction
from backend.domain.sfu_state import SfuPeerState, SfuRoomState
from backend.errors import Broken, NotAvailable
from shared.logging import get_logger

FIRST_ANSWER_S = 3.0
"""How long who comes back after a restart of ours waits for the SFU; then the seat is there without its media."""

RETRY_S = 1.0
"""How long to wait before an SFU that is there and gave no answer is asked again."""

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


class SfuComparison:
    """Compares rooms with the SFU, each at most once at a time.

    `on_strangers` is called with a restored room's id and the peers there that nobody in the room is, `on_adopted`
    with a room in which media of restored participants was taken over.
    """

    def __init__(self, sfu: SfuPort, chores: Chores) -> None:
        self._sfu = sfu
        self._chores = chores
        self.on_strangers: Callable[[str, Set[str]], None] = lambda _room_id, _peers: None
        self.on_adopted: Callable[[Classroom], None] = lambda _room: None
        self._running: dict[Classroom, asyncio.Task[None]] = {}
        self._again: set[Classroom] = set()

    def doubt(self, room: Classroom) -> None:
        """Compare a room with the SFU soon, and once more if something happens meanwhile."""
        if room in self._running:
            self._again.add(room)
        else:
            self._running[room] = self._chores.spawn(self._check(room))

    def note_event(self, room: Classroom) -> None:
        """Something happened at the SFU: an answer on its way, from which media are taken over, may be older."""
        if room in self._running and room.media_unknown:
            self._again.add(room)

    async def find_media(self, room: Classroom) -> None:
        """Take over what the SFU holds of restored participants, or wait for it in vain for a few seconds."""
        self.doubt(room)
        await asyncio.wait({self._running[room]}, timeout=FIRST_ANSWER_S)

    async def _check(self, room: Classroom) -> None:
        try:
            while True:
                self._again.discard(room)
                if await self._compared(room) and room not in self._again:
                    return
        finally:
            self._again.discard(room)
            del self._running[room]

    async def _compared(self, room: Classroom) -> bool:
        """Compare; False when it has to be tried again. Of an SFU that is away the room stays doubtful."""
        room.doubtful = False
        try:
            await self._compare(room)
        except (NotAvailable, Broken) as error:
            _log.info("a room could not be compared", room_id=room.id, reason=error.message)
            if self._sfu.serves(room.id) and not room.closed:
                await asyncio.sleep(RETRY_S)
                return False
            room.doubtful = True
            self._again.discard(room)
        return True

    async def _compare(self, room: Classroom) -> None:
        held = [_hold(participant) for participant in room.participants.values() if participant.has_peer]
        busy = {one.participant for one in held if one.participant.lock.locked()}
        state = await self._sfu.room_state(room.id) or SfuRoomState(room.id, {})
        peers = state.peers
        current = [
            one for one in held if not one.participant.gone and one.participant.media_generation == one.generation
        ]
        room.router_rtp_capabilities = room.router_rtp_capabilities or state.rtp_capabilities
        lost = [one.participant for one in current if one.participant.id not in peers]
        if lost:
            _log.warning("participants lost their media", room_id=room.id, count=len(lost))
            room.lose_media(lost)
        restored = room.media_unknown
        if restored and (strangers := peers.keys() - room.participants.keys()):
            self.on_strangers(room.id, strangers)
        present = [one for one in current if one.participant.id in peers]
        adopt_media(room, {one.participant: peers[one.participant.id] for one in present})
        if restored:
            self.on_adopted(room)
        for one in present:
            self._drop_missing(room, one, peers[one.participant.id])
            self._note_layers(room, one, peers[one.participant.id])
            if one.participant not in busy and not one.participant.lock.locked():
                await self._close_unknown(room, one.participant, peers[one.participant.id])

    def _drop_missing(self, room: Classroom, held: _Held, found: SfuPeerState) -> None:
        """Forget what the SFU does not have; who is just closing it is not told of it."""
        me = held.participant
        for transport_id in held.transports - found.transports.keys():
            room.end_transport(me, transport_id)
        for producer_id in held.producers - found.producers.keys():
            if (producer := me.producers.get(producer_id)) is not None:
                room.end_producer(producer, tell_owner=not me.is_closing(producer))
        for consumer_id in held.consumers - found.consumers.keys():
            if (consumer := me.consumers.get(consumer_id)) is not None:
                room.end_consumer(consumer, tell_owner=not me.is_closing(consumer))
        for producer_id in held.data_producers - found.data_producers.keys():
            if (source := me.data_producers.get(producer_id)) is not None:
                room.data.end_producer(source, tell_owner=not me.is_closing(source))
        for consumer_id in held.data_consumers - found.data_consumers.keys():
            if (sink := me.data_consumers.get(consumer_id)) is not None:
                room.data.end_consumer(sink, tell_owner=not me.is_closing(sink))

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
            for consumer_id in found.consumers.keys() - me.consumers.keys():
                await self._sfu.switch_consumer(room.id, consumer_id, SwitchAction.CLOSE)
            for producer_id in found.producers.keys() - me.producers.keys():
                await self._sfu.switch_producer(room.id, producer_id, SwitchAction.CLOSE)
            for consumer_id in found.data_consumers.keys() - me.data_consumers.keys():
                await self._sfu.close_data_consumer(room.id, consumer_id)
            for producer_id in found.data_producers.keys() - me.data_producers.keys():
                await self._sfu.close_data_producer(room.id, producer_id)
            for transport_id in found.transports.keys() - me.transports.keys():
                await self._sfu.close_transport(room.id, transport_id)


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
