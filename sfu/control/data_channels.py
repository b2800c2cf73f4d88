"""The data producers and data consumers on one transport."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakMethod

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.data_consumer import DataConsumer, DataConsumerOptions
from sfu.control.data_producer import DataProducer
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.errors import LimitReached
from shared.ids import new_id
from shared.sctp_stream_parameters import SctpStreamParameters

Create = Callable[[str, DataProducer | DataConsumer], Awaitable[None]]


class DataChannels(EventEmitter):
    """What a transport has of data channels; `create` has the worker make a child that is in our maps already.

    Emits:
        `closed` (event, data): a data producer or data consumer that had been made is gone, for the event log.
    """

    def __init__(self, worker: MediaWorker, limits: Limits, create: Create) -> None:
        super().__init__()
        self.producers: dict[str, DataProducer] = {}
        self.consumers: dict[str, DataConsumer] = {}
        self._worker = worker
        self._limits = limits
        self._creator = WeakMethod(create)

    async def produce(
        self,
        parameters: SctpStreamParameters,
        *,
        label: str,
        protocol: str,
        paused: bool,
        app_data: Mapping[str, Any],
    ) -> DataProducer:
        """Make a data producer.

        Raises:
            InvalidInput: the transport has no SCTP, or the stream is taken or too high.
            LimitReached: it has too many data producers.
        """
        most = self._limits.data_producers_per_transport
        if len(self.producers) >= most:
            raise LimitReached(f"a transport has at most {most} data producers")
        producer = DataProducer(
            self._worker, new_id(), parameters, label=label, protocol=protocol, paused=paused, app_data=app_data
        )
        self.producers[producer.id] = producer
        producer.on("close", lambda one: self.producers.pop(one.id, None))
        await self._create("dataProducer.create", producer)
        producer.on("close", self._producer_closed)
        return producer

    async def consume(self, producer: DataProducer, options: DataConsumerOptions) -> DataConsumer:
        """Make a data consumer of the data producer.

        Raises:
            InvalidInput: the transport has no SCTP, or no free stream.
            LimitReached: it has too many data consumers.
        """
        most = self._limits.data_consumers_per_transport
        if len(self.consumers) >= most:
            raise LimitReached(f"a transport has at most {most} data consumers")
        consumer = DataConsumer(self._worker, new_id(), producer, options)
        self.consumers[consumer.id] = consumer
        consumer.on("close", lambda one: self.consumers.pop(one.id, None))
        await self._create("dataConsumer.create", consumer)
        consumer.on("close", self._consumer_closed)
        return consumer

    def close(self) -> None:
        """Close all of them; the worker does so by itself, with the transport."""
        for consumer in tuple(self.consumers.values()):
            consumer.close(tell_worker=False)
        for producer in tuple(self.producers.values()):
            producer.close(tell_worker=False)
        self.remove_all_listeners()  # the transport and we are freed without the collector

    async def _create(self, method: str, child: DataProducer | DataConsumer) -> None:
        create = self._creator()
        if create is None:
            raise AssertionError("who asks a transport's data channels holds the transport")
        await create(method, child)

    def _producer_closed(self, producer: DataProducer) -> None:
        self.emit("closed", "data-producer-closed", {"dataProducerId": producer.id})

    def _consumer_closed(self, consumer: DataConsumer) -> None:
        data: Data = {"dataConsumerId": consumer.id, "dataProducerId": consumer.producer.id}
        if consumer.closed_because is not None:
            data["reason"] = consumer.closed_because
        self.emit("closed", "data-consumer-closed", data)
