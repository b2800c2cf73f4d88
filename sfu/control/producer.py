"""A producer: what one peer sends, one audio or video source."""

from collections.abc import Mapping
from typing import Any, Protocol

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.errors import NotFound
from sfu.ortc import NegotiatedProducer
from shared.rtp_parameters import MediaKind, dump_rtp_mapping, dump_rtp_parameters


class ConsumerOfProducer(Protocol):
    """What a producer needs of its consumers."""

    @property
    def id(self) -> str:
        """The consumer's id."""

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it."""


class Producer(EventEmitter):
    """Mirrors a producer of the media worker.

    `rtp_parameters` and `score` (`None` until the worker has told it) are kept as they go over the wire, and so is
    `wanted_layers`: the highest spatial layer that anybody watches, `{"spatialLayer": None}` when nobody does, and
    `None` until the worker has told it. `is_made` turns true when the worker has made it.

    Emits:
        `score` (producer), `wanted-layers` (producer): the worker told a new score, or what is watched now.
        `close` (producer): it is gone, and every consumer of it. Emitted once.
    """

    def __init__(
        self,
        worker: MediaWorker,
        producer_id: str,
        kind: MediaKind,
        negotiated: NegotiatedProducer,
        *,
        paused: bool,
        app_data: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.id = producer_id
        self.kind = kind
        self.type = negotiated.type
        self.rtp_parameters = dump_rtp_parameters(negotiated.rtp_parameters)
        self.consumable_rtp_parameters = negotiated.consumable_rtp_parameters
        self.app_data = app_data
        self.paused = paused
        self.score: list[Any] | None = None
        self.wanted_layers: Data | None = None
        self.is_made = False
        self.closed = False
        self._mapping = negotiated.rtp_mapping
        self._worker = worker
        self._consumers: dict[str, ConsumerOfProducer] = {}
        worker.load += 1
        worker.on(self.id, self._notified)

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `producer.create`."""
        return {
            "transportId": transport_id,
            "producerId": self.id,
            "kind": self.kind,
            "type": self.type,
            "rtpParameters": self.rtp_parameters,
            "rtpMapping": dump_rtp_mapping(self._mapping),
            "consumableRtpParameters": dump_rtp_parameters(self.consumable_rtp_parameters),
            "paused": self.paused,
        }

    def made(self, _answer: Data) -> None:
        """Take note that the worker has made it."""
        self.is_made = True

    def attach(self, consumer: ConsumerOfProducer) -> None:
        """Note a consumer that ends with this producer."""
        self._consumers[consumer.id] = consumer

    def detach(self, consumer: ConsumerOfProducer) -> None:
        """Forget a consumer that is gone."""
        self._consumers.pop(consumer.id, None)

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume it, and with it what its consumers receive."""
        self.paused = paused
        await self._ask("producer.pause" if paused else "producer.resume")

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("producer.stats")
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it and its consumers; `tell_worker` is false when the worker closes it with its transport."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        self._worker.remove_listener(self.id, self._notified)
        if tell_worker:
            self._worker.post("producer.close", {"producerId": self.id})
        for consumer in tuple(self._consumers.values()):
            consumer.close(tell_worker=False)
        self.emit("close", self)

    def _notified(self, event: str, data: Data) -> None:
        if event == "producer.score":
            self.score = data.get("score")
            self.emit("score", self)
        elif event == "producer.wantedLayers":
            self.wanted_layers = {"spatialLayer": data.get("spatialLayer")}
            self.emit("wanted-layers", self)

    async def _ask(self, method: str) -> Data:
        try:
            return await self._worker.request(method, {"producerId": self.id})
        except NotFound:
            raise NotFound.producer(self.id) from None
