"""Reads the headers of one transport's packets, most of them by what the packet before was like.

Nearly all packets of a stream have the same header extension elements at the same places. To see that is to
compare a few bytes, and then everything that was worked out for the packet before holds for this one.
"""

import struct
from operator import itemgetter

from sfu.rtp.packet import (
    FIXED_HEADER_BYTES,
    ONE_BYTE_PROFILE,
    Buffer,
    HeaderShape,
    RtpHeader,
    iter_extensions,
    parse_rtp_header,
)

MAX_SHAPES = 64
"""Streams of one transport whose shape is remembered. A peer with more has its packets parsed."""

MAX_TELLING_BYTES = 64
"""Longer to compare than to parse. Browsers' packets have three to six elements, of which a byte each tells."""

_FIXED_HEADER = struct.Struct("!BBHLL").unpack_from
_PLAIN = 0x90
"""First byte of a packet with a header extension, without padding and contributing sources (RFC 3550 5.1)."""

_PROFILE_AT = FIXED_HEADER_BYTES
_FIRST_ELEMENT_AT = FIXED_HEADER_BYTES + 4
_MARKER_BIT = 0x80


class HeaderReader:
    """Parses headers as `parse_rtp_header` does, and gives those that it can a `shape`."""

    __slots__ = ("_shapes",)

    def __init__(self) -> None:
        self._shapes: dict[int, HeaderShape] = {}

    def read(self, view: Buffer, length: int) -> RtpHeader:
        """Parse the header of the RTP packet that fills the first `length` bytes of `view`.

        Raises:
            ValueError: see `parse_rtp_header`.
        """
        if length < FIXED_HEADER_BYTES:
            return parse_rtp_header(view, length)
        _, second, sequence_number, timestamp, ssrc = _FIXED_HEADER(view)
        shape = self._shapes.get(ssrc)
        if shape is not None:
            end = shape.end
            if length >= end and shape.telling_bytes(view) == shape.told:
                return RtpHeader(
                    second >= _MARKER_BIT,
                    second & 0x7F,
                    sequence_number,
                    timestamp,
                    ssrc,
                    0,
                    ONE_BYTE_PROFILE,
                    _FIRST_ELEMENT_AT,
                    end,
                    end,
                    length,
                    0,
                    shape,
                )
        header = parse_rtp_header(view, length)
        if view[0] == _PLAIN and header.extension_profile == ONE_BYTE_PROFILE:
            header.shape = self._learn(view, header)
        return header

    def _learn(self, view: Buffer, header: RtpHeader) -> HeaderShape | None:
        shape = shape_of(view, header)
        if shape is None:
            self._shapes.pop(header.ssrc, None)
            return None
        if len(self._shapes) == MAX_SHAPES and header.ssrc not in self._shapes:
            return None
        self._shapes[header.ssrc] = shape
        return shape


def shape_of(view: Buffer, header: RtpHeader) -> HeaderShape | None:
    """Work out the shape of a packet whose first byte says that it has nothing but an extension of one-byte form.

    `None` if its elements do not end where the extension does, or it has very many.
    """
    at, end = header.extension_start, header.extension_end
    telling = [0, *range(_PROFILE_AT, _FIRST_ELEMENT_AT)]
    elements: dict[int, int] = {}
    for _, start, size in iter_extensions(view, header):
        telling += range(at, start)  # zero bytes of padding, and the element's own first
        elements.setdefault(view[start - 1], start)
        at = start + size
    telling += range(at, end)
    if any(view[at:end]) or len(telling) > MAX_TELLING_BYTES:
        return None
    getter = itemgetter(*telling)
    return HeaderShape(getter, getter(view), elements, end)


__all__ = ["HeaderReader", "shape_of"]
