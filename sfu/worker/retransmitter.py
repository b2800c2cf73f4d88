"""Sends again what a consumer's peer has lost (RFC 4585 6.2.1), by RTX where negotiated (RFC 4588)."""

from typing import TYPE_CHECKING

from sfu.rtp.mapped_batch import (
    MAX_BATCH_PACKETS,
    MappedBatch,
    MappedPacket,
    StreamNumbers,
    padding_packet,
    retransmission,
)
from sfu.rtp.seq_manager import SeqManager
from sfu.rtp.stream_send import SendStream
from sfu.worker.header_extensions import abs_send_time
from sfu.worker.ports import Sender

if TYPE_CHECKING:
    from sfu.worker.producer_stream import ProducerStream

DEFAULT_RTT_S = 0.1
"""Round trip to a consumer before a receiver report has told it."""

MAX_PADDING_PACKET_BYTES = 279
"""Headers and the most padding that its one byte of length can tell (RFC 3550 5.1)."""

MAX_ALLOWANCE = 1024
"""NACKed numbers looked at beyond one for each packet sent. A peer that asks for more than it was sent has no use
for it, and a NACK of 1,000 bytes could ask for five megabytes."""


class Retransmitter:
    """Answers the NACKs about one consumer's stream."""

    def __init__(
        self,
        sent: SendStream,
        sequence: SeqManager,
        sender: Sender,
        rtx_types: dict[int, int],
        *,
        is_video: bool,
    ) -> None:
        self._sent = sent
        self._sequence = sequence
        self._sender = sender
        self._rtx_types = rtx_types
        self._is_video = is_video
        self._allowance = MAX_ALLOWANCE
        self._packets_sent = 0

    def resend(
        self, lost: tuple[int, ...], stream: "ProducerStream", source: int, numbers: StreamNumbers, now: float
    ) -> None:
        """Send packets `lost` (16-bit numbers as the peer knows them) again, as far as `stream` still has them.

        `source` is the label under which the stream's numbers are mapped now; `numbers` is how it is sent.
        """
        if stream.store is None:
            return
        if self._sent.rtx_ssrc is None and self._is_video and not self._sender.may_repeat:
            return  # transport-wide number and padding would differ: the peer has to ask for a key frame
        again: list[tuple[bytes, int, int]] = []
        rtt = self._sent.rtt_s or DEFAULT_RTT_S
        highest = self._sequence.highest_output
        for number in lost[: self._take(min(len(lost), MAX_BATCH_PACKETS))]:
            output = highest - ((highest - number) & 0xFFFF)
            located = self._sequence.locate(output)
            if located is None or located[0] != source:
                continue
            data = stream.store.get(located[1], now)
            if data is not None and self._sent.may_retransmit(output, now, rtt):
                again.append((data, located[1], output))
        if not again:
            return
        if self._sent.rtx_ssrc is None:
            self._send_as_before(again, numbers)
        else:
            self._send_as_rtx(again, numbers._replace(ssrc=self._sent.rtx_ssrc, sequence_offset=0), now)

    def send_padding(self, octets: int, numbers: StreamNumbers) -> None:
        """Send packets of nothing but padding, `octets` in all, in the stream of retransmissions, if there is one.

        Senders of video pad so themselves: receivers leave out what repeats nothing.
        """
        if self._sent.rtx_ssrc is None:
            return
        count = -(-octets // MAX_PADDING_PACKET_BYTES)
        data = padding_packet(next(iter(self._rtx_types.values())), octets // count)
        timestamp = self._sent.last_timestamp
        packets = [
            MappedPacket(data, self._sent.next_rtx_sequence(), timestamp, 0, is_key_frame=False)
            for _ in range(count)
        ]
        rtx_numbers = numbers._replace(ssrc=self._sent.rtx_ssrc, sequence_offset=0)
        for at in range(0, count, MAX_BATCH_PACKETS):
            batch = MappedBatch(packets[at : at + MAX_BATCH_PACKETS], is_video=self._is_video)
            if self._sender.send_batch(batch, rtx_numbers):
                self._sent.bytes_of_padding += len(batch.packets) * len(data)

    def _take(self, wanted: int) -> int:
        """Take so many numbers off the allowance, or as many as it has."""
        sent = self._sent.packets_sent
        self._allowance = min(MAX_ALLOWANCE, self._allowance + sent - self._packets_sent)
        self._packets_sent = sent
        taken = min(wanted, self._allowance)
        self._allowance -= taken
        return taken

    def _send_as_rtx(self, again: list[tuple[bytes, int, int]], numbers: StreamNumbers, now: float) -> None:
        send_time = abs_send_time(now)
        packets = []
        for data, _, output in again:
            rtx_type = self._rtx_types.get(data[1] & 0x7F)
            if rtx_type is None:
                continue
            wrapped = retransmission(data, rtx_type, output & 0xFFFF, send_time, is_video=self._is_video)
            sequence = self._sent.next_rtx_sequence()
            packets.append(MappedPacket(wrapped, sequence, _timestamp(data), 0, is_key_frame=False))
        if packets and self._sender.send_batch(MappedBatch(packets, is_video=self._is_video), numbers):
            self._sent.packets_retransmitted += len(packets)
            self._sent.bytes_retransmitted += sum(len(packet.data) for packet in packets)

    def _send_as_before(self, again: list[tuple[bytes, int, int]], numbers: StreamNumbers) -> None:
        for data, source_sequence, output in again:
            packet = MappedPacket(data, source_sequence, _timestamp(data), 0, is_key_frame=False)
            batch = MappedBatch([packet], is_video=self._is_video)
            if self._sender.send_batch(batch, numbers._replace(sequence_offset=output - source_sequence)):
                self._sent.packets_retransmitted += 1
                self._sent.bytes_retransmitted += len(data)


def _timestamp(data: bytes) -> int:
    return int.from_bytes(data[4:8], "big")
