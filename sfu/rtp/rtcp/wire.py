"""What all RTCP packets have in common on the wire (RFC 3550 6.4)."""

import struct

MAX_COUNT = 31
"""The header's count field has five bits: so many report blocks, chunks or sources fit one packet."""

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
BYE = 203
TRANSPORT_LAYER_FEEDBACK = 205
PAYLOAD_SPECIFIC_FEEDBACK = 206
EXTENDED_REPORTS = 207

UINT32 = struct.Struct("!L")
TWO_UINT32 = struct.Struct("!LL")

_HEADER = struct.Struct("!BBH")
_VERSION_BITS = 0x80
_PADDING_BIT = 0x20
_MAX_WORDS = 0xFFFF


def pack_packet(packet_type: int, count: int, body: bytes) -> bytes:
    """Put the header before `body`, which is padded to whole words (RFC 3550 6.4.1) when it needs to be.

    Raises:
        ValueError: the body is too long for the header's length field.
    """
    first = _VERSION_BITS | count
    if padding := -len(body) % 4:
        first |= _PADDING_BIT
        body += bytes(padding - 1) + bytes([padding])
    words = len(body) // 4
    if words > _MAX_WORDS:
        raise ValueError(f"RTCP packet of {len(body)} bytes is longer than its length field can say")
    return _HEADER.pack(first, packet_type, words) + body


def check_count(what: str, count: int) -> None:
    """Refuse a number of items that the header cannot count.

    Raises:
        ValueError: there are more than `MAX_COUNT`.
    """
    if count > MAX_COUNT:
        raise ValueError(f"RTCP {what} holds {count} items, at most {MAX_COUNT} fit")


def need(what: str, body: memoryview, size: int) -> None:
    """Refuse a body that is shorter than `size` bytes.

    Raises:
        ValueError: it is.
    """
    if len(body) < size:
        raise ValueError(f"RTCP {what} of {len(body)} bytes is shorter than {size}")
