"""RTCP from a peer, handed to the producer or consumer that it speaks of; what speaks of neither is ignored.

So are source descriptions: CNAMEs come with the negotiation, where the whole room can read them.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sfu.rtp.round_trip import ReferenceTimes
from sfu.rtp.rtcp import (
    Bye,
    DelaySinceLastReceiverReference,
    ExtendedReports,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverReferenceTime,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    TransportFeedback,
    parse_rtcp,
    read_lone_report,
)
from sfu.worker.reports import OUR_SSRC

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.consumer_bandwidth import ConsumerBandwidth
    from sfu.worker.producer import Producer


class RtcpReceiver:
    """Dispatches the packets of a transport by their type."""

    def __init__(
        self,
        producers: Mapping[str, "Producer"],
        consumer_by_ssrc: Mapping[int, "Consumer"],
        reference_times: ReferenceTimes,
        bandwidth: "ConsumerBandwidth",
    ) -> None:
        self._producers = producers
        self._consumer_by_ssrc = consumer_by_ssrc
        self._reference_times = reference_times
        self._bandwidth = bandwidth

    def receive_datagram(self, data: memoryview, now: float) -> bool:
        """Act upon a compound packet; `False`, with nothing done, if it is malformed."""
        if (blocks := read_lone_report(data)) is not None:
            self._receive_blocks(blocks, now)
            return True
        try:
            packets = parse_rtcp(data)
        except ValueError:
            return False
        for packet in packets:
            self.receive(packet, now)
        return True

    def receive(self, packet: Any, now: float) -> None:
        """Act upon one packet of a compound."""
        match packet:
            case TransportFeedback():
                self._bandwidth.receive_feedback(packet.base_sequence, packet.reference_time, packet.packets, now)
            case SenderReport():
                self._receive_sender_report(packet, now)
            case ReceiverReport():
                self._receive_blocks(packet.reports, now)
            case Nack():
                self._receive_nack(packet, now)
            case PictureLossIndication():
                if (consumer := self._consumer(packet.media_ssrc)) is not None:
                    consumer.sent.pli_count += 1
                    consumer.request_key_frame(now)
            case FullIntraRequest():
                self._receive_full_intra_request(packet, now)
            case ExtendedReports():
                self._receive_extended_reports(packet, now)
            case Remb():
                self._bandwidth.receive_remb(packet, now)
            case Bye():
                for producer in self._producers.values():
                    producer.end_streams(packet.ssrcs, now)
            case _:
                pass

    def _receive_sender_report(self, report: SenderReport, now: float) -> None:
        for producer in self._producers.values():
            for stream in producer.streams:
                if stream.ssrc == report.ssrc:
                    stream.received.sender_report(report, now)
                elif stream.rtx_ssrc == report.ssrc and stream.retransmissions is not None:
                    stream.retransmissions.sender_report(report, now)
        self._receive_blocks(report.reports, now)

    def _receive_blocks(self, blocks: Iterable[ReportBlock], now: float) -> None:
        for block in blocks:
            if (consumer := self._consumer(block.ssrc)) is not None:
                consumer.receive_report(block, now)

    def _receive_extended_reports(self, report: ExtendedReports, now: float) -> None:
        """Keep a receiver's clock to send it back; take our own from a sender that does so (RFC 3611 4.4, 4.5)."""
        for block in report.blocks:
            match block:
                case ReceiverReferenceTime():
                    self._reference_times.received(report.ssrc, block.ntp, now)
                case DelaySinceLastReceiverReference():
                    self._receive_round_trip(block, now)
                case _:
                    pass

    def _receive_round_trip(self, block: DelaySinceLastReceiverReference, now: float) -> None:
        for ssrc, stamp, delay in block.entries:
            if ssrc == OUR_SSRC:
                for producer in self._producers.values():
                    for stream in producer.streams:
                        stream.received.round_trip.returned(stamp, delay, now)
                return  # one publisher, one way: the first entry tells it

    def _receive_nack(self, nack: Nack, now: float) -> None:
        if (consumer := self._consumer(nack.media_ssrc)) is not None:
            consumer.receive_nack(nack.lost, now)

    def _receive_full_intra_request(self, request: FullIntraRequest, now: float) -> None:
        for ssrc, _ in request.entries:
            if (consumer := self._consumer(ssrc)) is not None:
                consumer.sent.fir_count += 1
                consumer.request_key_frame(now)

    def _consumer(self, ssrc: int) -> "Consumer | None":
        """Find the consumer of a media stream; reports and requests about retransmissions say nothing to us."""
        consumer = self._consumer_by_ssrc.get(ssrc)
        return consumer if consumer is not None and consumer.sent.ssrc == ssrc else None
