"""A producer: the streams that one peer publishes as one track, mapped into the router and handed to consumers."""

from collections.abc import Container
from typing import TYPE_CHECKING

from sfu.rtp.layer_view import emptied
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, MappedPacket
from sfu.rtp.packet import RtpHeader
from sfu.rtp.rtcp import Nack
from sfu.worker.errors import RefusedError
from sfu.worker.header_extensions import ExtensionMapper, abs_send_time
from sfu.worker.layering import Layering
from sfu.worker.outlets import Outlets
from sfu.worker.producer_parent import ProducerParent
from sfu.worker.producer_stream import ProducerStream, StreamCodec, media_codecs, retransmission_types
from sfu.worker.scores import producer_notice, producer_score, stream_scores
from sfu.worker.stream_table import StreamTable
from sfu.worker.wanted_layers import WantedLayers
from shared.rtp_parameters import MediaKind, RtpMapping, RtpParameters

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.voice import Voice

DEFAULT_RTT_S = 0.1
"""Round trip to a publisher before anything has measured it."""

MAX_HOLD_S = 0.002
"""How long packets of an unfinished frame wait for the rest of it. Sending a frame in one go costs a third of
sending its packets singly, and nobody can show a part of it; what does not come in time goes on without it."""


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
        self.outlets = Outlets()
        self._parent = parent
        self._extensions = ExtensionMapper(
            parameters.header_extensions, router_extension_ids, is_video=self.is_video
        )
        self._codecs = media_codecs(parameters, mapping)
        if not self._codecs:
            raise RefusedError("the producer has no media codec")
        self._rtx_types = retransmission_types(parameters)
        self._table = StreamTable(parameters, mapping, self._codecs, self._rtx_types)
        self.layering = Layering(producer_type, parameters, self._table.streams)
        self._wanted = WantedLayers(self.layering.spatial_layers)
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
        if repaired and self._rtx_types.get(header.payload_type) == stream.codec.payload_type:
            sequence_number = stream.unwrap_retransmission(packet, header, length, now)
        else:
            sequence_number = None if repaired else self._number(header, stream, length, now)
        codec = self._codecs.get(header.payload_type)
        if sequence_number is None or codec is None:
            self.packets_discarded += 1
            return
        if codec is not stream.codec:  # the publisher changes codecs within the stream
            self._interrupt(stream, codec, now)
        payload = packet[header.payload_start : header.payload_end]
        is_key_frame = codec.is_key_frame is not None and codec.is_key_frame(payload)
        nacks = stream.received.nack_generator
        if nacks is not None:
            nacks.received(sequence_number, is_key_frame, repaired, now)
        if payload and stream.media_came(now):
            self.layering.look_again()
        if is_key_frame:
            self._parent.key_frame_received(stream.ssrc)
        if self.paused:
            return
        if self.voice is not None and not self.voice.admits(packet, header, now):
            self._leave_out(stream, now)
            return
        if self.outlets.flowing:
            self.outlets.take(stream, packet, header, sequence_number, is_key_frame=is_key_frame)
        if self._forward(packet, header, sequence_number, stream, is_key_frame, now) and payload:
            self._frame_is_whole = header.marker or repaired or not self.is_video

    def _forward(
        self,
        packet: memoryview,
        header: RtpHeader,
        sequence_number: int,
        stream: ProducerStream,
        is_key_frame: bool,
        now: float,
    ) -> bool:
        """Have a packet wait for `flush`; false if nobody is to get it."""
        self.is_left_out = False
        mapped = self._map(packet, header, sequence_number, stream, is_key_frame, now)
        if mapped is None:
            return False
        self._enqueue(stream, mapped, now)
        return True

    def _map(
        self,
        packet: memoryview,
        header: RtpHeader,
        sequence_number: int,
        stream: ProducerStream,
        is_key_frame: bool,
        now: float,
    ) -> MappedPacket | None:
        """Rewrite a packet into the router's numbering; `None` if nobody is to get it.

        Nobody gets packets of padding only, such as browsers probe with. One that comes late has left a gap in the
        numbers of those behind it: it goes on, empty, to fill that.
        """
        views, payload = stream.views, packet[header.payload_start : header.payload_end]
        data = self._extensions.map_packet(packet, header, stream.codec.mapped_payload_type, abs_send_time(now))
        if self.voice is not None:
            self.voice.heard(self._extensions.loudness, now)
        number = views.number(sequence_number) if payload else views.leave_out(sequence_number)
        if number is None:
            return None
        mapped = MappedPacket(data, number, header.timestamp, len(payload), is_key_frame)
        if not payload:
            return emptied(mapped, number)
        layers = mapped.layers = views.read(payload, self._extensions.descriptor, is_key_frame)
        if layers is None:
            views.rates.count(0, 0, len(data))
        else:
            mapped.picture = layers.picture
            views.rates.count(layers.spatial, layers.temporal, len(data))
        return mapped

    def may_flush(self, now: float) -> bool:
        """Tell whether what waits goes on now: the frame is whole, or has waited long enough for its rest."""
        return self._frame_is_whole or now >= self.hold_until

    @property
    def hold_until(self) -> float:
        """When what waits goes on in any case."""
        return self._held_since + MAX_HOLD_S

    def flush(self, now: float) -> None:
        """Hand what came in since the last time to the consumers."""
        self.outlets.flush()
        pending, self._pending = self._pending, []
        if pending and self.layering.review(now):
            self._layers_changed(now)
        for stream in pending:
            packets, stream.pending = stream.pending, []
            stream.views.take(packets, now, is_video=self.is_video)
            for consumer in stream.views.send_lanes(self._parent.send_lanes, self._parent.fault, now):
                try:
                    consumer.deliver(stream, now)
                except Exception:  # a bug of ours that this consumer has found; the others are not to suffer
                    self._parent.fault("deliver_fault")
            stream.views.taken()

    def _enqueue(self, stream: ProducerStream, mapped: MappedPacket, now: float) -> None:
        if not self._pending:
            self._held_since = now
            self._parent.batch_pending(self)
        if not stream.pending:
            self._pending.append(stream)
        stream.pending.append(mapped)
        if len(stream.pending) >= MAX_BATCH_PACKETS:
            self.flush(now)

    def _leave_out(self, stream: ProducerStream, now: float) -> None:
        """Forward no more of a voice that is not among the loudest, until it is; consumers begin anew then."""
        if not self.is_left_out:
            self.is_left_out = True
            self._interrupt(stream, stream.codec, now)

    def _number(self, header: RtpHeader, stream: ProducerStream, length: int, now: float) -> int | None:
        """Unwrap the sequence number of a packet of the stream itself; `None` when it is to be dropped."""
        if header.payload_type not in self._codecs:
            return None
        received = stream.received
        restarts = received.restarts
        number = received.receive(header.sequence_number, header.timestamp, length, now)
        if received.restarts != restarts:
            self._interrupt(stream, stream.codec, now)
        return number

    def _interrupt(self, stream: ProducerStream, codec: StreamCodec, now: float) -> None:
        """Have consumers begin anew with a stream, after what came of it before."""
        self.flush(now)
        followers = stream.views.followers
        stream.renew(codec)
        self.outlets.interrupt(stream, left_out=self.is_left_out)
        for consumer in followers:
            consumer.interrupt(stream, now)

    def _learn_stream(self, packet: memoryview, header: RtpHeader, now: float) -> ProducerStream | None:
        self.flush(now)  # before a stream that this one may take the place of is gone
        before = list(self.streams)
        stream = self._table.learn(packet, header)
        for gone in before:
            if gone not in self.streams:
                self._parent.forget_key_frame(gone.ssrc)
        if stream is not None and stream not in before:
            stream.media_came(now)
            self.want_less()
            if self.layering.review(now, at_once=True):
                self._layers_changed(now)
        return stream

    # --- layers ---

    def _layers_changed(self, now: float) -> None:
        for consumer in list(self.consumers):
            consumer.layers_changed(now)

    def want(self, spatial: int) -> None:
        """A consumer wants the layers up to this one, if there are such; the publisher hears of it at once."""
        spatial = min(spatial, self.layering.spatial_layers - 1)
        if self._wanted.raised(spatial):
            self.layering.expect(self._parent.time())
            self._tell_wanted(spatial)

    def want_less(self) -> None:
        """A consumer wants less than before; the publisher hears of it if that lasts."""
        if self.is_video:
            self._parent.wake_at(self._wanted.lowered(self._parent.time()))

    def _settle_wanted(self, now: float) -> None:
        when = self._wanted.next_timeout()
        if when is None or now < when:
            return
        wanted = [each.preferred.spatial for each in self.consumers if not each.paused]
        highest = max(wanted + self.outlets.wanted_layers, default=None)
        spatial = highest if highest is None else min(highest, self.layering.spatial_layers - 1)
        if self._wanted.settle(spatial):
            self._tell_wanted(spatial)

    def _tell_wanted(self, spatial: int | None) -> None:
        if self.is_video:
            self._parent.notify("producer.wantedLayers", {"producerId": self.id, "spatialLayer": spatial})

    # --- measuring ---

    def measure(self, now: float) -> None:
        """Work out the scores of the streams and how long to keep packets; call it about once a second."""
        rtt_s = max((consumer.sent.rtt_s or 0 for consumer in self.consumers), default=0)
        for stream in self.streams:
            stream.views.keep_for(rtt_s)
            if self.paused:
                stream.received.hold_score(now)
            else:
                stream.received.update_score(now)

    def check_silence(self, now: float) -> None:
        """Let the scores of streams fall that have become silent."""
        if not self.paused:
            if self.layering.review(now):
                self._layers_changed(now)
            for stream in self.streams:
                stream.received.check_silence(now)

    def tell_score(self, now: float) -> None:
        """Tell the control process how well the streams come in, if that has changed."""
        self._score_notice.tell(stream_scores(self), lambda _: producer_score(self), now)
        self.outlets.tell_state()

    def end_streams(self, ssrcs: Container[int], now: float) -> None:
        """The publisher has taken leave of some streams (BYE, RFC 3550 6.6); it may take them up again."""
        for stream in self.streams:
            if stream.ssrc in ssrcs:
                stream.received.end(now)
                self._parent.forget_key_frame(stream.ssrc)
                self.tell_score(now)
                for consumer in self.consumers:
                    consumer.tell_score(now)
        if self.layering.review(now, at_once=True):
            self._layers_changed(now)

    # --- control ---

    def pause(self, now: float) -> None:
        """Stop forwarding at once."""
        self.paused = True
        self._drop_pending()
        if self.voice is not None:
            self.voice.fall_silent()
        for stream in self.streams:
            self._parent.forget_key_frame(stream.ssrc)
        self.outlets.tell_state()
        for consumer in self.consumers:
            consumer.producer_paused(now)

    def resume(self, now: float) -> None:
        """Forward again, from the next key frame on."""
        self.paused = False
        self.outlets.tell_state()
        for consumer in self.consumers:
            consumer.producer_resumed(now)

    def close(self) -> None:
        """Let go of everything; the consumers are closed by who owns them."""
        self._drop_pending()
        self.outlets.close()
        self.consumers.clear()

    def request_key_frame_of(self, stream: ProducerStream, now: float) -> None:
        """Ask the publisher for a key frame of one stream, if it takes such requests and sends at all."""
        if (stream.codec.uses_pli or stream.codec.uses_fir) and not self.paused:
            self._parent.request_key_frame(stream.ssrc, now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        soonest = self._wanted.next_timeout()
        for stream in self._table.streams:
            generator = stream.received.nack_generator
            when = generator.next_timeout() if generator is not None else None
            if when is not None and (soonest is None or when < soonest):
                soonest = when
        return soonest

    def handle_timeout(self, now: float) -> None:
        """Ask the publisher for what is missing; tell it what is watched."""
        self._settle_wanted(now)
        for stream in self.streams:
            generator = stream.received.nack_generator
            if generator is None:
                continue
            lost = generator.due(now, stream.received.round_trip.rtt_s or DEFAULT_RTT_S)
            if lost and not self.paused:
                stream.received.nack_count += 1
                stream.received.nack_packet_count += len(lost)
                self._parent.send_feedback(Nack(0, stream.ssrc, tuple(number & 0xFFFF for number in lost)))
            if generator.take_key_frame_request() and (stream.views.followers or self.outlets.flowing):
                self.request_key_frame_of(stream, now)

    def _drop_pending(self) -> None:
        for stream in self._pending:
            stream.pending = []
        self._pending = []
