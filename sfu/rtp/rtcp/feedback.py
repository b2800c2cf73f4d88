"""Feedback about one stream: NACK, PLI (RFC 4585), FIR (RFC 5104) and REMB (draft-alvestrand-rmcat-remb-03)."""

import struct
from dataclasses import dataclass

from sfu.rtp.rtcp.wire import (
    PAYLOAD_SPECIFIC_FEEDBACK,
    TRANSPORT_LAYER_FEEDBACK,
    TWO_UINT32,
    UINT32,
    need,
    pack_packet,
)

NACK_FORMAT = 1
PLI_FORMAT = 1
FIR_FORMAT = 4
APPLICATION_LAYER_FORMAT = 15
REMB_NAME = b"REMB"

_NACK_ITEM = struct.Struct("!HH")
_NACK_SPAN = 16
_FIR_ITEM = struct.Struct("!LBxxx")
_SSRCS_BYTES = TWO_UINT32.size
_REMB_HEAD_BYTES = 16
_MANTISSA_BITS = 18
_MAX_REMB_SSRCS = 255


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets of `media_ssrc` that are missing, as 16-bit sequence numbers (RFC 4585 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]

    def serialize(self) -> bytes:
        """Return the RTCP packet. Numbers given in order take the fewest bytes: 17 in a row fit one item."""
        body = bytearray(TWO_UINT32.pack(self.sender_ssrc, self.media_ssrc))
        first, mask = -1, 0
        for number in self.lost:
            distance = (number - first - 1) & 0xFFFF
            if first >= 0 and distance < _NACK_SPAN:
                mask |= 1 << distance
                continue
            if first >= 0:
                body += _NACK_ITEM.pack(first, mask)
            first, mask = number, 0
        if first >= 0:
            body += _NACK_ITEM.pack(first, mask)
        return pack_packet(TRANSPORT_LAYER_FEEDBACK, NACK_FORMAT, bytes(body))


@dataclass(frozen=True, slots=True)
class PictureLossIndication:
    """The receiver of `media_ssrc` needs a key frame (RFC 4585 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int

    def serialize(self) -> bytes:
        """Return the RTCP packet."""
        return pack_packet(
            PAYLOAD_SPECIFIC_FEEDBACK, PLI_FORMAT, TWO_UINT32.pack(self.sender_ssrc, self.media_ssrc)
        )


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """Demand a key frame of each `(ssrc, seq_nr)`; an 8-bit `seq_nr` seen before repeats (RFC 5104 4.3.1)."""

    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]

    def serialize(self) -> bytes:
        """Return the RTCP packet."""
        head = TWO_UINT32.pack(self.sender_ssrc, 0)
        items = b"".join(_FIR_ITEM.pack(ssrc, seq_nr) for ssrc, seq_nr in self.entries)
        return pack_packet(PAYLOAD_SPECIFIC_FEEDBACK, FIR_FORMAT, head + items)


@dataclass(frozen=True, slots=True)
class Remb:
    """The most that the sources `ssrcs` may send together, in bit/s; 18 significant bits go out, rounded down."""

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.ssrcs) > _MAX_REMB_SSRCS:
            raise ValueError(f"RTCP REMB holds {len(self.ssrcs)} sources, at most {_MAX_REMB_SSRCS} fit")

    def serialize(self) -> bytes:
        """Return the RTCP packet."""
        exponent = max(0, self.bitrate_bps.bit_length() - _MANTISSA_BITS)
        estimate = len(self.ssrcs) << 24 | exponent << _MANTISSA_BITS | self.bitrate_bps >> exponent
        body = TWO_UINT32.pack(self.sender_ssrc, 0) + REMB_NAME + UINT32.pack(estimate)
        body += b"".join(UINT32.pack(ssrc) for ssrc in self.ssrcs)
        return pack_packet(PAYLOAD_SPECIFIC_FEEDBACK, APPLICATION_LAYER_FORMAT, body)


def parse_nack(body: memoryview) -> Nack:
    """Parse a generic NACK's body.

    Raises:
        ValueError: it holds no item.
    """
    need("NACK", body, _SSRCS_BYTES + _NACK_ITEM.size)
    sender_ssrc, media_ssrc = TWO_UINT32.unpack_from(body)
    lost: list[int] = []
    for position in range(_SSRCS_BYTES, len(body) - _NACK_ITEM.size + 1, _NACK_ITEM.size):
        number, mask = _NACK_ITEM.unpack_from(body, position)
        lost.append(number)
        while mask:
            number += 1
            if mask & 1:
                lost.append(number & 0xFFFF)
            mask >>= 1
    return Nack(sender_ssrc, media_ssrc, tuple(lost))


def parse_picture_loss_indication(body: memoryview) -> PictureLossIndication:
    """Parse a PLI's body.

    Raises:
        ValueError: it is too short.
    """
    need("PLI", body, _SSRCS_BYTES)
    return PictureLossIndication(*TWO_UINT32.unpack_from(body))


def parse_full_intra_request(body: memoryview) -> FullIntraRequest:
    """Parse a FIR's body.

    Raises:
        ValueError: it holds no entry.
    """
    need("FIR", body, _SSRCS_BYTES + _FIR_ITEM.size)
    (sender_ssrc,) = UINT32.unpack_from(body)
    last = len(body) - _FIR_ITEM.size
    entries: tuple[tuple[int, int], ...] = tuple(
        (ssrc, seq_nr)
        for ssrc, seq_nr in (
            _FIR_ITEM.unpack_from(body, position) for position in range(_SSRCS_BYTES, last + 1, _FIR_ITEM.size)
        )
    )
    return FullIntraRequest(sender_ssrc, entries)


def is_remb(body: memoryview) -> bool:
    """Tell whether an application layer feedback's body is a REMB."""
    return body[_SSRCS_BYTES : _SSRCS_BYTES + len(REMB_NAME)] == REMB_NAME


def parse_remb(body: memoryview) -> Remb:
    """Parse a REMB's body.

    Raises:
        ValueError: it is too short for its sources.
    """
    need("REMB", body, _REMB_HEAD_BYTES)
    (sender_ssrc,) = UINT32.unpack_from(body)
    (estimate,) = UINT32.unpack_from(body, _REMB_HEAD_BYTES - UINT32.size)
    end = _REMB_HEAD_BYTES + (estimate >> 24) * UINT32.size
    need("REMB", body, end)
    exponent = estimate >> _MANTISSA_BITS & 0x3F
    bitrate_bps = (estimate & ((1 << _MANTISSA_BITS) - 1)) << exponent
    ssrcs = tuple(UINT32.unpack_from(body, position)[0] for position in range(_REMB_HEAD_BYTES, end, UINT32.size))
    return Remb(sender_ssrc, bitrate_bps, ssrcs)
