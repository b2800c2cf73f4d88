"""A producer: what one peer sends, one audio or video source."""

from collections.abc import Mapping
from typing import Any

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.control.negotiation import ConsumerNegotiation
from sfu.control.worker_object import SourceObject
from sfu.errors import NotFound
from sfu.ortc import NegotiatedProducer, fresh_ssrc
from shared.rtp_parameters import MediaKind, dump_rtp_mapping, dump_rtp_parameters


class Producer(SourceObject):
    """Mirrors a producer of the media worker.

    `rtp_parameters` and `score` (`None` until the worker has told it) are kept as they go over the wire, and so is
    `wanted_layers`: the highest spatial layer that anybody watches, `{"spatialLayer": None}` when nobody does, and
    `None` until the worker has told it. `consumer_ssrc` is what a transport's first consumer of it has: what is
    equal for many consumers is written into their packets once.

    Emits:
        `score` (producer), `wanted-layers` (producer): the worker told a new score, or what is watched now.
        `close` (producer): it is gone, and every consumer of it. Emitted once.
    """

    NOUN = "producer"

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
        super().__init__(worker, producer_id, paused=paused)
        self.kind = kind
        self.type = negotiated.type
        self.rtp_parameters = dump_rtp_parameters(negotiated.rtp_parameters)
        self.consumable_rtp_parameters = negotiated.consumable_rtp_parameters
        self.receivers = ConsumerNegotiation(kind, negotiated.consumable_rtp_parameters)
        self.app_data = app_data
        self.score: list[Any] | None = None
        self.wanted_layers: Data | None = None
        self.consumer_ssrc = fresh_ssrc()
        self._mapping = negotiated.rtp_mapping

    def to_create_request(self, transport_id: str) -> dict[str, Any]:
        """Make the data of `producer.create`."""
        return {
            **self.to_pipe_request(),
            "transportId": transport_id,
            "consumableRtpParameters": dump_rtp_parameters(self.consumable_rtp_parameters),
        }

    def to_pipe_request(self) -> dict[str, Any]:
        """Make what another worker has to know of it."""
        return {
            "producerId": self.id,
            "kind": self.kind,
            "type": self.type,
            "rtpParameters": self.rtp_parameters,
            "rtpMapping": dump_rtp_mapping(self._mapping),
            "paused": self.paused,
        }

    def not_found(self) -> NotFound:
        """See `WorkerObject`."""
        return NotFound.producer(self.id)

    def _notified(self, event: str, data: Data) -> None:
        if event == "producer.score":
            self.score = data.get("score")
            self.emit("score", self)
        elif event == "producer.wantedLayers":
            self.wanted_layers = {"spatialLayer": data.get("spatialLayer")}
            self.emit("wanted-layers", self)
