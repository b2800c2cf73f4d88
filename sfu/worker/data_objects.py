"""The data producers and data consumers of a worker: what belongs to what, and what ends with what."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sfu.worker.data_channels import DataChannels
from sfu.worker.data_consumer import DataConsumer
from sfu.worker.data_producer import DataProducer
from sfu.worker.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from sfu.worker.router import Router
    from sfu.worker.webrtc_transport import TransportParent

BUFFER_FULL = "buffer-full"


class DataObjects:
    """The tables of one worker. Adding refuses a name that is taken; closing takes along what hangs on it."""

    def __init__(self, parent: "TransportParent") -> None:
        self.producers: dict[str, DataProducer] = {}
        self.consumers: dict[str, DataConsumer] = {}
        self._received_before = 0  # messages of those that are closed by now
        self._sent_before = 0
        self._router_of: dict[DataProducer, Router] = {}
        self._channels_of: dict[DataProducer | DataConsumer, DataChannels] = {}
        self._parent = parent

    @property
    def messages_received(self) -> int:
        """Messages that data producers have received since the worker's start."""
        return self._received_before + sum(one.messages_received for one in self.producers.values())

    @property
    def messages_sent(self) -> int:
        """Messages that data consumers have sent since the worker's start."""
        return self._sent_before + sum(one.messages_sent for one in self.consumers.values())

    def producer(self, producer_id: Any) -> DataProducer:
        """Find a data producer. Raises: NotFoundError."""
        producer = self.producers.get(producer_id)
        if producer is None:
            raise NotFoundError("no such data producer")
        return producer

    def consumer(self, consumer_id: Any) -> DataConsumer:
        """Find a data consumer. Raises: NotFoundError."""
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            raise NotFoundError("no such data consumer")
        return consumer

    def add_producer(self, router: "Router", channels: DataChannels, producer: DataProducer) -> None:
        """Take in a new data producer of a router's transport. Raises: RefusedError."""
        if producer.id in self.producers:
            raise RefusedError("the data producer exists already")
        channels.add_producer(producer)
        self.producers[producer.id] = router.data_producers[producer.id] = producer
        self._router_of[producer] = router
        self._channels_of[producer] = channels

    def add_consumer(self, channels: DataChannels, consumer: DataConsumer) -> None:
        """Take in a new data consumer of a transport. Raises: RefusedError."""
        if consumer.id in self.consumers:
            raise RefusedError("the data consumer exists already")
        channels.add_consumer(consumer)
        consumer.producer.consumers.append(consumer)
        self.consumers[consumer.id] = consumer
        self._channels_of[consumer] = channels

    def close_all_of(self, channels: DataChannels) -> Generator[None, None, None]:
        """Close the data producers and data consumers of a transport that is about to be closed, in steps."""
        while channels.producers:
            yield from self.close_producer(next(iter(channels.producers.values())))
        while channels.consumers:
            self.close_consumer(next(iter(channels.consumers.values())))
            yield

    def close_producer(self, producer: DataProducer) -> Generator[None, None, None]:
        """Close a data producer with its consumers, wherever they are, in steps."""
        while producer.consumers:
            self.close_consumer(producer.consumers[0])
            yield
        self._received_before += producer.messages_received
        del self.producers[producer.id]
        del self._router_of.pop(producer).data_producers[producer.id]
        del self._channels_of.pop(producer).producers[producer.parameters.stream_id]

    def close_consumer(self, consumer: DataConsumer) -> None:
        """Close a data consumer."""
        consumer.close()
        consumer.producer.consumers.remove(consumer)
        self._sent_before += consumer.messages_sent
        del self.consumers[consumer.id]
        del self._channels_of.pop(consumer).consumers[consumer.parameters.stream_id]

    # --- for data consumers ---

    def overflowed(self, consumer: DataConsumer) -> None:
        """See `DataConsumerParent`."""
        self._parent.drops["data_buffer_full"] += 1
        self.close_consumer(consumer)
        self._parent.notify("dataConsumer.closed", {"dataConsumerId": consumer.id, "reason": BUFFER_FULL})

    def fault(self, reason: str) -> None:
        """See `DataConsumerParent`."""
        self._parent.fault(reason)
