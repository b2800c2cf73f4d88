"""Build RTP packets from their fields, for tests that parse them."""

import struct
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"

BOUNDARIES = (0, 127, 32767, 32768, 65534, 65535)
"""Where 16-bit counters go wrong: the ends, the middle and a signed byte's end."""


def build_rtp(
    *,
    payload: bytes = b"",
    marker: bool = False,
    payload_type: int = 96,
    sequence_number: int = 0,
    timestamp: int = 0,
    ssrc: int = 1,
    csrcs: tuple[int, ...] = (),
    extension: tuple[int, bytes] | None = None,
    padding: int = 0,
) -> bytes:
    """Lay out one RTP packet; `extension` is the profile and the body, which is filled up to whole words."""
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension else 0) | len(csrcs)
    packet = struct.pack("!BBHLL", first, marker << 7 | payload_type, sequence_number, timestamp, ssrc)
    packet += b"".join(struct.pack("!L", csrc) for csrc in csrcs)
    if extension:
        profile, body = extension
        body += bytes(-len(body) % 4)
        packet += struct.pack("!HH", profile, len(body) // 4) + body
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    return packet


def captured(name: str) -> list[bytes]:
    """Read a capture of `tests/data/packets`; its README says what is in it."""
    data = (DATA / "packets" / name).read_bytes()
    packets = []
    position = 0
    while position < len(data):
        length, kept = struct.unpack_from("!HH", data, position)
        position += 4 + kept
        packets.append(data[position - kept : position] + bytes(length - kept))
    return packets
