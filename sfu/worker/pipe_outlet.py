"""The producer's end of a pipe: what comes in here goes to another worker, while somebody there wants it."""

from typing import TYPE_CHECKING, Protocol

from sfu.rtp.packet import RtpHeader
from sfu.worker import pipe_records as records
from sfu.worker.pipe_records import Demand, Interruption, Report, SenderClock, State
from sfu.worker.producer import Producer

if TYPE_CHECKING:
    from sfu.worker.producer_stream import ProducerStream


class OutletParent(Protocol):
    """The link to the other worker, as an outlet needs it."""

    def send_media(self, record: bytearray, packets: int) -> bool:
        """Send a record with so many packets, or drop it if the other worker does not keep up."""

    def post(self, record: bytes) -> None:
        """Send a record that is not to be lost."""

    def outlet_closed(self, outlet: "PipeOutlet") -> None:
        """Take note that an outlet is gone."""


class PipeOutlet:
    """Implements `Outlet` for one producer and one other worker; sends a record for what comes at one moment.

    What is dropped, because the other worker does not keep up, is not mourned: consumers there begin anew after
    it, as they do whenever packets begin to flow.
    """

    def __init__(self, number: int, producer: Producer, parent: OutletParent) -> None:
        self.number = number
        self.flowing = False
        self._producer = producer
        self._parent = parent
        self._spatial: int | None = producer.layering.spatial_layers - 1
        self._record = records.begin_media(number)
        self._packets = 0
        self._broken = False
        self._told_clocks: dict[int, SenderClock | None] = {}
        self._told_state: State | None = None
        producer.outlets.add(self)
        self.tell_state()

    @property
    def wanted_spatial(self) -> int | None:
        """See `Outlet`."""
        return self._spatial

    # --- from the producer ---

    def take(
        self, stream: "ProducerStream", packet: memoryview, header: RtpHeader, number: int, *, is_key_frame: bool
    ) -> None:
        """See `Outlet`."""
        size = records.MAX_HEAD_BYTES + header.payload_end - header.extension_start
        if len(self._record) + size > records.MAX_RECORD_BYTES:
            self.flush()
        if self._broken:
            self._begin_anew()
        records.add_packet(
            self._record, stream.index, stream.ssrc, packet, header, number, is_key_frame=is_key_frame
        )
        self._packets += 1

    def flush(self) -> None:
        """See `Outlet`."""
        if not self._packets:
            return
        for stream in self._producer.streams:
            clock = stream.received.last_sender_report
            if clock != self._told_clocks.get(stream.index):
                self._told_clocks[stream.index] = clock
                records.add_report(self._record, Report(stream.index, clock))
        self._send()

    def interrupt(self, stream: "ProducerStream", *, left_out: bool) -> None:
        """See `Outlet`."""
        self._add_interruption(stream, left_out=left_out)
        self._send()

    def tell_state(self) -> None:
        """See `Outlet`."""
        producer = self._producer
        state = State(producer.paused, {stream.index: stream.received.score for stream in producer.streams})
        if state != self._told_state:
            self._told_state = state
            if producer.paused:
                self._discard()
            self._parent.post(records.write_state(self.number, state))

    def close(self) -> None:
        """See `Outlet`; safe to call twice."""
        self.flowing = False
        self._producer.outlets.remove(self)
        self._parent.outlet_closed(self)

    # --- from the other worker ---

    def receive_demand(self, demand: Demand) -> None:
        """Send, or send no more; have the publisher told which layers are wanted."""
        if demand.flowing is not self.flowing:
            self.flowing = self._broken = demand.flowing
            self._discard()
            self._producer.outlets.flow_changed()
        self._spatial = demand.spatial
        if demand.flowing and demand.spatial is not None:
            self._producer.want(demand.spatial)
        self._producer.want_less()

    def receive_key_frame_request(self, ssrc: int, now: float) -> None:
        """Have the publisher asked for a key frame."""
        for stream in self._producer.streams:
            if stream.ssrc == ssrc:
                self._producer.request_key_frame_of(stream, now)

    # --- records ---

    def _begin_anew(self) -> None:
        self._broken = False
        self._told_clocks = {}
        for stream in self._producer.streams:
            self._add_interruption(stream, left_out=False)

    def _add_interruption(self, stream: "ProducerStream", *, left_out: bool) -> None:
        interruption = Interruption(stream.index, left_out, stream.received.restarts & 0xFFFFFFFF)
        records.add_interruption(self._record, interruption)

    def _send(self) -> None:
        if not self._parent.send_media(self._record, self._packets):
            self._broken = True
        self._discard()

    def _discard(self) -> None:
        self._record = records.begin_media(self.number)
        self._packets = 0
