"""RTP as far as a sender and a receiver of numbered packets need it (RFC 3550)."""

import secrets
import struct
from dataclasses import dataclass
from typing import Any

PAYLOAD_TYPE = 111
CLOCK_RATE = 48_000
TICKS_A_PACKET = CLOCK_RATE // 50
PAYLOAD_BYTES = 80
"""Of speech in Opus at 32 kbit/s, 20 ms a packet."""

_HEADER = struct.Struct("!BBHLL")
_VERSION = 0x80


@dataclass(frozen=True, slots=True)
class Packet:
    """A received packet."""

    ssrc: int
    payload: bytes


def new_ssrc() -> int:
    """Return a stream's number."""
    return secrets.randbelow(2**31) + 1


def new_payload(number: int) -> bytes:
    """Return a payload that no other packet has."""
    return number.to_bytes(4, "big") + secrets.token_bytes(PAYLOAD_BYTES - 4)


def build(ssrc: int, number: int, payload: bytes) -> bytes:
    """Build the packet of this number of a stream."""
    timestamp = number * TICKS_A_PACKET & 0xFFFFFFFF
    return _HEADER.pack(_VERSION, PAYLOAD_TYPE, number & 0xFFFF, timestamp, ssrc) + payload


def parse(data: bytes) -> Packet:
    """Read a packet. Raises: ValueError, struct.error."""
    first, _, _, _, ssrc = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        start += 4 + 4 * struct.unpack_from("!HH", data, start)[1]
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        raise ValueError("an RTP packet without room for its payload")
    return Packet(ssrc, data[start:end])


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on one port (RFC 5761)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def producer_parameters(ssrc: int) -> dict[str, Any]:
    """Describe a stream of Opus as mediasoup's clients do."""
    codec = {
        "mimeType": "audio/opus",
        "payloadType": PAYLOAD_TYPE,
        "clockRate": CLOCK_RATE,
        "channels": 2,
        "parameters": {"minptime": 10, "useinbandfec": 1},
        "rtcpFeedback": [],
    }
    return {
        "mid": "0",
        "codecs": [codec],
        "headerExtensions": [],
        "encodings": [{"ssrc": ssrc}],
        "rtcp": {"cname": "integration", "reducedSize": True},
    }
