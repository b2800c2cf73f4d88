"""RTP packets where they lie: find the fields of a header without copying anything (RFC 3550 5.1, RFC 8285)."""

import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes of a packet. A memoryview must be one of unsigned bytes, as those of bytes and bytearray are."""

FIXED_HEADER_BYTES = 12
RTP_VERSION = 2
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000

_FIXED_HEADER = struct.Struct("!BBHLL").unpack_from
_EXTENSION_HEADER = struct.Struct("!HH").unpack_from
_EXTENSION_HEADER_BYTES = 4
_VERSION_BITS = RTP_VERSION << 6
_PADDING_BIT = 0x20
_EXTENSION_BIT = 0x10
_CSRC_MASK = 0x0F
_MARKER_BIT = 0x80
_TWO_BYTE_MASK = 0xFFF0
_ONE_BYTE_STOP = 15
_MAX_ONE_BYTE_LENGTH = 16
FIRST_RTCP_TYPE = 192
LAST_RTCP_TYPE = 223


class HeaderShape:
    """What the header of a packet of no padding and no contributing sources has in common with others of its kind.

    Those have the same `told` as their `telling_bytes`, and with that the same extension of one-byte form: the
    element whose first byte is h begins at `elements[h]` (the first of several), and `end` is where all ends.
    `mapping` is for who rewrites such packets to keep what it has worked out.
    """

    __slots__ = ("elements", "end", "mapping", "telling_bytes", "told")

    def __init__(
        self,
        telling_bytes: Callable[[Buffer], tuple[int, ...]],
        told: tuple[int, ...],
        elements: dict[int, int],
        end: int,
    ) -> None:
        self.telling_bytes = telling_bytes
        self.told = told
        self.elements = elements
        self.end = end
        self.mapping: Any = None


class RtpHeader:
    """The fields of an RTP header and the offsets of the packet's parts.

    `sequence_number` has 16 bits, `timestamp` and `ssrc` have 32. `extension_start` and `extension_end` enclose
    the body of the header extension without its four-byte header; `extension_profile` is 0 and both are equal
    when there is none. `payload_start` and `payload_end` enclose the payload without its `padding` bytes. `shape`
    is there if a `HeaderReader` has read it and the packet's kind has one.
    """

    __slots__ = (
        "csrc_count",
        "extension_end",
        "extension_profile",
        "extension_start",
        "marker",
        "padding",
        "payload_end",
        "payload_start",
        "payload_type",
        "sequence_number",
        "shape",
        "ssrc",
        "timestamp",
    )

    def __init__(
        self,
        marker: bool,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        csrc_count: int,
        extension_profile: int,
        extension_start: int,
        extension_end: int,
        payload_start: int,
        payload_end: int,
        padding: int,
        shape: HeaderShape | None = None,
    ) -> None:
        self.marker = marker
        self.payload_type = payload_type
        self.sequence_number = sequence_number
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.csrc_count = csrc_count
        self.extension_profile = extension_profile
        self.extension_start = extension_start
        self.extension_end = extension_end
        self.payload_start = payload_start
        self.payload_end = payload_end
        self.padding = padding
        self.shape = shape

    def __repr__(self) -> str:
        return f"RtpHeader({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


def parse_rtp_header(view: Buffer, length: int) -> RtpHeader:
    """Parse the header of the RTP packet that fills the first `length` bytes of `view` (RFC 3550 5.1).

    `length` is at most the length of `view`. An empty payload is valid: senders probe
    with packets of padding only.

    Raises:
        ValueError: the bytes are no RTP packet; the sentence says which part is wrong.
    """
    if length < FIXED_HEADER_BYTES:
        raise ValueError(f"RTP packet of {length} bytes is shorter than its {FIXED_HEADER_BYTES}-byte header")
    first, second, sequence_number, timestamp, ssrc = _FIXED_HEADER(view)
    if first & 0xC0 != _VERSION_BITS:
        raise ValueError(f"RTP version is {first >> 6}, not {RTP_VERSION}")
    csrc_count = first & _CSRC_MASK
    start = end = FIXED_HEADER_BYTES + 4 * csrc_count
    profile = 0
    if first & _EXTENSION_BIT:
        start += _EXTENSION_HEADER_BYTES
        if start > length:
            raise ValueError(f"RTP packet of {length} bytes ends before its header extension")
        profile, words = _EXTENSION_HEADER(view, end)
        end = start + 4 * words
    if end > length:
        what = "header extension" if first & _EXTENSION_BIT else "list of contributing sources"
        raise ValueError(f"RTP {what} reaches to byte {end} of a packet of {length} bytes")
    padding = 0
    if first & _PADDING_BIT:
        padding = view[length - 1]
        if not 0 < padding <= length - end:
            raise ValueError(
                f"RTP padding of {padding} bytes does not fit the {length - end} bytes after the header"
            )
    return RtpHeader(
        second >= _MARKER_BIT,
        second & 0x7F,
        sequence_number,
        timestamp,
        ssrc,
        csrc_count,
        profile,
        start,
        end,
        end,
        length - padding,
        padding,
    )


def iter_extensions(view: Buffer, header: RtpHeader) -> Iterator[tuple[int, int, int]]:
    """Iterate over the header extension elements of a packet as `(id, start, length)`, offsets into `view`.

    Knows the one-byte and the two-byte form (RFC 8285 4.2, 4.3); any other profile has no elements. An element
    that reaches beyond the extension ends the iteration, as does the one-byte form's reserved id 15.
    """
    if header.extension_profile == ONE_BYTE_PROFILE:
        return _iter_one_byte(view, header.extension_start, header.extension_end)
    if header.extension_profile & _TWO_BYTE_MASK == TWO_BYTE_PROFILE:
        return _iter_two_byte(view, header.extension_start, header.extension_end)
    return iter(())


def find_extension(view: Buffer, header: RtpHeader, wanted: int, length: int) -> int:
    """Return where the header extension element of this id begins if it has that length in bytes, else 0.

    It does what `iter_extensions` does, but is asked for every packet.
    """
    shape = header.shape
    if shape is not None:
        return shape.elements.get(wanted << 4 | length - 1, 0) if 0 < length <= _MAX_ONE_BYTE_LENGTH else 0
    if header.extension_profile != ONE_BYTE_PROFILE:
        return next(
            (at for each, at, size in iter_extensions(view, header) if each == wanted and size == length), 0
        )
    position, end = header.extension_start, header.extension_end
    head = wanted << 4 | length - 1
    while position < end:
        found = view[position]
        position += 1
        if not found:
            continue
        size = (found & 0x0F) + 1
        if not 0 < found >> 4 < _ONE_BYTE_STOP or position + size > end:
            return 0
        if found == head:
            return position
        position += size
    return 0


def is_rtcp(first: int, second: int) -> bool:
    """Tell from its first two bytes whether an RTP or RTCP packet is RTCP (RFC 5761 4)."""
    return first & 0xC0 == _VERSION_BITS and FIRST_RTCP_TYPE <= second <= LAST_RTCP_TYPE


def _iter_one_byte(view: Buffer, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    while position < end:
        head = view[position]
        position += 1
        if not head:
            continue
        element_id = head >> 4
        length = (head & 0x0F) + 1
        if element_id in {0, _ONE_BYTE_STOP} or position + length > end:
            return
        yield element_id, position, length
        position += length


def _iter_two_byte(view: Buffer, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    while position < end - 1:
        element_id = view[position]
        if not element_id:
            position += 1
            continue
        length = view[position + 1]
        position += 2
        if position + length > end:
            return
        yield element_id, position, length
        position += length
