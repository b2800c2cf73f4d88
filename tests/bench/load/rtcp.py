"""RTCP that an endpoint sends and reads (RFC 3550, RFC 4585, transport-wide congestion control draft 01)."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SENDER_REPORT, RECEIVER_REPORT, SDES, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 200, 201, 202, 205, 206
NACK_FORMAT, CC_FORMAT, PLI_FORMAT, FIR_FORMAT = 1, 15, 1, 4

NTP_EPOCH = 2_208_988_800
_MAX_BLOCKS = 31
_RUN_LIMIT = 0x1FFF
_SMALL_DELTA, _LARGE_DELTA, _NOT_RECEIVED = 1, 2, 0
_DELTA_US = 250
_REFERENCE_US = 64_000


@dataclass(frozen=True, slots=True)
class Block:
    """A reception report on one stream."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_sr: int
    since_last_sr: int


def packets(compound: bytes | memoryview) -> Iterator[tuple[int, int, bytes]]:
    """Split a compound packet: type, count or format, and all of the packet after its first four bytes."""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        end = at + 4 + words * 4
        yield kind, first & 0x1F, bytes(compound[at + 4 : end])
        at = end


def nacked(body: bytes) -> list[int]:
    """Return the sequence numbers that a NACK asks for."""
    wanted = []
    for pid, mask in struct.iter_unpack("!HH", body[8 : 8 + (len(body) - 8) // 4 * 4]):
        wanted += [pid, *(pid + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1)]
    return wanted


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, unix_time: float, timestamp: int, sent: int, octets: int) -> bytes:
    """Build an SR without blocks, with an SDES CNAME."""
    ntp = int((unix_time + NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
    body = struct.pack("!LQLLL", ssrc, ntp, timestamp & 0xFFFFFFFF, sent & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    cname = b"bench"
    chunk = struct.pack("!LBB", ssrc, 1, len(cname)) + cname
    chunk += bytes(4 - len(chunk) % 4)
    return _packet(SENDER_REPORT, 0, body) + _packet(SDES, 1, chunk)


def receiver_reports(sender: int, blocks: Sequence[Block]) -> list[bytes]:
    """Build RRs of at most 31 blocks each."""
    reports = []
    for first in range(0, len(blocks), _MAX_BLOCKS):
        part = blocks[first : first + _MAX_BLOCKS]
        body = struct.pack("!L", sender) + b"".join(
            struct.pack(
                "!LLLLLL",
                block.ssrc,
                block.fraction_lost << 24 | min(block.lost, 0x7FFFFF) & 0xFFFFFF,
                block.highest & 0xFFFFFFFF,
                block.jitter,
                block.last_sr,
                block.since_last_sr,
            )
            for block in part
        )
        reports.append(_packet(RECEIVER_REPORT, len(part), body))
    return reports


def picture_loss(sender: int, media: int) -> bytes:
    """Build a PLI."""
    return _packet(PAYLOAD_FEEDBACK, PLI_FORMAT, struct.pack("!LL", sender, media))


def nack(sender: int, media: int, missing: Iterable[int]) -> bytes:
    """Build a NACK for 16-bit sequence numbers in rising order."""
    pairs: list[list[int]] = []
    for sequence in missing:
        bit = (sequence - pairs[-1][0] & 0xFFFF) - 1 if pairs else 16
        if 0 <= bit < 16:
            pairs[-1][1] |= 1 << bit
        else:
            pairs.append([sequence, 0])
    body = b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _packet(TRANSPORT_FEEDBACK, NACK_FORMAT, struct.pack("!LL", sender, media) + body)


def transport_feedback(sender: int, media: int, count: int, arrivals: Sequence[tuple[int, int]]) -> bytes:
    """Build transport-wide feedback. `arrivals`: unwrapped numbers, rising without repeats, and microseconds."""
    base, first_us = arrivals[0]
    reference = first_us // _REFERENCE_US
    clock = reference * (_REFERENCE_US // _DELTA_US)
    symbols: list[int] = []
    deltas = bytearray()
    for number, us in arrivals:
        symbols += [_NOT_RECEIVED] * (number - base - len(symbols))
        ticks = us // _DELTA_US
        delta, clock = ticks - clock, ticks
        if 0 <= delta < 256:
            symbols.append(_SMALL_DELTA)
            deltas.append(delta)
        else:
            symbols.append(_LARGE_DELTA)
            deltas += struct.pack("!h", max(-32768, min(32767, delta)))
    head = struct.pack(
        "!LLHHL", sender, media, base & 0xFFFF, len(symbols), (reference & 0xFFFFFF) << 8 | count & 0xFF
    )
    body = head + _chunks(symbols) + deltas
    padding = -len(body) % 4
    if not padding:
        return _packet(TRANSPORT_FEEDBACK, CC_FORMAT, body)
    return _packet(TRANSPORT_FEEDBACK, CC_FORMAT | 0x20, body + bytes(padding - 1) + bytes([padding]))


def _chunks(symbols: list[int]) -> bytes:
    """Write runs of equal symbols where all are equal, as nearly always, and vectors of seven otherwise."""
    if symbols.count(symbols[0]) == len(symbols) <= _RUN_LIMIT:
        return struct.pack("!H", symbols[0] << 13 | len(symbols))
    chunks = bytearray()
    for first in range(0, len(symbols), 7):
        chunk = 0xC000
        for n, symbol in enumerate(symbols[first : first + 7]):
            chunk |= symbol << 12 - 2 * n
        chunks += struct.pack("!H", chunk)
    return bytes(chunks)
