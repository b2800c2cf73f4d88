"""Takes over the media of restored participants from what the SFU holds: the same ids, nothing made anew.

A producer that is taken over is announced like a new one, which reaches only who joined or came back before it was
known; who comes back later has it in the answer, and so nobody hears of it twice.
"""

from collections.abc import Mapping

from backend.domain.classroom import Classroom
from backend.domain.participants import DataConsumer, DataProducer, MediaConsumer, MediaProducer, Participant
from backend.domain.sfu_state import SfuPeerState


def adopt_media(room: Classroom, found: Mapping[Participant, SfuPeerState]) -> None:
    """Take over what the SFU holds of those whose media is unknown: what sends first, then who receives it."""
    unknown = {me: state for me, state in found.items() if me.media_unknown and not me.gone}
    for me, state in unknown.items():
        me.transports.update(state.transports)
        _adopt_producers(room, me, state)
        me.media_unknown = False
    for me, state in unknown.items():
        _adopt_consumers(room, me, state)


def _adopt_producers(room: Classroom, me: Participant, state: SfuPeerState) -> None:
    for producer_id, one in state.producers.items():
        producer = MediaProducer(producer_id, me, one.transport_id, one.kind, one.app_data, one.paused)
        room.add_producer(producer)
    for producer_id, channel in state.data_producers.items():
        room.data.add_producer(
            DataProducer(producer_id, me, channel.transport_id, channel.label, channel.protocol, channel.app_data)
        )


def _adopt_consumers(room: Classroom, me: Participant, state: SfuPeerState) -> None:
    """Take over what is received of producers that we hold; the rest is closed as unknown."""
    for consumer_id, one in state.consumers.items():
        if (producer := room.producers.get(one.producer_id)) is not None:
            room.add_consumer(MediaConsumer(consumer_id, me, one.transport_id, producer, one.paused))
    for consumer_id, channel in state.data_consumers.items():
        if (source := room.data.producers.get(channel.producer_id)) is not None:
            room.data.add_consumer(DataConsumer(consumer_id, me, channel.transport_id, source))
