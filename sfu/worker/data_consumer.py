"""A data consumer: the messages of a data producer, on a data channel of another peer."""

from typing import Protocol

from sfu.worker.data_producer import DataProducer
from sfu.worker.ports import DataLink
from shared.sctp_stream_parameters import SctpStreamParameters


class DataConsumerParent(Protocol):
    """The worker's table of data objects, as a consumer needs it."""

    def overflowed(self, consumer: "DataConsumer") -> None:
        """Close a reliable consumer whose peer does not keep up."""

    def fault(self, reason: str) -> None:
        """Take note of the exception that is being handled."""


class DataConsumer:
    """Sends what its producer receives. `messages_dropped` counts what an unreliable one had no room for."""

    def __init__(
        self,
        consumer_id: str,
        producer: DataProducer,
        parameters: SctpStreamParameters,
        link: DataLink,
        parent: DataConsumerParent,
        *,
        paused: bool,
    ) -> None:
        self.id = consumer_id
        self.producer = producer
        self.parameters = parameters
        self.paused = paused
        self.messages_sent = 0
        self.messages_dropped = 0
        self.bytes_sent = 0
        self._link = link
        self._parent = parent

    @property
    def buffered_amount(self) -> int:
        """Bytes of messages that wait to be sent."""
        return self._link.buffered(self.parameters.stream_id)

    def deliver(self, ppid: int, message: bytes) -> None:
        """Send a message, unless paused or out of reach. A bug of ours in here is not to harm other consumers."""
        if self.paused or not self._link.connected:
            return
        try:
            self._send(ppid, message)
        except Exception:
            self._parent.fault("data_deliver_fault")

    def _send(self, ppid: int, message: bytes) -> None:
        parameters = self.parameters
        if self._link.send(
            parameters.stream_id,
            ppid,
            message,
            ordered=parameters.ordered,
            lifetime_ms=parameters.max_packet_life_time,
            max_retransmits=parameters.max_retransmits,
        ):
            self.messages_sent += 1
            self.bytes_sent += len(message)
        elif parameters.is_reliable:
            self._parent.overflowed(self)
        else:
            self.messages_dropped += 1

    def close(self) -> None:
        """Send no more, and let the peer know that the channel is closed."""
        self.paused = True
        self._link.reset_stream(self.parameters.stream_id)
