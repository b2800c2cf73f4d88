"""A data producer: what one peer sends on one data channel."""

from collections.abc import Mapping
from typing import Any

from sfu.control.media_worker import MediaWorker
from sfu.control.worker_object import SourceObject
from sfu.errors import NotFound
from shared.sctp_stream_parameters import SctpStreamParameters, dump_sctp_stream_parameters


class DataProducer(SourceObject):
    """Mirrors a data producer of the media worker. `sctp_stream_parameters` are kept as they go over the wire.

    Emits:
        `close` (data producer): it is gone, and every data consumer of it. Emitted once.
    """

    NOUN = "dataProducer"

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
        super().__init__(worker, producer_id, paused=paused)
        self.sctp_stream_parameters = dump_sctp_stream_parameters(parameters)
        self.label = label
        self.protocol = protocol
        self.app_data = app_data

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

    def overtaken(self) -> NotFound:
        """Make the error for who asked for it when it was closed before it was made."""
        return NotFound.data_producer(self.id)

    def not_found(self) -> NotFound:
        """See `WorkerObject`."""
        return NotFound.data_producer(self.id)
