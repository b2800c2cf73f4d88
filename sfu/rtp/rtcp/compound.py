"""Compound and reduced-size RTCP packets (RFC 3550 6.1, RFC 5506)."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from sfu.rtp.rtcp import feedback, wire
from sfu.rtp.rtcp.extended_reports import ExtendedReports, parse_extended_reports
from sfu.rtp.rtcp.feedback import FullIntraRequest, Nack, PictureLossIndication, Remb
from sfu.rtp.rtcp.reports import ReceiverReport, SenderReport, parse_receiver_report, parse_sender_report
from sfu.rtp.rtcp.sources import Bye, SourceDescription, parse_bye, parse_source_description
from sfu.rtp.rtcp.transport_feedback import (
    TRANSPORT_FEEDBACK_FORMAT,
    TransportFeedback,
    parse_transport_feedback,
)

MAX_PACKETS = 64
"""Most packets in one datagram. Browsers put in about ten; more only makes us work."""

MAX_FEEDBACK_STATUSES = 8192
"""Most packet statuses in all transport feedback of one datagram: a few bytes can stand for thousands."""

_HEADER = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class UnknownRtcp:
    """A packet of a type or feedback format we do not know, kept as it came; `count` is the header's five bits."""

    packet_type: int
    count: int
    body: bytes

    def serialize(self) -> bytes:
        """Return the RTCP packet."""
        return wire.pack_packet(self.packet_type, self.count, self.body)


RtcpPacket: TypeAlias = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Nack
    | PictureLossIndication
    | FullIntraRequest
    | Remb
    | TransportFeedback
    | ExtendedReports
    | UnknownRtcp
)


def parse_rtcp(data: bytes | bytearray | memoryview) -> list[RtcpPacket]:
    """Parse all packets of one datagram, decrypted.

    Raises:
        ValueError: at the first malformed packet, with nothing of the datagram to be trusted; also when there are
            more than `MAX_PACKETS`.
    """
    view = memoryview(data)
    packets: list[RtcpPacket] = []
    position = statuses = 0
    if not view:
        raise ValueError("RTCP datagram is empty")
    while position < len(view):
        if len(packets) == MAX_PACKETS:
            raise ValueError(f"RTCP datagram holds more than {MAX_PACKETS} packets")
        packet_type, count, body, position = _split(view, position)
        packet = _parse(packet_type, count, body)
        if isinstance(packet, TransportFeedback):
            statuses += len(packet.packets)
            if statuses > MAX_FEEDBACK_STATUSES:
                raise ValueError(f"RTCP datagram holds more than {MAX_FEEDBACK_STATUSES} packet statuses")
        packets.append(packet)
    return packets


def serialize_rtcp(packets: Iterable[RtcpPacket]) -> bytes:
    """Put packets one after another into one datagram; their order and their total size are the caller's.

    Raises:
        ValueError: a packet holds what its format cannot carry.
    """
    return b"".join(packet.serialize() for packet in packets)


def _split(view: memoryview, position: int) -> tuple[int, int, memoryview, int]:
    """Return type, count and body without padding of the packet at `position`, and where the next one starts."""
    start = position + _HEADER.size
    if start > len(view):
        raise ValueError(f"RTCP packet at byte {position} is shorter than its {_HEADER.size}-byte header")
    first, packet_type, words = _HEADER.unpack_from(view, position)
    if first >> 6 != 2:
        raise ValueError(f"RTCP version is {first >> 6}, not 2")
    end = stop = start + 4 * words
    if end > len(view):
        raise ValueError(f"RTCP packet reaches to byte {end} of a datagram of {len(view)} bytes")
    if first & 0x20:
        padding = view[end - 1]
        if not 0 < padding <= end - start:
            raise ValueError(f"RTCP padding of {padding} bytes does not fit a body of {end - start} bytes")
        stop -= padding
    return packet_type, first & 0x1F, view[start:stop], end


def _parse(packet_type: int, count: int, body: memoryview) -> RtcpPacket:
    if (parse_counted := _COUNTED.get(packet_type)) is not None:
        return parse_counted(count, body)
    if packet_type == wire.EXTENDED_REPORTS:
        return parse_extended_reports(body)
    parse_feedback = _FEEDBACK.get((packet_type, count))
    if parse_feedback is None or (parse_feedback is feedback.parse_remb and not feedback.is_remb(body)):
        return UnknownRtcp(packet_type, count, bytes(body))
    return parse_feedback(body)


_COUNTED: dict[int, Callable[[int, memoryview], RtcpPacket]] = {
    wire.SENDER_REPORT: parse_sender_report,
    wire.RECEIVER_REPORT: parse_receiver_report,
    wire.SOURCE_DESCRIPTION: parse_source_description,
    wire.BYE: parse_bye,
}

_FEEDBACK: dict[tuple[int, int], Callable[[memoryview], RtcpPacket]] = {
    (wire.TRANSPORT_LAYER_FEEDBACK, feedback.NACK_FORMAT): feedback.parse_nack,
    (wire.TRANSPORT_LAYER_FEEDBACK, TRANSPORT_FEEDBACK_FORMAT): parse_transport_feedback,
    (wire.PAYLOAD_SPECIFIC_FEEDBACK, feedback.PLI_FORMAT): feedback.parse_picture_loss_indication,
    (wire.PAYLOAD_SPECIFIC_FEEDBACK, feedback.FIR_FORMAT): feedback.parse_full_intra_request,
    (wire.PAYLOAD_SPECIFIC_FEEDBACK, feedback.APPLICATION_LAYER_FORMAT): feedback.parse_remb,
}
