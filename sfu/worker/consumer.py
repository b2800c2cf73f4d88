"""A consumer: one producer's track on its way to one peer, under the consumer's own SSRC and numbers."""

import secrets
from typing import TYPE_CHECKING, Protocol

from sfu.rtp.mapped_batch import (
    MAX_BATCH_PACKETS,
    MappedBatch,
    MappedPacket,
    StreamNumbers,
    mid_element,
    retransmission,
)
from sfu.rtp.rtcp import ReportBlock, SenderReport
from sfu.rtp.seq_manager import SeqManager
from sfu.rtp.stream_send import SendStream
from sfu.worker.header_extensions import abs_send_time
from sfu.worker.producer_stream import is_rtx, retransmission_types
from shared.rtp_parameters import RtpParameters, uris

if TYPE_CHECKING:
    from sfu.worker.producer import Producer
    from sfu.worker.producer_stream import ProducerStream

STREAM_SILENCE_S = 2.0
"""A stream that has been silent for so long is given up for a lower one."""

MAX_INITIAL_SEQUENCE = 1 << 15
"""First numbers lie below: a receiver that misses the first packets must not mistake the wrap (RFC 3711 3.3.1)."""

DEFAULT_RTT_S = 0.1
"""Round trip to a consumer before a receiver report has told it."""


class Sender(Protocol):
    """The way to the peer, as far as a consumer uses it."""

    def send_batch(
        self, batch: MappedBatch, numbers: StreamNumbers, first: int = 0, last: int | None = None
    ) -> bool:
        """Send packets of a batch; `False` when the peer cannot be reached."""


class Consumer:
    """Forwards one stream of a producer at a time, beginning with a key frame."""

    def __init__(
        self,
        consumer_id: str,
        producer: "Producer",
        parameters: RtpParameters,
        router_extension_ids: dict[str, int],
        sender: Sender,
        *,
        paused: bool,
    ) -> None:
        encoding = parameters.encodings[0]
        codec = next(codec for codec in parameters.codecs if not is_rtx(codec))
        rtx_of = {media: rtx for rtx, media in retransmission_types(parameters).items()}
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
            rtx_ssrc=encoding.rtx.ssrc if encoding.rtx is not None and rtx_of else None,
        )
        self._payload_types = {codec.payload_type for codec in parameters.codecs}
        self._rtx_of = rtx_of
        self.stream: ProducerStream | None = None
        self._sender = sender
        self._sequence = SeqManager(initial_output=secrets.randbelow(MAX_INITIAL_SEQUENCE))
        self._timestamp_offset = 0
        self._synced = False
        self.bitrate_bps = 0
        self._measured_at = 0.0
        self._measured_bytes = 0
        self._last_sent_at = 0.0
        self._last_timestamp = 0
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

    # --- packets ---

    def deliver(self, stream: "ProducerStream", batch: MappedBatch, now: float) -> None:
        """Forward a batch of one of the producer's streams, or the part of it that fits."""
        if not self.active or stream.codec.mapped_payload_type not in self._payload_types:
            return
        if self._synced and stream is self.stream:
            first = 0
        else:
            found = self._sync(stream, batch, now)
            if found is None:
                return
            first = found
        offset = self._sequence.batch_offset(batch.lowest, batch.highest) if first == 0 else None
        if offset is None:
            self._deliver_singly(batch, first, now)
            return
        if offset != self._numbers.sequence_offset:
            self._numbers = self._stream_numbers(offset)
        if self._sender.send_batch(batch, self._numbers):
            self._count(len(batch.packets), batch.octets, batch.packets[-1].timestamp, now)
        else:
            self._synced = False

    def skip(self, stream: "ProducerStream", sequence_number: int) -> None:
        """Close the gap of a packet that is not forwarded."""
        if self._synced and stream is self.stream:
            self._sequence.drop(sequence_number)

    def _deliver_singly(self, batch: MappedBatch, first: int, now: float) -> None:
        """Map each packet by itself: around numbers that were left out, and for packets older than the sync."""
        for index in range(first, len(batch.packets)):
            packet = batch.packets[index]
            output = self._sequence.map(packet.sequence_number)
            if output is None:
                continue
            numbers = self._stream_numbers(output - packet.sequence_number)
            if self._sender.send_batch(batch, numbers, index, index + 1):
                self._count(1, packet.payload_size, packet.timestamp, now)

    def _count(self, packets: int, octets: int, timestamp: int, now: float) -> None:
        self.sent.sent(packets, octets, timestamp, now)
        self._last_sent_at, self._last_timestamp = now, timestamp

    def _sync(self, stream: "ProducerStream", batch: MappedBatch, now: float) -> int | None:
        """Begin with, or change over to, a stream: index of the first packet to send, `None` if not yet."""
        if stream is not self.stream and not self._wants(stream, now):
            return None
        index = _first_entry(stream, batch)
        if index is None:
            return None
        packet = batch.packets[index]
        self._sequence.sync(packet.sequence_number, stream.ssrc)
        if stream is not self.stream:
            if self.stream is not None:
                self._timestamp_offset = self._continued_timestamp(now) - packet.timestamp
                self._numbers = self._stream_numbers(self._numbers.sequence_offset)
            self.stream = stream
        self._synced = True
        return index

    def _wants(self, stream: "ProducerStream", now: float) -> bool:
        current = self.stream
        if current is None or current not in self.producer.streams:
            return True
        return stream.index > current.index or now - self._last_sent_at > STREAM_SILENCE_S

    def _continued_timestamp(self, now: float) -> int:
        elapsed = int((now - self._last_sent_at) * self.sent.clock_rate)
        return self._last_timestamp + self._timestamp_offset + max(elapsed, 1)

    def _stream_numbers(self, offset: int) -> StreamNumbers:
        return StreamNumbers(self.sent.ssrc, offset, self._timestamp_offset, self._mid, self._transport_header)

    # --- control ---

    def start(self, now: float) -> None:
        """Begin with the next key frame and ask for it: at first, after a pause, when the peer got ready."""
        self._synced = False
        if self.active:
            self.producer.request_key_frame(now)

    def pause(self) -> None:
        """Stop at once."""
        self.paused = True
        self._synced = False

    def resume(self, now: float) -> None:
        """Go on with the next key frame."""
        if self.paused:
            self.paused = False
            self.start(now)

    def producer_paused(self) -> None:
        """The producer has stopped."""
        self._synced = False

    def close(self) -> None:
        """Take leave of the producer; safe to call twice."""
        self.paused = True
        if self in self.producer.consumers:
            self.producer.consumers.remove(self)

    # --- RTCP ---

    def request_key_frame(self, now: float) -> None:
        """Pass the peer's wish for a key frame on to the publisher."""
        if self.active:
            self.producer.request_key_frame(now)

    def receive_nack(self, lost: tuple[int, ...], now: float) -> None:
        """Send again what the peer misses (RFC 4585 6.2.1) and the store still has."""
        self.sent.nack_count += 1
        stream = self.stream
        if not self.active or stream is None or stream.store is None:
            return
        again: list[MappedPacket] = []
        rtt = self.sent.rtt_s or DEFAULT_RTT_S
        highest = self._sequence.highest_output
        for number in lost[:MAX_BATCH_PACKETS]:
            output = highest - ((highest - number) & 0xFFFF)
            located = self._sequence.locate(output)
            if located is None or located[0] != stream.ssrc:
                continue
            data = stream.store.get(located[1], now)
            if data is not None and self.sent.may_retransmit(output, now, rtt):
                again.append(self._again(data, located[1], output, now))
        if again:
            self._send_again(again)

    def _again(self, data: bytes, source: int, output: int, now: float) -> MappedPacket:
        timestamp = int.from_bytes(data[4:8], "big")
        rtx_payload_type = self._rtx_of.get(data[1] & 0x7F)
        if self.sent.rtx_ssrc is None or rtx_payload_type is None:
            return MappedPacket(data, source, timestamp, 0, is_key_frame=False)
        wrapped = retransmission(
            data,
            rtx_payload_type,
            output & 0xFFFF,
            abs_send_time(now),
            is_video=self.producer.is_video,
        )
        return MappedPacket(wrapped, self.sent.next_rtx_sequence(), timestamp, 0, is_key_frame=False)

    def _send_again(self, packets: list[MappedPacket]) -> None:
        batch = MappedBatch(packets, is_video=self.producer.is_video)
        if self.sent.rtx_ssrc is not None:
            numbers = self._numbers._replace(ssrc=self.sent.rtx_ssrc, sequence_offset=0)
            if self._sender.send_batch(batch, numbers):
                self.sent.packets_retransmitted += len(packets)
            return
        for index, packet in enumerate(packets):
            output = self._sequence.map(packet.sequence_number)
            if output is not None:
                numbers = self._stream_numbers(output - packet.sequence_number)
                if self._sender.send_batch(batch, numbers, index, index + 1):
                    self.sent.packets_retransmitted += 1

    def receive_report(self, block: ReportBlock, now: float) -> None:
        """Take what the peer says of our stream."""
        self.sent.receiver_report(block, now)

    def measure(self, now: float) -> None:
        """Work out the bitrate since the last call."""
        elapsed = now - self._measured_at
        if elapsed > 0:
            self.bitrate_bps = round((self.sent.bytes_sent - self._measured_bytes) * 8 / elapsed)
            self._measured_at, self._measured_bytes = now, self.sent.bytes_sent

    def sender_report(self, now: float) -> SenderReport | None:
        """Make our sender report, on the publisher's clock; `None` until the publisher has sent one."""
        source = self.stream.received.last_sender_report if self.stream is not None else None
        if source is None or not self._synced:
            return None
        return self.sent.sender_report(now, source, self._timestamp_offset)


def _first_entry(stream: "ProducerStream", batch: MappedBatch) -> int | None:
    """Where in a batch a decoder can begin: at a key frame, or anywhere if the codec knows none."""
    if stream.codec.is_key_frame is None:
        return 0
    return next((n for n, packet in enumerate(batch.packets) if packet.is_key_frame), None)
