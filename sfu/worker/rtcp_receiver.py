"""RTCP from a peer, handed to the producer or consumer that it speaks of; what speaks of neither is ignored."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverReport,
    SenderReport,
)
from sfu.worker.reports import OUR_SSRC

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer


class RtcpReceiver:
    """Dispatches the packets of a transport by their type."""

    def __init__(self, producers: Mapping[str, "Producer"], consumer_by_ssrc: Mapping[int, "Consumer"]) -> None:
        self._producers = producers
        self._consumer_by_ssrc = consumer_by_ssrc

    def receive(self, packet: Any, now: float) -> None:
        """Act upon one packet of a compound."""
        match packet:
            case SenderReport():
                self._receive_sender_report(packet, now)
            case ReceiverReport():
                self._receive_blocks(packet, now)
            case Nack():
                self._receive_nack(packet, now)
            case PictureLossIndication():
                self._request_key_frame(packet.media_ssrc, now)
            case FullIntraRequest():
                for ssrc, _ in packet.entries:
                    self._request_key_frame(ssrc, now)
            case ExtendedReports():
                self._receive_extended_reports(packet, now)
            case _:
                pass

    def _receive_sender_report(self, report: SenderReport, now: float) -> None:
        for producer in self._producers.values():
            for stream in producer.streams:
                if stream.ssrc == report.ssrc:
                    stream.received.sender_report(report, now)
        self._receive_blocks(report, now)

    def _receive_blocks(self, report: SenderReport | ReceiverReport, now: float) -> None:
        for block in report.reports:
            consumer = self._consumer_by_ssrc.get(block.ssrc)
            if consumer is not None and block.ssrc == consumer.sent.ssrc:
                consumer.receive_report(block, now)

    def _receive_extended_reports(self, report: ExtendedReports, now: float) -> None:
        """Take the round-trip time to a publisher from the first answer to our clock (RFC 3611 4.5)."""
        for block in report.blocks:
            if not isinstance(block, DelaySinceLastReceiverReference):
                continue
            for ssrc, stamp, delay in block.entries:
                if ssrc == OUR_SSRC:
                    for producer in self._producers.values():
                        for stream in producer.streams:
                            stream.received.round_trip.returned(stamp, delay, now)
                    return

    def _receive_nack(self, nack: Nack, now: float) -> None:
        consumer = self._consumer_by_ssrc.get(nack.media_ssrc)
        if consumer is not None and nack.media_ssrc == consumer.sent.ssrc:
            consumer.receive_nack(nack.lost, now)

    def _request_key_frame(self, ssrc: int, now: float) -> None:
        consumer = self._consumer_by_ssrc.get(ssrc)
        if consumer is not None:
            consumer.sent.pli_count += 1
            consumer.request_key_frame(now)
