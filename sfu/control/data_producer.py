"""A data producer: what one peer sends on one data channel."""

from collections.abc import Mapping
from typing import Any

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.control.producer import ConsumerOfProducer
from sfu.errors import NotFound
from shared.sctp_stream_parameters import SctpStreamParameters, dump_sctp_stream_parameters


class DataProducer(EventEmitter):
    """Mirrors a data producer of the media worker. `sctp_stream_parameters` are kept as they go over the wire.

    `is_made` turns true when the worker has made it.

    Emits:
        `close` (data producer): it is gone, and every data consumer of it. Emitted once.
    """

    def __init__(
        self,
        worker: MediaWorker,
        producer_id: str,
        parameters: SctpStreamParameters,
        *,
        label: str,
        protocol: str,
        paused: bool,
        app_data: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.id = producer_id
        self.sctp_stream_parameters = dump_sctp_stream_parameters(parameters)
        self.label = label
        self.protocol = protocol
        self.app_data = app_data
        self.paused = paused
        self.is_made = False
        self.closed = False
        self._worker = worker
        self._consumers: dict[str, ConsumerOfProducer] = {}
        worker.load += 1

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `dataProducer.create`."""
        return {
            "transportId": transport_id,
            "dataProducerId": self.id,
            "sctpStreamParameters": self.sctp_stream_parameters,
            "label": self.label,
            "protocol": self.protocol,
            "paused": self.paused,
        }

    def made(self, _answer: Data) -> None:
        """Take note that the worker has made it."""
        self.is_made = True

    def overtaken(self) -> NotFound:
        """Make the error for who asked for it when it was closed before it was made."""
        return NotFound.data_producer(self.id)

    def attach(self, consumer: ConsumerOfProducer) -> None:
        """Note a data consumer that ends with this data producer."""
        self._consumers[consumer.id] = consumer

    def detach(self, consumer: ConsumerOfProducer) -> None:
        """Forget a data consumer that is gone."""
        self._consumers.pop(consumer.id, None)

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume it; what it receives meanwhile is lost."""
        self.paused = paused
        await self._ask("dataProducer.pause" if paused else "dataProducer.resume")

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("dataProducer.stats")
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it and its data consumers; `tell_worker` is false when the worker closes it with its transport."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        if tell_worker:
            self._worker.post("dataProducer.close", {"dataProducerId": self.id})
        for consumer in tuple(self._consumers.values()):
            consumer.close(tell_worker=False)
        self.emit("close", self)

    async def _ask(self, method: str) -> Data:
        try:
            return await self._worker.request(method, {"dataProducerId": self.id})
        except NotFound:
            raise NotFound.data_producer(self.id) from None
