"""Sender and receiver reports (RFC 3550 6.4)."""

import struct
from typing import NamedTuple

from sfu.rtp.rtcp.wire import (
    MAX_COUNT,
    RECEIVER_REPORT,
    SENDER_REPORT,
    UINT32,
    check_count,
    need,
    pack_packet,
)

_BLOCK = struct.Struct("!LLLLLL")
_SENDER = struct.Struct("!LQLLL")
_LONE = struct.Struct("!BBHL")
"""The header of RTCP and the reporter's SSRC."""

_VERSION_BITS = 0x80
_MIN_LOST = -(1 << 23)
_MAX_LOST = (1 << 23) - 1


class ReportBlock(NamedTuple):
    """How one stream is received (RFC 3550 6.4.1).

    `fraction_lost` is in 256ths since the last report, `packets_lost` a signed 24-bit total (a larger one is
    clamped), `highest_sequence` the sequence number extended to 32 bits, `jitter` in units of the RTP clock, `lsr`
    the middle 32 bits of the last sender report's NTP time, `dlsr` the delay since it in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    lsr: int
    dlsr: int

    def serialize(self) -> bytes:
        """Return the block's 24 bytes."""
        lost = max(_MIN_LOST, min(self.packets_lost, _MAX_LOST)) & 0xFFFFFF
        loss = self.fraction_lost << 24 | lost
        return _BLOCK.pack(self.ssrc, loss, self.highest_sequence, self.jitter, self.lsr, self.dlsr)


class SenderReport(NamedTuple):
    """What a sender sent, and what its RTP clock shows at the 64-bit NTP time `ntp` (RFC 3550 6.4.1)."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the RTCP packet.

        Raises:
            ValueError: it has more blocks than its header can count.
        """
        check_count("sender report", len(self.reports))
        head = _SENDER.pack(self.ssrc, self.ntp, self.rtp_timestamp, self.packet_count, self.octet_count)
        return pack_packet(SENDER_REPORT, len(self.reports), head + b"".join(r.serialize() for r in self.reports))


class ReceiverReport(NamedTuple):
    """How the streams that come to `ssrc` are received (RFC 3550 6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the RTCP packet.

        Raises:
            ValueError: it has more blocks than its header can count.
        """
        check_count("receiver report", len(self.reports))
        body = UINT32.pack(self.ssrc) + b"".join(r.serialize() for r in self.reports)
        return pack_packet(RECEIVER_REPORT, len(self.reports), body)


def read_lone_report(packet: memoryview) -> tuple[ReportBlock, ...] | None:
    """Read a datagram that holds one receiver report and nothing else: its blocks.

    `None` for any other datagram, malformed ones too. It costs a third of `parse_rtcp`.
    """
    size = len(packet)
    if size < _LONE.size:
        return None
    first, kind, words, _ = _LONE.unpack_from(packet)
    count = first & MAX_COUNT
    if kind != RECEIVER_REPORT or first != _VERSION_BITS | count:
        return None
    if size != _LONE.size + count * _BLOCK.size or size != 4 * words + 4:
        return None
    return _parse_blocks(count, packet, _LONE.size)


def parse_sender_report(count: int, body: memoryview) -> SenderReport:
    """Parse a sender report's body; profile-specific extensions after the blocks are ignored.

    Raises:
        ValueError: the body is too short for its blocks.
    """
    need("sender report", body, _SENDER.size + count * _BLOCK.size)
    ssrc, ntp, rtp_timestamp, packet_count, octet_count = _SENDER.unpack_from(body)
    reports = _parse_blocks(count, body, _SENDER.size)
    return SenderReport(ssrc, ntp, rtp_timestamp, packet_count, octet_count, reports)


def parse_receiver_report(count: int, body: memoryview) -> ReceiverReport:
    """Parse a receiver report's body; profile-specific extensions after the blocks are ignored.

    Raises:
        ValueError: the body is too short for its blocks.
    """
    need("receiver report", body, UINT32.size + count * _BLOCK.size)
    (ssrc,) = UINT32.unpack_from(body)
    return ReceiverReport(ssrc, _parse_blocks(count, body, UINT32.size))


def _parse_blocks(count: int, body: memoryview, start: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for position in range(start, start + count * _BLOCK.size, _BLOCK.size):
        ssrc, loss, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(body, position)
        lost = loss & 0xFFFFFF
        if lost > _MAX_LOST:
            lost -= 1 << 24
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(blocks)
