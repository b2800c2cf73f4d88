"""A producer of another worker, as the consumers of this one see it."""

from typing import Protocol

from sfu.worker.pipe_records import Interruption, PipedPacket, Report, State
from sfu.worker.producer import Producer
from sfu.worker.producer_parent import ProducerParent
from sfu.worker.producer_stream import ProducerStream, StreamCodec
from shared.rtp_parameters import MediaKind, RtpMapping, RtpParameters


class PipedParent(ProducerParent, Protocol):
    """The pipe, as its producer needs it."""

    def demand_changed(self) -> None:
        """Take note that the consumers may want more or less than before."""


class PipedProducer(Producer):
    """A producer whose packets come numbered, repaired and admitted from the worker that has its transport.

    That worker alone speaks to the publisher, counts what got lost and judges who is loud enough to be heard.
    """

    def __init__(
        self,
        producer_id: str,
        kind: MediaKind,
        producer_type: str,
        parameters: RtpParameters,
        mapping: RtpMapping,
        router_extension_ids: dict[str, int],
        parent: PipedParent,
        *,
        paused: bool,
    ) -> None:
        super().__init__(
            producer_id, kind, producer_type, parameters, mapping, router_extension_ids, parent, paused=paused
        )
        self._pipe = parent
        self._scores: dict[int, int] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether any consumer wants packets."""
        return any(not consumer.paused for consumer in self.consumers)

    def receive_piped(self, packet: PipedPacket, record: memoryview, now: float) -> None:
        """Take a packet that lies in `record`; it waits for `flush`."""
        index, header, number, is_key_frame = packet
        codec = self._codecs.get(header.payload_type)
        if codec is None:
            self.packets_discarded += 1
            return
        stream = self._table.get(header.ssrc) or self._place_stream(index, header.ssrc, codec, now)
        if stream is None:
            self.packets_discarded += 1
            return
        if codec is not stream.codec:
            self._interrupt(stream, codec, now)
        size = header.payload_end - header.extension_start
        stream.received.follow(number, size, now)
        if header.payload_end > header.payload_start and stream.media_came(now):
            self.layering.look_again()
        if is_key_frame:
            self._parent.key_frame_received(stream.ssrc)
        if not self.paused:
            self._forward(record, header, number, stream, is_key_frame, now)

    def receive_interruption(self, interruption: Interruption, now: float) -> None:
        """Have consumers begin anew with a stream."""
        stream = self._stream(interruption.encoding)
        if stream is not None:
            self.is_left_out = interruption.left_out
            stream.received.restarts = interruption.restarts
            self._interrupt(stream, stream.codec, now)

    def receive_clock(self, report: Report) -> None:
        """Take what the publisher has told of its clock."""
        stream = self._stream(report.encoding)
        if stream is not None:
            stream.received.last_sender_report = report.clock

    def receive_state(self, state: State, now: float) -> None:
        """Follow the producer in being paused or not, and in how well it comes in."""
        self._scores = state.scores
        for stream in self.streams:
            self._take_score(stream, now)
        if state.paused is not self.paused:
            (self.pause if state.paused else self.resume)(now)

    def measure(self, now: float) -> None:
        """Work out how long to keep packets; call it about once a second."""
        rtt_s = max((consumer.sent.rtt_s or 0 for consumer in self.consumers), default=0)
        for stream in self.streams:
            stream.views.keep_for(rtt_s)
        if not self.paused and self.layering.review(now):
            self._layers_changed(now)

    def want(self, spatial: int) -> None:
        """See `Producer`."""
        super().want(spatial)
        self._pipe.demand_changed()

    def want_less(self) -> None:
        """See `Producer`."""
        super().want_less()
        self._pipe.demand_changed()

    def _take_score(self, stream: ProducerStream, now: float) -> None:
        if (score := self._scores.get(stream.index)) is not None:
            stream.received.follow_score(score, now)

    def _stream(self, index: int) -> ProducerStream | None:
        return next((stream for stream in self.streams if stream.index == index), None)

    def _place_stream(self, index: int, ssrc: int, codec: StreamCodec, now: float) -> ProducerStream | None:
        self.flush(now)
        gone = self._stream(index)
        stream = self._table.place(index, ssrc, codec)
        if stream is None:
            return None
        if gone is not None:
            self._parent.forget_key_frame(gone.ssrc)
        self._take_score(stream, now)
        stream.media_came(now)
        self.want_less()
        if self.layering.review(now, at_once=True):
            self._layers_changed(now)
        return stream
