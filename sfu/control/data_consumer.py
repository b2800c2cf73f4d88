"""A data consumer: what one peer receives of one data producer."""

from dataclasses import dataclass
from typing import Any

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.data_producer import DataProducer
from sfu.control.media_worker import MediaWorker
from sfu.errors import NotFound


@dataclass(frozen=True, slots=True)
class DataConsumerOptions:
    """How a data consumer begins; what is not said is as with its data producer."""

    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None
    paused: bool = False


class DataConsumer(EventEmitter):
    """Mirrors a data consumer of the media worker.

    `sctp_stream_parameters` come from the worker, as they go over the wire. `is_made` turns true when the worker
    has made it, `closed_because` tells why the worker closed it by itself.

    Emits:
        `close` (data consumer): it is gone. Emitted once.
    """

    def __init__(
        self, worker: MediaWorker, consumer_id: str, producer: DataProducer, options: DataConsumerOptions
    ) -> None:
        super().__init__()
        self.id = consumer_id
        self.producer = producer
        self.paused = options.paused
        self.sctp_stream_parameters: Data = {}
        self.closed_because: str | None = None
        self.is_made = False
        self.closed = False
        self._options = options
        self._worker = worker
        worker.load += 1
        worker.on(self.id, self._notified)
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
        self.is_made = True
        self.sctp_stream_parameters = answer["sctpStreamParameters"]

    def overtaken(self) -> NotFound:
        """Make the error for who asked for it when its data producer was closed before it was made."""
        return NotFound.data_producer(self.producer.id)

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume it; what its data producer receives meanwhile is lost."""
        self.paused = paused
        await self._ask("dataConsumer.pause" if paused else "dataConsumer.resume")

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("dataConsumer.stats")
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it; `tell_worker` is false when the worker closes it by itself, with its parent or producer."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        self._worker.remove_listener(self.id, self._notified)
        self.producer.detach(self)
        if tell_worker:
            self._worker.post("dataConsumer.close", {"dataConsumerId": self.id})
        self.emit("close", self)

    def _notified(self, event: str, data: Data) -> None:
        if event == "dataConsumer.closed":
            self.closed_because = data.get("reason")
            self.close(tell_worker=False)

    async def _ask(self, method: str) -> Data:
        try:
            return await self._worker.request(method, {"dataConsumerId": self.id})
        except NotFound:
            raise NotFound.data_consumer(self.id) from None
