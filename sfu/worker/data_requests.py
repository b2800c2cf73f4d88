"""What the control process asks of a worker's data channels: one method a request."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfu.worker import stats
from sfu.worker.data_channels import DataChannels
from sfu.worker.data_consumer import DataConsumer
from sfu.worker.data_producer import DataProducer
from sfu.worker.errors import NotFoundError, RefusedError
from sfu.worker.request_types import Answer, Request, Steps
from shared.sctp_stream_parameters import (
    SctpStreamParameters,
    dump_sctp_stream_parameters,
    load_sctp_stream_parameters,
)

if TYPE_CHECKING:
    from sfu.worker.media_objects import MediaObjects


class DataRequests:
    """Executes requests on a worker's data producers and data consumers; `methods` are merged into its others."""

    def __init__(self, objects: "MediaObjects") -> None:
        self._objects = objects
        self._data = objects.data
        self.methods: dict[str, Callable[[Request], Answer | Steps]] = {
            "dataProducer.create": self._create_producer,
            "dataProducer.close": self._close_producer,
            "dataProducer.pause": self._pause_producer,
            "dataProducer.resume": self._resume_producer,
            "dataProducer.stats": self._producer_stats,
            "dataConsumer.create": self._create_consumer,
            "dataConsumer.close": self._close_consumer,
            "dataConsumer.pause": self._pause_consumer,
            "dataConsumer.resume": self._resume_consumer,
            "dataConsumer.stats": self._consumer_stats,
        }

    def _create_producer(self, data: Request) -> Answer:
        transport = self._objects.transport(data.get("transportId"))
        producer = DataProducer(
            data["dataProducerId"],
            load_sctp_stream_parameters(data["sctpStreamParameters"]),
            data.get("label") or "",
            data.get("protocol") or "",
            paused=bool(data.get("paused")),
        )
        router = self._objects.router_of[transport]
        self._data.add_producer(router, _channels(transport.data), producer)
        return {}

    def _close_producer(self, data: Request) -> Steps:
        yield from self._data.close_producer(self._producer(data))
        return {}

    def _pause_producer(self, data: Request) -> Answer:
        self._producer(data).paused = True
        return {}

    def _resume_producer(self, data: Request) -> Answer:
        self._producer(data).paused = False
        return {}

    def _producer_stats(self, data: Request) -> Answer:
        return {"stats": [stats.data_producer_stats(self._producer(data))]}

    def _create_consumer(self, data: Request) -> Answer:
        transport = self._objects.transport(data.get("transportId"))
        producer = self._objects.router_of[transport].data_producers.get(data["dataProducerId"])
        if producer is None:
            raise NotFoundError("no such data producer in this router")
        channels = _channels(transport.data)
        consumer = DataConsumer(
            data["dataConsumerId"],
            producer,
            _consumer_parameters(producer.parameters, data, channels.take_stream()),
            channels.link,
            self._data,
            paused=bool(data.get("paused")),
        )
        self._data.add_consumer(channels, consumer)
        return {
            "sctpStreamParameters": dump_sctp_stream_parameters(consumer.parameters),
            "label": producer.label,
            "protocol": producer.protocol,
        }

    def _close_consumer(self, data: Request) -> Answer:
        self._data.close_consumer(self._consumer(data))
        return {}

    def _pause_consumer(self, data: Request) -> Answer:
        self._consumer(data).paused = True
        return {}

    def _resume_consumer(self, data: Request) -> Answer:
        self._consumer(data).paused = False
        return {}

    def _consumer_stats(self, data: Request) -> Answer:
        return {"stats": [stats.data_consumer_stats(self._consumer(data))]}

    def _producer(self, data: Request) -> DataProducer:
        return self._data.producer(data.get("dataProducerId"))

    def _consumer(self, data: Request) -> DataConsumer:
        return self._data.consumer(data.get("dataConsumerId"))


def _channels(channels: DataChannels | None) -> DataChannels:
    if channels is None:
        raise RefusedError("SCTP is not enabled on this transport")
    return channels


def _consumer_parameters(producer: SctpStreamParameters, wish: Request, stream_id: int) -> SctpStreamParameters:
    """Take the producer's parameters but for what is wished otherwise, as mediasoup does."""
    ordered = wish.get("ordered")
    limits = {name: wish.get(name) for name in ("maxPacketLifeTime", "maxRetransmits")}
    if ordered or any(value is not None for value in limits.values()):
        chosen, ordered = limits, bool(ordered)
    else:
        chosen = {"maxPacketLifeTime": producer.max_packet_life_time, "maxRetransmits": producer.max_retransmits}
        ordered = producer.ordered if ordered is None else ordered
    return load_sctp_stream_parameters({"streamId": stream_id, "ordered": ordered, **chosen})
