"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.rtp.rtcp.wire import TRANSPORT_LAYER_FEEDBACK, need, pack_packet

TRANSPORT_FEEDBACK_FORMAT = 15
MAX_STATUSES = 8192
"""Most packets one feedback tells of. A feedback covers a quarter of a second: that is 8192 packets at 300 Mbit/s,
and two bytes of a hostile one could otherwise make eight thousand entries each."""

MIN_DELTA = -(1 << 15)
MAX_DELTA = (1 << 15) - 1
MAX_SMALL_DELTA = 255

_HEAD = struct.Struct("!LLHHL")
_LONE = struct.Struct("!BBHLLHHLH")
"""The header of RTCP, the head of a feedback and its first chunk."""

_LONE_FIRST = 0x80 | TRANSPORT_FEEDBACK_FORMAT
_PADDING_BIT = 0x20
_ALL_BUT_PADDING = 0xFF ^ _PADDING_BIT
_CHUNK = struct.Struct("!H")
_LARGE_DELTA = struct.Struct("!h")
_NOT_RECEIVED, _SMALL, _LARGE, _RESERVED = range(4)
_VECTOR_BIT = 0x8000
_TWO_BIT_SYMBOLS_BIT = 0x4000
_ONE_BIT_CAPACITY = 14
_TWO_BIT_CAPACITY = 7
_MAX_RUN = 0x1FFF


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """When the packets of a transport arrived.

    `packets[i]` is about transport-wide sequence number `base_sequence + i` (16 bits): None when it has not been
    received, otherwise the time since the one received before it, in units of 250 µs (the first counts from
    `reference_time`, 24 bits in units of 64 ms). `feedback_count` grows by one a feedback and has 8 bits.
    """

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    reference_time: int
    feedback_count: int
    packets: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.packets) <= MAX_STATUSES:
            raise ValueError(
                f"RTCP transport feedback tells of {len(self.packets)} packets, not 1 to {MAX_STATUSES}"
            )

    def serialize(self) -> bytes:
        """Return the RTCP packet.

        Raises:
            ValueError: a delta does not fit 16 bits.
        """
        body = bytearray(
            _HEAD.pack(
                self.sender_ssrc,
                self.media_ssrc,
                self.base_sequence,
                len(self.packets),
                self.reference_time << 8 | self.feedback_count,
            )
        )
        body += _pack_chunks([_symbol(delta) for delta in self.packets])
        for delta in self.packets:
            if delta is not None:
                body += bytes([delta]) if 0 <= delta <= MAX_SMALL_DELTA else _LARGE_DELTA.pack(delta)
        return pack_packet(TRANSPORT_LAYER_FEEDBACK, TRANSPORT_FEEDBACK_FORMAT, bytes(body))


def parse_transport_feedback(body: memoryview) -> TransportFeedback:
    """Parse a transport feedback's body. Zeros that fill the last word are ignored.

    Raises:
        ValueError: it is truncated, tells of no packet or of too many, or has a status the draft reserves.
    """
    need("transport feedback", body, _HEAD.size + _CHUNK.size)
    sender_ssrc, media_ssrc, base_sequence, status_count, time_and_count = _HEAD.unpack_from(body)
    if not 0 < status_count <= MAX_STATUSES:
        raise ValueError(f"RTCP transport feedback tells of {status_count} packets, not 1 to {MAX_STATUSES}")
    (chunk,) = _CHUNK.unpack_from(body, _HEAD.size)
    if chunk >> 13 == _SMALL and chunk & _MAX_RUN >= status_count:  # nothing lost or late: most feedback
        start = _HEAD.size + _CHUNK.size
        need("transport feedback", body, start + status_count)
        packets: tuple[int | None, ...] = tuple(body[start : start + status_count])
    else:
        packets = _parse_deltas(body, *_parse_chunks(body, status_count))
    return TransportFeedback(
        sender_ssrc, media_ssrc, base_sequence, time_and_count >> 8, time_and_count & 0xFF, packets
    )


def read_lone_feedback(packet: memoryview) -> tuple[int, int, bytes] | None:
    """Read a datagram that holds one transport feedback about packets that all came, soon after one another.

    So is most of what a peer sends that receives video, twenty times a second: this costs a fifth of `parse_rtcp`.
    Returns `base_sequence`, `reference_time` and `packets` as `TransportFeedback` has them, each delta a byte; or
    `None` for any other datagram, malformed ones too.
    """
    size = len(packet)
    if size < _LONE.size:
        return None
    first, kind, words, _, _, base_sequence, status_count, time_and_count, chunk = _LONE.unpack_from(packet)
    if kind != TRANSPORT_LAYER_FEEDBACK or first & _ALL_BUT_PADDING != _LONE_FIRST or 4 * words + 4 != size:
        return None
    if first & _PADDING_BIT:
        padding = packet[size - 1]
        size -= padding or size
    end = _LONE.size + status_count
    if not 0 < status_count <= MAX_STATUSES or end > size:
        return None
    if chunk >> 13 != _SMALL or chunk & _MAX_RUN < status_count:
        return None
    return base_sequence, time_and_count >> 8, bytes(packet[_LONE.size : end])


def _symbol(delta: int | None) -> int:
    """Return the status symbol, which is also how many bytes the delta takes."""
    if delta is None:
        return _NOT_RECEIVED
    if 0 <= delta <= MAX_SMALL_DELTA:
        return _SMALL
    if MIN_DELTA <= delta <= MAX_DELTA:
        return _LARGE
    raise ValueError(f"RTCP transport feedback delta of {delta} does not fit 16 bits")


def _pack_chunks(symbols: Sequence[int]) -> bytes:
    chunks = bytearray()
    position = 0
    while position < len(symbols):
        chunk, taken = _next_chunk(symbols, position)
        chunks += _CHUNK.pack(chunk)
        position += taken
    return bytes(chunks)


def _next_chunk(symbols: Sequence[int], position: int) -> tuple[int, int]:
    """Return the chunk that tells of most packets from `position` on, and of how many."""
    symbol = symbols[position]
    limit = min(len(symbols), position + _MAX_RUN)
    end = position + 1
    while end < limit and symbols[end] == symbol:
        end += 1
    window = symbols[position : position + _ONE_BIT_CAPACITY]
    one_bit = _LARGE not in window
    if not one_bit:
        window = window[:_TWO_BIT_CAPACITY]
    if end - position >= len(window):
        return symbol << 13 | end - position, end - position
    width, flags = (1, _VECTOR_BIT) if one_bit else (2, _VECTOR_BIT | _TWO_BIT_SYMBOLS_BIT)
    for index, status in enumerate(window, 1):
        flags |= status << (_ONE_BIT_CAPACITY - index * width)
    return flags, len(window)


def _parse_chunks(body: memoryview, status_count: int) -> tuple[list[int], int]:
    """Return `status_count` symbols and where the deltas start."""
    symbols: list[int] = []
    position = _HEAD.size
    while len(symbols) < status_count:
        need("transport feedback", body, position + _CHUNK.size)
        (chunk,) = _CHUNK.unpack_from(body, position)
        position += _CHUNK.size
        if not chunk & _VECTOR_BIT:
            run = min(chunk & _MAX_RUN, status_count - len(symbols))
            symbols += [chunk >> 13] * run
        elif chunk & _TWO_BIT_SYMBOLS_BIT:
            symbols += _THREE_SYMBOLS[chunk >> 8 & 0x3F]
            symbols += _FOUR_SYMBOLS[chunk & 0xFF]
        else:
            symbols += _SEVEN_FLAGS[chunk >> 7 & 0x7F]
            symbols += _SEVEN_FLAGS[chunk & 0x7F]
    del symbols[status_count:]
    if _RESERVED in symbols:
        raise ValueError("RTCP transport feedback has a reserved packet status")
    return symbols, position


def _parse_deltas(body: memoryview, symbols: list[int], position: int) -> tuple[int | None, ...]:
    need("transport feedback", body, position + sum(symbols))  # a symbol is also how many bytes its delta takes
    if _LARGE not in symbols:
        following = iter(body[position:])
        return tuple([next(following) if symbol else None for symbol in symbols])
    packets: list[int | None] = []
    for symbol in symbols:
        if symbol == _NOT_RECEIVED:
            packets.append(None)
            continue
        packets.append(body[position] if symbol == _SMALL else _LARGE_DELTA.unpack_from(body, position)[0])
        position += symbol
    return tuple(packets)


def _every_value(bits: int, width: int) -> list[tuple[int, ...]]:
    """Part every value of `bits` bits into symbols of `width`, so that a chunk takes two look-ups."""
    mask = (1 << width) - 1
    return [
        tuple(value >> shift & mask for shift in range(bits - width, -1, -width)) for value in range(1 << bits)
    ]


_SEVEN_FLAGS = _every_value(7, 1)
_THREE_SYMBOLS = _every_value(6, 2)
_FOUR_SYMBOLS = _every_value(8, 2)
