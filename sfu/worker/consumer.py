"""A consumer: one producer's track on its way to one peer, under the consumer's own SSRC and numbers."""

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from sfu.rtp.layers import MAX_LAYER, LayerOption, Layers
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers, mid_element
from sfu.rtp.rtcp import ReportBlock, SenderReport
from sfu.rtp.seq_manager import SeqManager
from sfu.rtp.stream_send import SendStream
from sfu.worker.ports import Sender
from sfu.worker.producer_stream import is_rtx, retransmission_types
from sfu.worker.retransmitter import Retransmitter
from sfu.worker.scores import consumer_notice, consumer_score, consumer_scores
from shared.rtp_parameters import RtpParameters, uris

if TYPE_CHECKING:
    from sfu.worker.producer import Producer
    from sfu.worker.producer_stream import ProducerStream

STREAM_SILENCE_S = 2.0
"""A stream that has been silent for so long is given up for a lower one."""

MAX_INITIAL_SEQUENCE = 1 << 15
"""First numbers lie below: a receiver that misses the first packets must not mistake the wrap (RFC 3711 3.3.1)."""


class ConsumerParent(Protocol):
    """The transport, as a consumer needs it."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""

    def demand_changed(self, now: float) -> None:
        """Take note that the consumers want other layers than before, so that bandwidth is shared out anew."""


class Consumer:
    """Forwards one stream of a producer at a time, beginning with a key frame."""

    def __init__(
        self,
        consumer_id: str,
        producer: "Producer",
        parameters: RtpParameters,
        router_extension_ids: dict[str, int],
        sender: Sender,
        parent: ConsumerParent,
        *,
        paused: bool,
    ) -> None:
        encoding = parameters.encodings[0]
        codec = next(codec for codec in parameters.codecs if not is_rtx(codec))
        rtx_types = {media: rtx for rtx, media in retransmission_types(parameters).items()}
        assert encoding.ssrc is not None, "consumer parameters always have an SSRC"  # noqa: S101 - made by ourselves
        self.id = consumer_id
        self.kind = producer.kind
        self.producer = producer
        self.paused = paused
        self.mime_type = codec.mime_type
        self.cname = parameters.rtcp.cname or ""
        self.sent = SendStream(
            encoding.ssrc,
            codec.payload_type,
            codec.clock_rate,
            rtx_ssrc=encoding.rtx.ssrc if encoding.rtx is not None and rtx_types else None,
        )
        self.stream: ProducerStream | None = None
        self.bitrate_bps = 0
        self.priority = 1
        self._allotted: Layers | None = Layers(MAX_LAYER, MAX_LAYER)
        self._payload_types = {codec.payload_type for codec in parameters.codecs}
        self._sender = sender
        self._parent = parent
        self._flowing: ProducerStream | None = None  # what is forwarded now; none until a key frame has come
        self._sequence = SeqManager(initial_output=secrets.randbelow(MAX_INITIAL_SEQUENCE))
        self._source = 0  # counts the clocks and numberings that were followed
        self._new_clock = False
        self._timestamp_offset = 0
        self._retransmitter = Retransmitter(
            self.sent, self._sequence, sender, rtx_types, is_video=producer.is_video
        )
        self._score_notice = consumer_notice(consumer_id, parent.notify)
        self._measured_at = 0.0
        self._measured_bytes = 0
        negotiated = {extension.uri for extension in parameters.header_extensions}
        self._mid = mid_element(parameters.mid or "0", router_extension_ids[uris.MID])
        self._transport_header = (
            router_extension_ids[uris.TRANSPORT_WIDE_CC] << 4 | 1 if uris.TRANSPORT_WIDE_CC in negotiated else 0
        )
        self._numbers = self._stream_numbers(0)

    @property
    def active(self) -> bool:
        """Whether packets are wanted at the moment."""
        return not self.paused and not self.producer.paused

    @property
    def has_transport_cc(self) -> bool:
        """Whether its packets have transport-wide numbers, for the peer's feedback about them."""
        return self._transport_header != 0

    @property
    def can_probe(self) -> bool:
        """Whether `send_padding` can send anything that feedback tells of."""
        return self.has_transport_cc and self.sent.rtx_ssrc is not None

    # --- layers ---

    def layer_options(self, now: float) -> list[LayerOption]:
        """List what could be forwarded, the lowest quality first; nothing when nothing is wanted or comes in."""
        if not self.active or self.producer.is_left_out:
            return []
        rates = ((stream.index, stream.received.bitrate_bps(now)) for stream in self.producer.streams)
        return [LayerOption(Layers(index, 0), bitrate_bps) for index, bitrate_bps in rates if bitrate_bps]

    def allot(self, layers: Layers | None, now: float) -> None:
        """Bound what may be forwarded; `None`: nothing for now. Better layers begin at their next key frame."""
        self._allotted = layers
        flowing = self._flowing
        if layers is None or (flowing is not None and flowing.index > layers.spatial):
            self.start(now)

    # --- packets ---

    def deliver(self, stream: "ProducerStream", batch: MappedBatch, now: float) -> None:
        """Forward a batch of one of the producer's streams, or the part of it that fits."""
        first = 0
        if stream is not self._flowing:
            entry = self._enter(stream, batch, now)
            if entry is None:
                return
            first = entry
        offset = None if first else self._sequence.batch_offset(batch.lowest, batch.highest)
        if offset is None:
            self._deliver_singly(batch, first, now)
            return
        if offset != self._numbers.sequence_offset:
            self._numbers = self._stream_numbers(offset)
        if self._sender.send_batch(batch, self._numbers):
            self.sent.sent(len(batch.packets), batch.octets, batch.last_timestamp, now)
        else:
            self._flowing = None

    def skip(self, stream: "ProducerStream", sequence_number: int) -> None:
        """Close the gap of a packet that is not forwarded."""
        if stream is self._flowing:
            self._sequence.drop(sequence_number)

    def fill(self, stream: "ProducerStream", batch: MappedBatch, now: float) -> None:
        """Forward a packet of padding that comes too late for `skip`: packets after it have been numbered."""
        if stream is self._flowing:
            self._deliver_singly(batch, 0, now)

    def interrupt(self, stream: "ProducerStream", *, new_clock: bool) -> None:
        """Begin anew with a stream whose source has started again, or goes on with another codec."""
        if stream is self._flowing:
            self._flowing = None
        if stream is self.stream:
            self._new_clock |= new_clock

    def _deliver_singly(self, batch: MappedBatch, first: int, now: float) -> None:
        """Map each packet by itself: around numbers that were left out, and for packets older than the entry."""
        for index in range(first, len(batch.packets)):
            packet = batch.packets[index]
            output = self._sequence.map(packet.sequence_number)
            if output is None:
                continue
            numbers = self._stream_numbers(output - packet.sequence_number)
            if self._sender.send_batch(batch, numbers, index, index + 1):
                self.sent.sent(1, packet.payload_size, packet.timestamp, now)

    def _enter(self, stream: "ProducerStream", batch: MappedBatch, now: float) -> int | None:
        """Begin with, or change over to, a stream: index of the first packet to send, `None` if not yet."""
        if (
            not self.active
            or not self._may_have(stream)
            or stream.codec.mapped_payload_type not in self._payload_types
        ):
            return None
        if not self._sender.ready or (stream is not self.stream and not self._wants(stream, now)):
            return None
        index = _first_entry(stream, batch)
        if index is None:
            self.producer.request_key_frame_of(stream, now)
            return None
        packet = batch.packets[index]
        if stream is not self.stream or self._new_clock:
            self._follow_clock(stream, packet.timestamp, now)
        self._sequence.sync(packet.sequence_number, self._source)
        self._flowing = stream
        return index

    def _may_have(self, stream: "ProducerStream") -> bool:
        return self._allotted is not None and stream.index <= self._allotted.spatial

    def _wants(self, stream: "ProducerStream", now: float) -> bool:
        current = self.stream
        if current is None or current not in self.producer.streams or not self._may_have(current):
            return True
        if self.sent.last_sent_at is None:
            return True
        return stream.index > current.index or now - self.sent.last_sent_at > STREAM_SILENCE_S

    def _follow_clock(self, stream: "ProducerStream", timestamp: int, now: float) -> None:
        """Let the timestamps of a source go on where those before it ended, by the time that has passed."""
        if self.sent.last_sent_at is not None:
            elapsed = int((now - self.sent.last_sent_at) * self.sent.clock_rate)
            last = self.sent.last_timestamp + self._timestamp_offset
            self._timestamp_offset = last + max(elapsed, 1) - timestamp
        self._source += 1
        self._new_clock = False
        self.stream = stream
        self._numbers = self._stream_numbers(self._numbers.sequence_offset)

    def _stream_numbers(self, offset: int) -> StreamNumbers:
        return StreamNumbers(self.sent.ssrc, offset, self._timestamp_offset, self._mid, self._transport_header)

    # --- control ---

    def start(self, now: float) -> None:
        """Begin with the next key frame and ask for it: at first, after a pause, when the peer got ready."""
        self._flowing = None
        if self.active:
            self.producer.request_key_frame(now)

    def pause(self) -> None:
        """Stop at once."""
        self.paused = True
        self._flowing = None

    def resume(self, now: float) -> None:
        """Go on with the next key frame."""
        if self.paused:
            self.paused = False
            self.start(now)

    def producer_paused(self) -> None:
        """The producer has stopped."""
        self._flowing = None

    def close(self) -> None:
        """Take leave of the producer; safe to call twice."""
        self.pause()
        if self in self.producer.consumers:
            self.producer.consumers.remove(self)

    # --- RTCP ---

    def request_key_frame(self, now: float) -> None:
        """Pass the peer's wish for a key frame on to the publisher."""
        if self.active:
            self.producer.request_key_frame(now)

    def receive_nack(self, lost: tuple[int, ...], now: float) -> None:
        """Send again what the peer misses and the store still has."""
        self.sent.nack_count += 1
        self.sent.nack_packet_count += len(lost)
        if self.active and self.stream is not None:
            self._retransmitter.resend(lost, self.stream, self._source, self._numbers, now)

    def send_padding(self, octets: int) -> None:
        """Send so much that nobody needs, as retransmissions of nothing: to try out what the path carries."""
        self._retransmitter.send_padding(octets, self._numbers)

    def receive_report(self, block: ReportBlock, now: float) -> None:
        """Take what the peer says of our stream."""
        self.sent.receiver_report(block, now)

    def measure(self, now: float) -> None:
        """Work out the bitrate since the last call."""
        elapsed = now - self._measured_at
        if elapsed > 0:
            self.bitrate_bps = round((self.sent.bytes_sent - self._measured_bytes) * 8 / elapsed)
            self._measured_at, self._measured_bytes = now, self.sent.bytes_sent

    def tell_score(self, now: float) -> None:
        """Tell the control process how well the peer gets it, if that has changed."""
        self._score_notice.tell(consumer_scores(self), lambda: consumer_score(self), now)

    def sender_report(self, now: float) -> SenderReport | None:
        """Make our sender report, on the publisher's clock; `None` until the publisher has sent one."""
        flowing = self._flowing
        if flowing is None or flowing.received.last_sender_report is None:
            return None
        return self.sent.sender_report(now, flowing.received.last_sender_report, self._timestamp_offset)


def _first_entry(stream: "ProducerStream", batch: MappedBatch) -> int | None:
    """Where in a batch a decoder can begin: at a key frame, or anywhere if the codec knows none."""
    if stream.codec.is_key_frame is None:
        return 0
    return next((n for n, packet in enumerate(batch.packets) if packet.is_key_frame), None)
