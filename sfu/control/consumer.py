"""A consumer: what one peer receives of one producer."""

from typing import Any

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.control.producer import Producer
from sfu.errors import NotFound
from shared.rtp_parameters import RtpParameters, dump_rtp_parameters


class Consumer(EventEmitter):
    """Mirrors a consumer of the media worker. `rtp_parameters` are kept as they go over the wire.

    `is_made` turns true when the worker has made it.

    Emits:
        `close` (consumer): it is gone. Emitted once.
    """

    def __init__(
        self,
        worker: MediaWorker,
        consumer_id: str,
        producer: Producer,
        rtp_parameters: RtpParameters,
        *,
        paused: bool,
    ) -> None:
        super().__init__()
        self.id = consumer_id
        self.producer = producer
        self.kind = producer.kind
        self.type = producer.type
        self.mid = rtp_parameters.mid or ""
        self.rtp_parameters = dump_rtp_parameters(rtp_parameters)
        self.paused = paused
        self.is_made = False
        self.closed = False
        self._worker = worker
        worker.load += 1
        producer.attach(self)

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `consumer.create`."""
        return {
            "transportId": transport_id,
            "consumerId": self.id,
            "producerId": self.producer.id,
            "kind": self.kind,
            "type": self.type,
            "rtpParameters": self.rtp_parameters,
            "paused": self.paused,
        }

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume it; a resumed one asks the producer for a key frame."""
        self.paused = paused
        await self._ask("consumer.pause" if paused else "consumer.resume")

    async def request_key_frame(self) -> None:
        """Ask the producer for a key frame; the worker merges what many ask for."""
        await self._ask("consumer.requestKeyFrame")

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("consumer.stats")
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it; `tell_worker` is false when the worker closes it by itself, with its parent or producer."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        self.producer.detach(self)
        if tell_worker:
            self._worker.post("consumer.close", {"consumerId": self.id})
        self.emit("close", self)

    async def _ask(self, method: str) -> Data:
        try:
            return await self._worker.request(method, {"consumerId": self.id})
        except NotFound:
            raise NotFound.consumer(self.id) from None
