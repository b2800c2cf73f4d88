"""Sends again what a consumer's peer has lost (RFC 4585 6.2.1), by RTX where negotiated (RFC 4588)."""

from sfu.rtp.mapped_batch import (
    MAX_BATCH_PACKETS,
    MappedBatch,
    MappedPacket,
    padding_packet,
    retransmission,
)
from sfu.rtp.stream_send import SendStream
from sfu.rtp.stream_splicer import Splice, StreamSplicer
from sfu.worker.header_extensions import abs_send_time
from sfu.worker.ports import BudgetedSender

DEFAULT_RTT_S = 0.1
"""Round trip to a consumer before a receiver report has told it."""

REPAIR_WITHIN_S = 0.5
"""What was sent so long ago, is needed, and cannot be sent again is made up for by a key frame. Receivers wait for
seconds until they ask for one."""

MAX_PADDING_PACKET_BYTES = 279
"""Headers and the most padding that its one byte of length can tell (RFC 3550 5.1)."""

MAX_ALLOWANCE = 64
"""Packets sent again beyond one for each packet sent. A peer that asks for more than it was sent has no use for
it, and a link that has become narrow would be filled by what it has just lost, again and again, before a report
tells of the longer round trip. What is asked for in vain takes nothing of it: browsers repeat such numbers in each
NACK."""


class Retransmitter:
    """Answers the NACKs about one consumer's stream."""

    def __init__(
        self,
        sent: SendStream,
        splicer: StreamSplicer,
        sender: BudgetedSender,
        rtx_types: dict[int, int],
        *,
        is_video: bool,
    ) -> None:
        self._sent = sent
        self._splicer = splicer
        self._sender = sender
        self._rtx_types = rtx_types
        self._is_video = is_video
        self._allowance = MAX_ALLOWANCE
        self._packets_sent = 0

    def resend(self, lost: tuple[int, ...], now: float) -> bool:
        """Send packets `lost` (16-bit numbers as the peer knows them) again, as far as they are still there.

        What is needed to go on comes first, as there may not be room for all. Returns whether a key frame is to
        make up for something that is needed and has been missing for too long.
        """
        if self._sent.rtx_ssrc is None and self._is_video and not self._sender.may_repeat:
            return False  # transport-wide number and padding would differ: the peer has to ask for a key frame
        again: dict[int, tuple[Splice, list[tuple[MappedPacket, int]]]] = {}
        rtt = self._sent.rtt_s or DEFAULT_RTT_S
        needed_from = self._splicer.needed_from
        left, room = self._allowed(), self._sender.repair_room(now)
        is_hopeless = False
        for output in self._outputs(lost, needed_from):
            found = self._splicer.find(output, now)
            if found is None or not left or room <= 0:
                is_needed = output >= needed_from
                is_hopeless |= is_needed and self._splicer.is_past(output, now - REPAIR_WITHIN_S)
                continue
            if not self._sent.may_retransmit(output, now, rtt):
                continue
            splice, packet = found
            left -= 1
            room -= len(packet)
            self._sender.repaired(len(packet))
            again.setdefault(id(splice), (splice, []))[1].append((packet, output))
        self._allowance = left
        for splice, packets in again.values():
            if self._sent.rtx_ssrc is None:
                self._send_as_before(packets, splice)
            else:
                self._send_as_rtx(packets, splice, self._sent.rtx_ssrc, now)
        return is_hopeless

    def _outputs(self, lost: tuple[int, ...], needed_from: int) -> list[int]:
        """List what to look at, as it went out: what is needed to go on first."""
        highest = self._splicer.sequence.highest_output
        outputs = [highest - ((highest - number) & 0xFFFF) for number in lost]
        return sorted(outputs, key=needed_from.__gt__)[:MAX_BATCH_PACKETS]

    def send_padding(self, octets: int) -> None:
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
        rtx_numbers = self._splicer.numbers(0)._replace(ssrc=self._sent.rtx_ssrc)
        for at in range(0, count, MAX_BATCH_PACKETS):
            batch = MappedBatch(packets[at : at + MAX_BATCH_PACKETS], is_video=self._is_video)
            if self._sender.send_batch(batch, rtx_numbers):
                self._sent.bytes_of_padding += len(batch.packets) * len(data)

    def _allowed(self) -> int:
        """Return how many packets may be sent again now."""
        sent = self._sent.packets_sent
        self._allowance = min(MAX_ALLOWANCE, self._allowance + sent - self._packets_sent)
        self._packets_sent = sent
        return self._allowance

    def _send_as_rtx(
        self, again: list[tuple[MappedPacket, int]], splice: Splice, rtx_ssrc: int, now: float
    ) -> None:
        send_time = abs_send_time(now)
        packets = []
        for packet, output in again:
            rtx_type = self._rtx_types.get(packet.first_word & 0x7F)
            if rtx_type is None:
                continue
            sequence = self._sent.next_rtx_sequence()
            packets.append(
                retransmission(packet, rtx_type, output & 0xFFFF, sequence, send_time, is_video=self._is_video)
            )
        numbers = self._splicer.numbers_of(splice, 0)._replace(ssrc=rtx_ssrc)
        if packets and self._sender.send_batch(MappedBatch(packets, is_video=self._is_video), numbers):
            self._sent.packets_retransmitted += len(packets)
            self._sent.bytes_retransmitted += sum(map(len, packets))

    def _send_as_before(self, again: list[tuple[MappedPacket, int]], splice: Splice) -> None:
        for packet, output in again:
            numbers = self._splicer.numbers_of(splice, output - packet.sequence_number)
            if self._sender.send_batch(MappedBatch([packet], is_video=self._is_video), numbers):
                self._sent.packets_retransmitted += 1
                self._sent.bytes_retransmitted += len(packet)
