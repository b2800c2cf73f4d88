"""Extended reports (RFC 3611); those two block types are parsed that give a receiver its round-trip time."""

import struct
from dataclasses import dataclass
from typing import TypeAlias

from sfu.rtp.rtcp.wire import EXTENDED_REPORTS, UINT32, need, pack_packet

RRTR_BLOCK = 4
DLRR_BLOCK = 5

_BLOCK_HEADER = struct.Struct("!BBH")
_NTP = struct.Struct("!Q")
_DLRR_ITEM = struct.Struct("!LLL")


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """The receiver's clock as a 64-bit NTP time (RFC 3611 4.4)."""

    ntp: int

    def serialize(self) -> bytes:
        """Return the block."""
        return _pack_block(RRTR_BLOCK, 0, _NTP.pack(self.ntp))


@dataclass(frozen=True, slots=True)
class DelaySinceLastReceiverReference:
    """When the sender heard its receivers' clocks (RFC 3611 4.5).

    An entry is `(ssrc, lrr, dlrr)`: the middle 32 bits of that receiver's last NTP time, and the delay since in
    1/65536 s.
    """

    entries: tuple[tuple[int, int, int], ...]

    def serialize(self) -> bytes:
        """Return the block."""
        return _pack_block(DLRR_BLOCK, 0, b"".join(_DLRR_ITEM.pack(*entry) for entry in self.entries))


@dataclass(frozen=True, slots=True)
class UnknownXrBlock:
    """A block kept as it came: its type, its type-specific byte and its body in whole words."""

    block_type: int
    type_specific: int
    body: bytes

    def serialize(self) -> bytes:
        """Return the block."""
        return _pack_block(self.block_type, self.type_specific, self.body)


XrBlock: TypeAlias = ReceiverReferenceTime | DelaySinceLastReceiverReference | UnknownXrBlock


@dataclass(frozen=True, slots=True)
class ExtendedReports:
    """The extended report blocks of `ssrc` (RFC 3611 2)."""

    ssrc: int
    blocks: tuple[XrBlock, ...]

    def serialize(self) -> bytes:
        """Return the RTCP packet."""
        body = UINT32.pack(self.ssrc) + b"".join(block.serialize() for block in self.blocks)
        return pack_packet(EXTENDED_REPORTS, 0, body)


def parse_extended_reports(body: memoryview) -> ExtendedReports:
    """Parse an extended report's body.

    Raises:
        ValueError: a block is truncated, or its length does not fit its type.
    """
    need("extended report", body, UINT32.size)
    (ssrc,) = UINT32.unpack_from(body)
    blocks: list[XrBlock] = []
    position = UINT32.size
    while position < len(body):
        need("extended report", body, position + _BLOCK_HEADER.size)
        block_type, type_specific, words = _BLOCK_HEADER.unpack_from(body, position)
        position += _BLOCK_HEADER.size
        end = position + 4 * words
        need("extended report", body, end)
        blocks.append(_parse_block(block_type, type_specific, body[position:end]))
        position = end
    return ExtendedReports(ssrc, tuple(blocks))


def _pack_block(block_type: int, type_specific: int, body: bytes) -> bytes:
    return _BLOCK_HEADER.pack(block_type, type_specific, len(body) // 4) + body


def _parse_block(block_type: int, type_specific: int, body: memoryview) -> XrBlock:
    if block_type == RRTR_BLOCK:
        if len(body) != _NTP.size:
            raise ValueError(f"RTCP receiver reference time block of {len(body)} bytes is not {_NTP.size} long")
        return ReceiverReferenceTime(*_NTP.unpack(body))
    if block_type == DLRR_BLOCK:
        if len(body) % _DLRR_ITEM.size:
            raise ValueError(f"RTCP DLRR block of {len(body)} bytes holds no whole number of entries")
        return DelaySinceLastReceiverReference(tuple(_DLRR_ITEM.iter_unpack(body)))
    return UnknownXrBlock(block_type, type_specific, bytes(body))
