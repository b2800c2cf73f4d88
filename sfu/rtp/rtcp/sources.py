"""Who the sources are and when they leave: source descriptions and BYE (RFC 3550 6.5, 6.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.rtp.rtcp.wire import BYE, SOURCE_DESCRIPTION, UINT32, check_count, need, pack_packet

MAX_TEXT_BYTES = 255
"""The length of an SDES item or of a BYE's reason is one byte."""

_ITEM_END = 0
_ITEM_CNAME = 1
_MIN_CHUNK_BYTES = 8


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """The canonical names of sources, by SSRC (RFC 3550 6.5.1). Items other than CNAME are not kept.

    A source that was described without a CNAME has an empty one, and an empty one is not sent.
    """

    chunks: Mapping[int, str]

    def __post_init__(self) -> None:
        check_count("source description", len(self.chunks))

    def serialize(self) -> bytes:
        """Return the RTCP packet.

        Raises:
            ValueError: a CNAME is longer than `MAX_TEXT_BYTES` in UTF-8.
        """
        body = b""
        for ssrc, cname in self.chunks.items():
            item = bytes([_ITEM_CNAME]) + _pack_text(cname) if cname else b""
            body += UINT32.pack(ssrc) + item + bytes(4 - len(item) % 4)
        return pack_packet(SOURCE_DESCRIPTION, len(self.chunks), body)


@dataclass(frozen=True, slots=True)
class Bye:
    """Sources that send no more (RFC 3550 6.6). Without a reason, `reason` is empty."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    def __post_init__(self) -> None:
        check_count("BYE", len(self.ssrcs))

    def serialize(self) -> bytes:
        """Return the RTCP packet.

        Raises:
            ValueError: the reason is longer than `MAX_TEXT_BYTES` in UTF-8.
        """
        body = b"".join(UINT32.pack(ssrc) for ssrc in self.ssrcs)
        if self.reason:
            text = _pack_text(self.reason)
            body += text + bytes(-len(text) % 4)
        return pack_packet(BYE, len(self.ssrcs), body)


def parse_source_description(count: int, body: memoryview) -> SourceDescription:
    """Parse a source description's body.

    Raises:
        ValueError: a chunk or an item is truncated.
    """
    chunks: dict[int, str] = {}
    position = 0
    for _ in range(count):
        if position + _MIN_CHUNK_BYTES > len(body):
            raise ValueError(f"RTCP source description of {len(body)} bytes is too short for {count} chunks")
        (ssrc,) = UINT32.unpack_from(body, position)
        chunks[ssrc], position = _parse_items(body, position + UINT32.size)
    return SourceDescription(chunks)


def parse_bye(count: int, body: memoryview) -> Bye:
    """Parse a BYE's body.

    Raises:
        ValueError: a source or the reason is truncated.
    """
    end = count * UINT32.size
    need("BYE", body, end)
    ssrcs = tuple(UINT32.unpack_from(body, position)[0] for position in range(0, end, UINT32.size))
    if end == len(body):
        return Bye(ssrcs)
    stop = end + 1 + body[end]
    if stop > len(body):
        raise ValueError(f"RTCP BYE's reason reaches to byte {stop} of a body of {len(body)}")
    return Bye(ssrcs, _text(body[end + 1 : stop]))


def _pack_text(text: str) -> bytes:
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"RTCP text of {len(data)} bytes is longer than {MAX_TEXT_BYTES}")
    return bytes([len(data)]) + data


def _text(data: memoryview) -> str:
    return str(data, "utf-8", "replace")


def _parse_items(body: memoryview, position: int) -> tuple[str, int]:
    """Return the chunk's CNAME and where the next chunk starts."""
    cname = ""
    while position < len(body):
        item = body[position]
        if item == _ITEM_END:
            return cname, (position + 4) & ~3
        stop = position + 2 + body[position + 1] if position + 1 < len(body) else len(body) + 1
        if stop > len(body):
            break
        if item == _ITEM_CNAME:
            cname = _text(body[position + 2 : stop])
        position = stop
    raise ValueError("RTCP source description ends within its items")
