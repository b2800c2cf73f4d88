"""The data channels of one transport: which stream is whose."""

from collections import Counter
from collections.abc import Callable

from sfu.worker.data_consumer import DataConsumer
from sfu.worker.data_producer import DataProducer
from sfu.worker.errors import RefusedError
from sfu.worker.ports import DataLink
from shared.transport_parameters import SctpParameters

DCEP = 50
"""Payload protocol identifier of RFC 8832: opening a channel in band, which nobody here needs or answers."""


class DataChannels:
    """Brings messages to the data producers of a transport and gives its data consumers streams.

    `on_state` is called on every change of `state`, one of mediasoup's SctpState.
    """

    def __init__(
        self, link: DataLink, parameters: SctpParameters, drops: Counter[str], on_state: Callable[[], None]
    ) -> None:
        self.link = link
        self.parameters = parameters
        self.state = "new"
        self.producers: dict[int, DataProducer] = {}
        self.consumers: dict[int, DataConsumer] = {}
        self._drops = drops
        self._on_state = on_state
        self._next_stream = 0
        link.listener = self

    def add_producer(self, producer: DataProducer) -> None:
        """Take a producer in.

        Raises:
            RefusedError: its stream is another producer's, or beyond the streams of this transport.
        """
        stream_id = producer.parameters.stream_id
        if stream_id >= self.parameters.mis:
            raise RefusedError(f"streamId {stream_id} is not below MIS {self.parameters.mis}")
        if stream_id in self.producers:
            raise RefusedError(f"streamId {stream_id} is used by another data producer of this transport")
        self.producers[stream_id] = producer

    def take_stream(self) -> int:
        """Return a stream for a new consumer; those that were used lately come last.

        Raises:
            RefusedError: all are taken.
        """
        count = min(self.parameters.os, self.link.outgoing_streams)
        for offset in range(count):
            stream_id = (self._next_stream + offset) % count
            if self._is_free(stream_id):
                self._next_stream = stream_id + 1
                return stream_id
        raise RefusedError("the transport has no free SCTP stream")

    def _is_free(self, stream_id: int) -> bool:
        taken = stream_id in self.consumers or stream_id in self.producers
        return not taken and not self.link.is_resetting(stream_id)

    def add_consumer(self, consumer: DataConsumer) -> None:
        """Take in a consumer whose stream comes from `take_stream`."""
        self.consumers[consumer.parameters.stream_id] = consumer

    def close(self) -> None:
        """Let go of the transport; the link is closed by the transport."""
        self._on_state = _ignore

    # --- from the link ---

    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        """Bring a message to its producer; how many consumers it goes to."""
        producer = self.producers.get(stream_id)
        if ppid == DCEP or producer is None:
            self._drops["data_no_producer"] += 1
            return 0
        return producer.receive(ppid, data)

    def on_data_state(self, state: str) -> None:
        """Take note of a new state of the association."""
        self.state = state
        self._on_state()


def _ignore() -> None:
    """After the end nobody is told."""
