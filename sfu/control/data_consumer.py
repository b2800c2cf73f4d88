"""A data consumer: what one peer receives of one data producer."""

from dataclasses import dataclass
from typing import Any

from sfu.control.channel import Data
from sfu.control.data_producer import DataProducer
from sfu.control.media_worker import MediaWorker
from sfu.control.worker_object import WorkerObject
from sfu.errors import NotFound


@dataclass(frozen=True, slots=True)
class DataConsumerOptions:
    """How a data consumer begins; what is not said is as with its data producer."""

    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None
    paused: bool = False


class DataConsumer(WorkerObject):
    """Mirrors a data consumer of the media worker.

    `sctp_stream_parameters` come from the worker, as they go over the wire. `closed_because` tells why the worker
    closed it by itself.

    Emits:
        `close` (data consumer): it is gone. Emitted once.
    """

    NOUN = "dataConsumer"

    def __init__(
        self, worker: MediaWorker, consumer_id: str, producer: DataProducer, options: DataConsumerOptions
    ) -> None:
        super().__init__(worker, consumer_id, paused=options.paused)
        self.producer = producer
        self.sctp_stream_parameters: Data = {}
        self.closed_because: str | None = None
        self._options = options
        producer.attach(self)

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `dataConsumer.create`."""
        options = {
            "ordered": self._options.ordered,
            "maxPacketLifeTime": self._options.max_packet_life_time,
            "maxRetransmits": self._options.max_retransmits,
        }
        return {
            "transportId": transport_id,
            "dataConsumerId": self.id,
            "dataProducerId": self.producer.id,
            "paused": self.paused,
            **{name: value for name, value in options.items() if value is not None},
        }

    def made(self, answer: Data) -> None:
        """Take over what the worker answered to `dataConsumer.create`."""
        super().made(answer)
        self.sctp_stream_parameters = answer["sctpStreamParameters"]

    def overtaken(self) -> NotFound:
        """Make the error for who asked for it when its data producer was closed before it was made."""
        return NotFound.data_producer(self.producer.id)

    def not_found(self) -> NotFound:
        """See `WorkerObject`."""
        return NotFound.data_consumer(self.id)

    def _let_go(self) -> None:
        self.producer.detach(self)

    def _notified(self, event: str, data: Data) -> None:
        if event == "dataConsumer.closed":
            self.closed_because = data.get("reason")
            self.close(tell_worker=False)
