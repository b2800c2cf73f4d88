"""A consumer: what one peer receives of one producer."""

from dataclasses import dataclass
from typing import Any

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.control.producer import Producer
from sfu.control.worker_object import WorkerObject
from sfu.errors import NotFound
from shared.control_api import PreferredLayers


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How a consumer begins; without layers it gets the best there are."""

    paused: bool = False
    preferred_layers: PreferredLayers | None = None
    priority: int = 1


class Consumer(WorkerObject):
    """Mirrors a consumer of the media worker.

    `rtp_parameters`, `preferred_layers`, `current_layers` (what is forwarded now, `None` for nothing) and `score`
    (`None` until the worker has told it) are kept as they go over the wire.

    Emits:
        `score` (consumer), `layers` (consumer): the worker told a new score, or what it forwards now.
        `close` (consumer): it is gone. Emitted once.
    """

    NOUN = "consumer"

    def __init__(
        self,
        worker: MediaWorker,
        consumer_id: str,
        producer: Producer,
        rtp_parameters: Data,
        options: ConsumerOptions,
    ) -> None:
        super().__init__(worker, consumer_id, paused=options.paused)
        self.producer = producer
        self.kind = producer.kind
        self.type = producer.type
        self.mid: str = rtp_parameters["mid"]
        self.rtp_parameters = rtp_parameters
        self.priority = options.priority
        self.preferred_layers: Data | None = None
        self.current_layers: Data | None = None
        self.score: Data | None = None
        self._wanted_layers = options.preferred_layers
        producer.attach(self)

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `consumer.create`."""
        request = {
            "transportId": transport_id,
            "consumerId": self.id,
            "producerId": self.producer.id,
            "kind": self.kind,
            "type": self.type,
            "rtpParameters": self.rtp_parameters,
            "paused": self.paused,
            "priority": self.priority,
        }
        if self._wanted_layers is not None:
            request["preferredLayers"] = _to_wire(self._wanted_layers)
        return request

    def made(self, answer: Data) -> None:
        """Take over what the worker answered to `consumer.create`."""
        super().made(answer)
        self.preferred_layers = answer.get("preferredLayers")

    async def set_preferred_layers(self, layers: PreferredLayers) -> Data:
        """Have at most these layers forwarded. Returns what the worker made of it, `{}` if it has none."""
        answer = await self._ask("setPreferredLayers", **_to_wire(layers))
        if "spatialLayer" in answer:
            self.preferred_layers = _layers_in(answer)
        return self.preferred_layers or {}

    async def set_priority(self, priority: int) -> None:
        """Let it come before or after others when bandwidth is short, by a number from 1 to 255."""
        await self._ask("setPriority", priority=priority)
        self.priority = priority

    async def request_key_frame(self) -> None:
        """Ask the producer for a key frame; the worker merges what many ask for."""
        await self._ask("requestKeyFrame")

    def not_found(self) -> NotFound:
        """See `WorkerObject`."""
        return NotFound.consumer(self.id)

    def _let_go(self) -> None:
        self.producer.detach(self)

    def _notified(self, event: str, data: Data) -> None:
        if event == "consumer.score":
            self.score = data.get("score")
            self.emit("score", self)
        elif event == "consumer.layers":
            self.current_layers = _layers_in(data)
            self.emit("layers", self)


def _to_wire(layers: PreferredLayers) -> Data:
    wire = {"spatialLayer": layers.spatial_layer}
    if layers.temporal_layer is not None:
        wire["temporalLayer"] = layers.temporal_layer
    return wire


def _layers_in(data: Data) -> Data | None:
    if data.get("spatialLayer") is None:
        return None
    return {"spatialLayer": data["spatialLayer"], "temporalLayer": data.get("temporalLayer")}
