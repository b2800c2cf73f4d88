"""What an SCTP packet may ask of us: checked before aiortc's SCTP, which trusts its peer, acts upon it.

A peer could otherwise make one acknowledgement cost seconds, or have us keep whatever it sends for ever.
"""

import struct
from collections.abc import Iterator, Sequence

import aiortc.rtcdatachannel  # noqa: F401 - the two import each other, and work only in this order
from aiortc.rtcsctptransport import (
    AbortChunk,
    Chunk,
    DataChunk,
    ErrorChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    InitAckChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    parse_packet,
)

MAX_CHUNKS_A_PACKET = 64
"""A full packet has room for sixty messages of a few bytes. Nobody sends more than a handful."""

MAX_RECONFIG_PARAMETERS = 2
"""RFC 6525 section 3.1 has no combination of more. Each is answered with a packet."""

_HEADER_BYTES = 12
_PARAMETERS_AT = {
    InitChunk.type: 20,
    InitAckChunk.type: 20,
    **dict.fromkeys((HeartbeatChunk.type, HeartbeatAckChunk.type, AbortChunk.type, ErrorChunk.type), 4),
    ReconfigChunk.type: 4,
}
"""Where the parameters of a chunk begin, by its type."""
_RESET_REQUEST, _RESET_RESPONSE, _ADD_STREAMS = 13, 16, 17
_LEAST_VALUE_BYTES = {_RESET_REQUEST: 12, _RESET_RESPONSE: 8, _ADD_STREAMS: 8}
"""Of the parameters of a RE-CONFIG chunk that are acted upon (RFC 6525 section 4)."""

_TSN_MODULO = 1 << 32
_HALF = 1 << 31


def read_packet(packet: bytes) -> tuple[int, int, list[Chunk]]:
    """Parse a packet: the destination port, the verification tag and the chunks of known types.

    Raises:
        ValueError: it is no SCTP packet, its checksum is wrong, or a chunk is cut short.
    """
    _check_parameters(packet)
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


def _check_parameters(packet: bytes) -> None:
    """See that every parameter has a length: aiortc would look for ever for the end of one without."""
    at, end = _HEADER_BYTES, len(packet)
    while at + 4 <= end:
        kind, _, length = struct.unpack_from("!BBH", packet, at)
        if length < 4:
            raise ValueError("a chunk is shorter than its header")
        if kind in _PARAMETERS_AT:
            parameters = list(_parameters(packet, at + _PARAMETERS_AT[kind], min(at + length, end)))
            if kind == ReconfigChunk.type:
                _check_reconfig(parameters)
        at += length + -length % 4


def _parameters(packet: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the type of each parameter and the bytes of its value."""
    while at + 4 <= end:
        kind, length = struct.unpack_from("!HH", packet, at)
        if length < 4 or at + length > end:
            raise ValueError("a parameter is cut short")
        yield kind, length - 4
        at += length + -length % 4


def _check_reconfig(parameters: list[tuple[int, int]]) -> None:
    if len(parameters) > MAX_RECONFIG_PARAMETERS:
        raise ValueError(f"more than {MAX_RECONFIG_PARAMETERS} parameters")
    for kind, length in parameters:
        if length < _LEAST_VALUE_BYTES.get(kind, 0) or (kind == _RESET_REQUEST and length % 2):
            raise ValueError("a parameter lacks its fields")


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
