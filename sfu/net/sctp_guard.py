"""What an SCTP packet may ask of us: checked before aiortc's SCTP, which trusts its peer, acts upon it.

A peer could otherwise make one acknowledgement cost seconds, or have us keep whatever it sends for ever.
"""

import struct
from collections.abc import Sequence

import aiortc.rtcdatachannel  # noqa: F401 - the two import each other, and work only in this order
from aiortc.rtcsctptransport import (
    Chunk,
    DataChunk,
    InitChunk,
    SackChunk,
    parse_packet,
)

MAX_CHUNKS_A_PACKET = 64
"""A full packet has room for sixty messages of a few bytes. Nobody sends more than a handful."""

_TSN_MODULO = 1 << 32
_HALF = 1 << 31


def read_packet(packet: bytes) -> tuple[int, int, list[Chunk]]:
    """Parse a packet: the destination port, the verification tag and the chunks of known types.

    Raises:
        ValueError: it is no SCTP packet, its checksum is wrong, or a chunk is cut short.
    """
    try:
        _, port, tag, chunks = parse_packet(packet)
    except struct.error as error:
        raise ValueError("a chunk is shorter than its fields") from error
    if len(chunks) > MAX_CHUNKS_A_PACKET:
        raise ValueError(f"more than {MAX_CHUNKS_A_PACKET} chunks")
    has_init = any(isinstance(chunk, InitChunk) for chunk in chunks)
    if has_init and len(chunks) > 1:
        raise ValueError("INIT does not stand alone")  # RFC 9260 6.10
    if not all(_is_whole(chunk) for chunk in chunks):
        raise ValueError("a chunk lacks its fields")
    return port, tag, chunks


def tsn_distance(start: int, end: int) -> int:
    """How far `end` is ahead of `start`, negative when it is behind (RFC 1982 serial numbers)."""
    distance = (end - start) % _TSN_MODULO
    return distance - _TSN_MODULO if distance >= _HALF else distance


def is_sack_sane(chunk: SackChunk, last_acknowledged: int, last_assigned: int) -> bool:
    """Tell whether an acknowledgement names nothing but what was sent, and nothing twice (RFC 9260 3.3.4)."""
    outstanding = tsn_distance(chunk.cumulative_tsn, last_assigned)
    if outstanding < 0 or tsn_distance(last_acknowledged, chunk.cumulative_tsn) < 0:
        return False
    return _ascends(chunk.gaps, outstanding)


def _ascends(gaps: Sequence[tuple[int, int]], last: int) -> bool:
    before = 0
    for start, end in gaps:
        if not before < start <= end <= last:
            return False
        before = end
    return True


def _is_whole(chunk: Chunk) -> bool:
    """Tell whether a chunk has what it must not lack; aiortc reads an empty one as zeros."""
    if isinstance(chunk, DataChunk):
        return bool(chunk.user_data)
    return not isinstance(chunk, InitChunk) or chunk.initiate_tag != 0
