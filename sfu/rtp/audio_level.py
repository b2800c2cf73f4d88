"""How loud an audio packet is, as its sender says in a header extension (RFC 6464): nothing is decoded for it."""

from sfu.rtp.packet import Buffer, RtpHeader, iter_extensions

MAX_LOUDNESS = 127
"""Loudness is counted in dB upwards from silence, 0, to overload, 127; RFC 6464 counts downwards, in -dBov."""

_LEVEL_MASK = 0x7F


def loudness(octet: int) -> int:
    """Return the loudness, 0 to `MAX_LOUDNESS`, that an element's one byte tells (RFC 6464 3).

    Its first bit, whether the sender takes the packet for speech, is left aside: senders that do not look at that
    leave it zero, and browsers set it in all that is not silence.
    """
    return MAX_LOUDNESS - (octet & _LEVEL_MASK)


def dbov(loudness_db: float) -> int:
    """Return a loudness in dBov, -127 to 0."""
    return round(loudness_db) - MAX_LOUDNESS


def read_loudness(packet: Buffer, header: RtpHeader, extension_id: int) -> int | None:
    """Return the loudness of a packet whose sender uses this id for the extension; `None` if it is not there.

    Only the first byte of a longer element counts, as RFC 6464 3 has it for the two-byte form's padding.
    """
    for element_id, start, length in iter_extensions(packet, header):
        if element_id == extension_id:
            return loudness(packet[start]) if length else None
    return None
