"""The consumers' end of a pipe: a producer of another worker, and what is told to that worker about it."""

from typing import Any, Protocol

from sfu.rtp.key_frame_requests import RETRY_S, KeyFrameRequests
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.rtp.rtcp import Nack
from sfu.worker import pipe_records as records
from sfu.worker.pipe_records import Demand, Interruption, PipedPacket, Report
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.producer import Producer

TICK_S = 1.0
"""Between measurements, as of producers that have a transport."""

_NEVER = float("inf")


class InletLink(Protocol):
    """The link to the other worker, as an inlet needs it."""

    def post(self, record: bytes) -> None:
        """Send a record that is not to be lost."""

    def inlet_closed(self, inlet: "PipeInlet") -> None:
        """Take note that an inlet is gone."""


class InletParent(Protocol):
    """The worker, as an inlet needs it."""

    def wake_at(self, whom: "PipeInlet", when: float | None) -> None:
        """Have `handle_timeout` called at `when`, at the latest; `None`: not any more."""

    def time(self) -> float:
        """Read the clock."""

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch to many peers; returns the lanes that it could not be sent by."""

    def fault(self, reason: str) -> None:
        """Take note of the exception that is being handled."""


class PipeInlet:
    """Implements `PipedParent`: to its producer it is what a transport is to others.

    Packets are wanted from the first consumer on that is not paused until none is left. Key frames are asked for
    once for all consumers; the other worker merges that with what its own want.
    """

    def __init__(self, number: int, link: InletLink, parent: InletParent) -> None:
        self.number = number
        self.producer: PipedProducer
        self._link = link
        self._parent = parent
        self._key_frames = KeyFrameRequests(min_interval_s=0.0, retry_s=RETRY_S)
        self._spatial: int | None = None
        self._told = Demand(flowing=False, spatial=None)
        self._next_tick = _NEVER
        self._armed_at = _NEVER
        self._closed = False

    def feed(self, producer: PipedProducer) -> None:
        """Be the pipe of this producer, which was made with this inlet as its parent."""
        self.producer = producer
        self._spatial = producer.layering.spatial_layers - 1

    def close(self) -> None:
        """Close the producer, and let go of it. Its consumers are closed before, by who owns them."""
        self._closed = True
        self.producer.close()
        self._link.inlet_closed(self)
        self._parent.wake_at(self, None)
        del self.producer  # both, and the packets it keeps, are freed without the collector

    # --- from the other worker ---

    def receive_media(self, record: memoryview, now: float) -> int:
        """Take packets and what belongs between them, and hand them to the consumers; how many packets there were.

        Raises:
            ValueError: the record is malformed; what came before that in it counts.
        """
        producer, packets = self.producer, 0
        try:
            for entry in records.read_media(record):
                match entry:
                    case PipedPacket():
                        packets += 1
                        producer.receive_piped(entry, record, now)
                    case Interruption():
                        producer.receive_interruption(entry, now)
                    case Report():
                        producer.receive_clock(entry)
        finally:
            producer.flush(now)
        return packets

    def receive_state(self, record: memoryview, now: float) -> None:
        """Follow the producer.

        Raises:
            ValueError: the record is malformed.
        """
        self.producer.receive_state(records.read_state(record), now)

    # --- from the producer ---

    def demand_changed(self) -> None:
        """Tell the other worker whether packets are wanted, if that has changed."""
        if self._closed:
            return
        demand = Demand(self.producer.is_wanted, self._spatial)
        if demand == self._told:
            return
        if demand.flowing and not self._told.flowing:
            self._begin()
        self._told = demand
        self._link.post(records.write_demand(self.number, demand))

    def send_feedback(self, packet: Nack) -> None:
        """See `ProducerParent`: the other worker sees what is missing by itself."""

    def request_key_frame(self, ssrc: int, now: float) -> None:
        """See `ProducerParent`."""
        if self._key_frames.request(ssrc, now):
            self._link.post(records.write_key_frame_request(self.number, ssrc))
        self._arm()

    def key_frame_received(self, ssrc: int) -> None:
        """See `ProducerParent`."""
        self._key_frames.received(ssrc)

    def forget_key_frame(self, ssrc: int) -> None:
        """See `ProducerParent`."""
        self._key_frames.forget(ssrc)

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """See `ProducerParent`."""
        return self._parent.send_lanes(batch, groups)

    def batch_pending(self, producer: Producer) -> None:
        """See `ProducerParent`: each record is flushed at its end."""

    def fault(self, reason: str) -> None:
        """See `ProducerParent`."""
        self._parent.fault(reason)

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """See `ProducerParent`: which layers are wanted is the other worker's to tell, with all that it knows."""
        if event == "producer.wantedLayers":
            self._spatial = data["spatialLayer"]
            self.demand_changed()

    def time(self) -> float:
        """See `ProducerParent`."""
        return self._parent.time()

    def wake_at(self, when: float) -> None:
        """See `ProducerParent`."""
        self._arm_at(when)

    # --- time ---

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self._armed_at = _NEVER
        self.producer.handle_timeout(now)
        for ssrc in self._key_frames.due(now):
            self._link.post(records.write_key_frame_request(self.number, ssrc))
        if now >= self._next_tick:
            self._next_tick = now + TICK_S if self._told.flowing else _NEVER
            self.producer.measure(now)
        self._arm()

    def _begin(self) -> None:
        now = self._parent.time()
        self.producer.layering.expect(now)
        self._next_tick = now + TICK_S
        self._arm()

    def _arm(self) -> None:
        if self._closed:
            return
        due = (self.producer.next_timeout(), self._key_frames.next_timeout(), self._next_tick)
        self._arm_at(min(when for when in due if when is not None))

    def _arm_at(self, when: float) -> None:
        if when < self._armed_at and not self._closed:
            self._armed_at = when
            self._parent.wake_at(self, when)
