"""What the payload descriptors of several codecs have in common."""

from typing import TypeAlias

Payload: TypeAlias = bytes | bytearray | memoryview
"""A packet's payload, without header and padding."""


def picture_id(payload: Payload, position: int) -> tuple[int, int]:
    """Return a picture id of VP8 (RFC 7741 4.2) or VP9 (RFC 9628 4.2) and its bits, 7 or 15.

    Raises:
        IndexError: the payload ends before it does.
    """
    first = payload[position]
    if first & 0x80:
        return (first & 0x7F) << 8 | payload[position + 1], 15
    return first, 7
