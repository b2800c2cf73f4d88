"""The data channels of a live class: who sends what on which, in memory.

Part of `Classroom` and like it: every method is synchronous and tells in the same step what it changes.
"""

from collections.abc import Iterable
from typing import Protocol

from backend.domain.notices import DataConsumerEnded, DataProducerEnded, NewDataProducer, Notice
from backend.domain.participants import DataConsumer, DataProducer, Participant
from backend.domain.sfu_port import DATA_PRODUCER_NOT_FOUND
from backend.errors import NotFound


class Tell(Protocol):
    """Tells everybody in the room, but perhaps one."""

    def __call__(self, notice: Notice, *, but: Participant | None = None) -> None:
        """Queue a notice."""


class ClassroomData:
    """The data producers of a room by id, each with its data consumers; `tell` reaches the room."""

    def __init__(self, tell: Tell) -> None:
        self.producers: dict[str, DataProducer] = {}
        self._tell = tell

    def producer(self, producer_id: str) -> DataProducer:
        """Return a data producer of this room. Raises: NotFound `DATA_PRODUCER_NOT_FOUND`."""
        try:
            return self.producers[producer_id]
        except KeyError:
            raise NotFound("There is no such data producer.", DATA_PRODUCER_NOT_FOUND) from None

    def add_producer(self, producer: DataProducer) -> None:
        """Keep a data producer that the SFU made and announce it to the others."""
        self.producers[producer.id] = producer
        producer.owner.data_producers[producer.id] = producer
        self._tell(NewDataProducer(producer), but=producer.owner)

    def end_producer(self, producer: DataProducer, *, tell_owner: bool = False) -> None:
        """Forget a data producer and its consumers; tell the others and its receivers, perhaps its owner too."""
        if self.producers.pop(producer.id, None) is None:
            return
        producer.owner.data_producers.pop(producer.id, None)
        for consumer in list(producer.consumers.values()):
            self.end_consumer(consumer, tell_owner=True)
        self._tell(DataProducerEnded(producer.id, producer.owner.id), but=None if tell_owner else producer.owner)

    def add_consumer(self, consumer: DataConsumer) -> None:
        """Keep a data consumer that the SFU made."""
        consumer.owner.data_consumers[consumer.id] = consumer
        consumer.producer.consumers[consumer.id] = consumer

    def end_consumer(self, consumer: DataConsumer, *, tell_owner: bool, reason: str | None = None) -> None:
        """Forget a data consumer. `reason` is the SFU's, when it ended it by itself."""
        consumer.producer.consumers.pop(consumer.id, None)
        if consumer.owner.data_consumers.pop(consumer.id, None) is not None and tell_owner:
            consumer.owner.tell(DataConsumerEnded(consumer.id, consumer.producer.id, reason))

    def end_transport(self, owner: Participant, transport_id: str) -> None:
        """Forget what a transport carried. Its owner knows; the others are told of its data producers."""
        self._end(
            [one for one in owner.data_producers.values() if one.transport_id == transport_id],
            [one for one in owner.data_consumers.values() if one.transport_id == transport_id],
        )

    def end_all_of(self, owner: Participant) -> None:
        """Forget everything of a participant; the others are told of its data producers."""
        self._end(list(owner.data_producers.values()), list(owner.data_consumers.values()))

    def announce_to(self, participant: Participant) -> None:
        """Announce to a participant what the others send by now."""
        for producer in self.producers.values():
            if producer.owner is not participant:
                participant.tell(NewDataProducer(producer))

    def _end(self, producers: Iterable[DataProducer], consumers: Iterable[DataConsumer]) -> None:
        for producer in producers:
            self.end_producer(producer)
        for consumer in consumers:
            self.end_consumer(consumer, tell_owner=False)
