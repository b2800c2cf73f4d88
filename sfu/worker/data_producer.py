"""A data producer: the messages that a peer sends on one of its data channels."""

from typing import TYPE_CHECKING

from shared.sctp_stream_parameters import SctpStreamParameters

if TYPE_CHECKING:
    from sfu.worker.data_consumer import DataConsumer


class DataProducer:
    """One channel of a publisher, and the consumers of it. It goes by `parameters.stream_id`."""

    def __init__(
        self, producer_id: str, parameters: SctpStreamParameters, label: str, protocol: str, *, paused: bool
    ) -> None:
        self.id = producer_id
        self.parameters = parameters
        self.label = label
        self.protocol = protocol
        self.paused = paused
        self.consumers: list[DataConsumer] = []
        self.messages_received = 0
        self.bytes_received = 0

    def receive(self, ppid: int, message: bytes) -> int:
        """Hand a message of the publisher to all consumers; how many there are."""
        self.messages_received += 1
        self.bytes_received += len(message)
        if self.paused:
            return 0
        consumers = tuple(self.consumers)  # one that cannot keep up is closed meanwhile
        for consumer in consumers:
            consumer.deliver(ppid, message)
        return len(consumers)
