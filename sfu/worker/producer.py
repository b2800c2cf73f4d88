"""A producer: the streams that one peer publishes as one track, mapped into the router and handed to consumers."""

from collections.abc import Container
from typing import TYPE_CHECKING, Any, Protocol

from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, MappedBatch, MappedPacket
from sfu.rtp.packet import RtpHeader
from sfu.rtp.rtcp import Nack
from sfu.rtp.stream_recv import unwrap_rtx
from sfu.worker.errors import RefusedError
from sfu.worker.header_extensions import ExtensionMapper, abs_send_time
from sfu.worker.producer_stream import ProducerStream, is_rtx, retransmission_types, stream_codec
from sfu.worker.scores import producer_notice, producer_score, stream_scores
from sfu.worker.stream_table import StreamTable
from shared.rtp_parameters import MediaKind, RtpMapping, RtpParameters

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.voice import Voice

DEFAULT_RTT_S = 0.1
"""Round trip to a publisher before anything has measured it."""

MAX_HOLD_S = 0.002
"""How long packets of an unfinished frame wait for the rest of it. Sending a frame in one go costs a third of
sending its packets singly, and nobody can show a part of it; what does not come in time goes on without it."""


class ProducerParent(Protocol):
    """The transport, as a producer needs it."""

    def send_feedback(self, packet: Nack) -> None:
        """Send one RTCP feedback packet to the publisher."""

    def request_key_frame(self, ssrc: int, now: float) -> None:
        """Ask the publisher for a key frame of this stream, merged with other such requests."""

    def key_frame_received(self, ssrc: int) -> None:
        """Take note that a key frame has come, so that it is not asked for any more."""

    def forget_key_frame(self, ssrc: int) -> None:
        """Ask for no key frame of this stream any more, as none can come."""

    def batch_pending(self, producer: "Producer") -> None:
        """Have `flush` called at the end of this batch of datagrams."""

    def fault(self, reason: str) -> None:
        """Take note of the exception that is being handled."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""


class Producer:
    """One published track. Packets go in by `receive`; `flush` sends what came in to all consumers."""

    def __init__(
        self,
        producer_id: str,
        kind: MediaKind,
        producer_type: str,
        parameters: RtpParameters,
        mapping: RtpMapping,
        router_extension_ids: dict[str, int],
        parent: ProducerParent,
        *,
        paused: bool,
    ) -> None:
        self.id = producer_id
        self.kind = kind
        self.type = producer_type
        self.parameters = parameters
        self.paused = paused
        self.is_video = kind == "video"
        self.consumers: list[Consumer] = []
        self.extension_ids = {extension.uri: extension.id for extension in parameters.header_extensions}
        self.packets_discarded = 0
        self.voice: Voice | None = None  # given by the router to a producer of audio with levels
        self.is_left_out = False  # its voice is not among the loudest: nothing is forwarded for now
        self._parent = parent
        self._extensions = ExtensionMapper(
            parameters.header_extensions, router_extension_ids, is_video=self.is_video
        )
        mapped = {codec.payload_type: codec.mapped_payload_type for codec in mapping.codecs}
        self._codecs = {
            codec.payload_type: stream_codec(codec, mapped[codec.payload_type])
            for codec in parameters.codecs
            if not is_rtx(codec)
        }
        if not self._codecs:
            raise RefusedError("the producer has no media codec")
        self._rtx_types = retransmission_types(parameters)
        self._table = StreamTable(parameters, mapping, self._codecs, self._rtx_types)
        self._score_notice = producer_notice(producer_id, parent.notify)
        self._pending: list[ProducerStream] = []
        self._frame_is_whole = True
        self._held_since = 0.0

    @property
    def streams(self) -> list[ProducerStream]:
        """The streams that have been seen, in the order of the encodings."""
        return self._table.streams

    @property
    def uses_transport_cc(self) -> bool:
        """Whether the publisher wants transport-wide feedback for this track."""
        return any(codec.uses_transport_cc for codec in self._codecs.values())

    @property
    def uses_remb(self) -> bool:
        """Whether the publisher understands REMB for this track."""
        return any(codec.uses_remb for codec in self._codecs.values())

    def lacks_stream(self, payload_type: int) -> bool:
        """Whether a first stream of this payload type is still to come: of media, or of its retransmissions."""
        if payload_type in self._rtx_types:
            return any(stream.rtx_ssrc is None for stream in self.streams)
        return not self.streams

    # --- packets ---

    def receive(self, packet: memoryview, header: RtpHeader, length: int, now: float) -> None:
        """Take a packet of one of this producer's streams; it waits for `flush`."""
        stream = self._table.get(header.ssrc) or self._learn_stream(packet, header, now)
        if stream is None:
            self.packets_discarded += 1
            return
        repaired = header.ssrc == stream.rtx_ssrc
        if repaired:
            sequence_number = self._unwrap_retransmission(packet, header, stream, length, now)
        else:
            sequence_number = self._number(header, stream, length, now)
        codec = self._codecs.get(header.payload_type)
        if sequence_number is None or codec is None:
            self.packets_discarded += 1
            return
        if codec is not stream.codec:  # the publisher changes codecs within the stream
            self._interrupt(stream, now, new_clock=False)
            stream.codec = codec
        payload = packet[header.payload_start : header.payload_end]
        is_key_frame = codec.is_key_frame is not None and codec.is_key_frame(payload)
        nacks = stream.received.nack_generator
        if nacks is not None:
            nacks.received(sequence_number, is_key_frame, repaired, now)
        if payload:
            stream.received.last_media_at = now
        if is_key_frame:
            self._parent.key_frame_received(stream.ssrc)
        if self.paused:
            return
        if self.voice is not None and not self.voice.admits(packet, header, now):
            self._leave_out(stream, now)
            return
        self.is_left_out = False
        data = self._extensions.map_packet(packet, header, codec.mapped_payload_type, abs_send_time(now))
        if self.voice is not None:
            self.voice.heard(self._extensions.loudness, now)
        mapped = MappedPacket(data, sequence_number, header.timestamp, len(payload), is_key_frame)
        if not payload:
            self._skip(stream, mapped, now)
            return
        self._frame_is_whole = header.marker or repaired or not self.is_video
        self._enqueue(stream, mapped, now)

    def may_flush(self, now: float) -> bool:
        """Tell whether what waits goes on now: the frame is whole, or has waited long enough for its rest."""
        return self._frame_is_whole or now >= self.hold_until

    @property
    def hold_until(self) -> float:
        """When what waits goes on in any case."""
        return self._held_since + MAX_HOLD_S

    def flush(self, now: float) -> None:
        """Hand what came in since the last time to the consumers."""
        pending, self._pending = self._pending, []
        for stream in pending:
            batch = MappedBatch(stream.pending, is_video=self.is_video)
            stream.pending = []
            for consumer in self.consumers:
                try:
                    consumer.deliver(stream, batch, now)
                except Exception:  # a bug of ours that this consumer has found; the others are not to suffer
                    self._parent.fault("deliver_fault")

    def _enqueue(self, stream: ProducerStream, mapped: MappedPacket, now: float) -> None:
        if stream.store is not None:
            stream.store.add(mapped.sequence_number, mapped.data, now)
        if not self._pending:
            self._held_since = now
            self._parent.batch_pending(self)
        if not stream.pending:
            self._pending.append(stream)
        stream.pending.append(mapped)
        if len(stream.pending) >= MAX_BATCH_PACKETS:
            self.flush(now)

    def _skip(self, stream: ProducerStream, mapped: MappedPacket, now: float) -> None:
        """Let nobody miss a packet of padding only, such as browsers probe with: nobody gets it.

        One that comes late has left a gap in the numbers of those behind it: it goes on, empty, to fill that.
        """
        self.flush(now)  # what came before it is numbered before it
        if mapped.sequence_number == stream.received.highest:
            for consumer in self.consumers:
                consumer.skip(stream, mapped.sequence_number)
            return
        if stream.store is not None:
            stream.store.add(mapped.sequence_number, mapped.data, now)
        batch = MappedBatch([mapped], is_video=self.is_video)
        for consumer in self.consumers:
            consumer.fill(stream, batch, now)

    def _leave_out(self, stream: ProducerStream, now: float) -> None:
        """Forward no more of a voice that is not among the loudest, until it is; consumers begin anew then."""
        if not self.is_left_out:
            self.is_left_out = True
            self._interrupt(stream, now, new_clock=False)

    def _unwrap_retransmission(
        self, packet: memoryview, header: RtpHeader, stream: ProducerStream, length: int, now: float
    ) -> int | None:
        """Make a retransmission the packet that it repeats; its number, `None` when nobody needs it."""
        if self._rtx_types.get(header.payload_type) != stream.codec.payload_type:
            return None
        received = stream.received_retransmissions().receive(header.sequence_number, 0, length, now)
        if received is None:
            return None
        try:
            original, skipped = unwrap_rtx(packet[header.payload_start : header.payload_end])
        except ValueError:
            return None
        sequence_number = stream.received.receive_rtx(original)
        header.payload_type = stream.codec.payload_type
        header.sequence_number = original
        header.payload_start += skipped
        return sequence_number

    def _number(self, header: RtpHeader, stream: ProducerStream, length: int, now: float) -> int | None:
        """Unwrap the sequence number of a packet of the stream itself; `None` when it is to be dropped."""
        if header.payload_type not in self._codecs:
            return None
        received = stream.received
        restarts = received.restarts
        number = received.receive(header.sequence_number, header.timestamp, length, now)
        if received.restarts != restarts:
            self._interrupt(stream, now, new_clock=True)
        return number

    def _interrupt(self, stream: ProducerStream, now: float, *, new_clock: bool) -> None:
        """Have consumers begin anew with a stream, after what came of it before."""
        self.flush(now)
        for consumer in self.consumers:
            consumer.interrupt(stream, new_clock=new_clock)

    def _learn_stream(self, packet: memoryview, header: RtpHeader, now: float) -> ProducerStream | None:
        self.flush(now)  # before a stream that this one may take the place of is gone
        before = list(self.streams)
        stream = self._table.learn(packet, header)
        for gone in before:
            if gone not in self.streams:
                self._parent.forget_key_frame(gone.ssrc)
        return stream

    # --- measuring ---

    def measure(self, now: float) -> None:
        """Work out the scores of the streams and how long to keep packets; call it about once a second."""
        rtt_s = max((consumer.sent.rtt_s or 0 for consumer in self.consumers), default=0)
        for stream in self.streams:
            if stream.store is not None:
                stream.store.serve_round_trip(rtt_s)
            if self.paused:
                stream.received.hold_score(now)
            else:
                stream.received.update_score(now)

    def check_silence(self, now: float) -> None:
        """Let the scores of streams fall that have become silent."""
        if not self.paused:
            for stream in self.streams:
                stream.received.check_silence(now)

    def tell_score(self, now: float) -> None:
        """Tell the control process how well the streams come in, if that has changed."""
        self._score_notice.tell(stream_scores(self), lambda: producer_score(self), now)

    def end_streams(self, ssrcs: Container[int], now: float) -> None:
        """The publisher has taken leave of some streams (BYE, RFC 3550 6.6); it may take them up again."""
        for stream in self.streams:
            if stream.ssrc in ssrcs:
                stream.received.end(now)
                self._parent.forget_key_frame(stream.ssrc)
                self.tell_score(now)
                for consumer in self.consumers:
                    consumer.tell_score(now)

    # --- control ---

    def pause(self) -> None:
        """Stop forwarding at once."""
        self.paused = True
        self._drop_pending()
        if self.voice is not None:
            self.voice.fall_silent()
        for stream in self.streams:
            self._parent.forget_key_frame(stream.ssrc)
        for consumer in self.consumers:
            consumer.producer_paused()

    def resume(self, now: float) -> None:
        """Forward again, from the next key frame on."""
        self.paused = False
        for consumer in self.consumers:
            consumer.start(now)

    def close(self) -> None:
        """Let go of everything; the consumers are closed by who owns them."""
        self._drop_pending()
        self.consumers.clear()

    def request_key_frame(self, now: float) -> None:
        """Ask the publisher for a key frame of every stream that somebody watches."""
        for stream in self.streams:
            self.request_key_frame_of(stream, now)

    def request_key_frame_of(self, stream: ProducerStream, now: float) -> None:
        """Ask the publisher for a key frame of one stream, if it takes such requests and sends at all."""
        if (stream.codec.uses_pli or stream.codec.uses_fir) and not self.paused:
            self._parent.request_key_frame(stream.ssrc, now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        soonest = None
        for stream in self._table.streams:
            generator = stream.received.nack_generator
            when = generator.next_timeout() if generator is not None else None
            if when is not None and (soonest is None or when < soonest):
                soonest = when
        return soonest

    def handle_timeout(self, now: float) -> None:
        """Ask the publisher for what is missing."""
        for stream in self.streams:
            generator = stream.received.nack_generator
            if generator is None:
                continue
            lost = generator.due(now, stream.received.round_trip.rtt_s or DEFAULT_RTT_S)
            if lost and not self.paused:
                stream.received.nack_count += 1
                stream.received.nack_packet_count += len(lost)
                self._parent.send_feedback(Nack(0, stream.ssrc, tuple(number & 0xFFFF for number in lost)))
            if generator.take_key_frame_request():
                self.request_key_frame_of(stream, now)

    def _drop_pending(self) -> None:
        for stream in self._pending:
            stream.pending = []
        self._pending = []
