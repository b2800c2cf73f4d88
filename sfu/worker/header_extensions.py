"""Header extensions of forwarded packets: read from the publisher, written under the router's ids."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from sfu.rtp.audio_level import loudness
from sfu.rtp.mapped_batch import MID_ELEMENT_BYTES
from sfu.rtp.packet import RtpHeader, iter_extensions
from shared.rtp_parameters import RtpHeaderExtensionParameters, uris

MAX_ONE_BYTE_ID = 14
MAX_ELEMENT_BYTES = 16
"""What the one-byte form can say (RFC 8285 4.2)."""

_WRITTEN_BY_US = frozenset(
    {uris.MID, uris.RTP_STREAM_ID, uris.REPAIRED_RTP_STREAM_ID, uris.TRANSPORT_WIDE_CC, uris.ABS_SEND_TIME}
)
"""Hop by hop: what the publisher says in them is about its own transport."""

_READ_ONLY = frozenset({uris.DEPENDENCY_DESCRIPTOR})
"""For us alone: routers offer it to publishers only, as it would have to be rewritten for who gets a part."""

_HEAD = struct.Struct("!BBHLLHH").pack
_VERSION_AND_EXTENSION = 0x90
_ONE_BYTE_PROFILE = 0xBEDE
_SEND_TIME_BYTES = 3
_WORD_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


@lru_cache(maxsize=1)  # packets come in batches, which have one time
def abs_send_time(now: float) -> bytes:
    """Write a time in seconds as abs-send-time: 24 bits, 6.18 fixed point, about 3.8 us a unit."""
    return (int(now * 262_144) & 0xFFFFFF).to_bytes(3, "big")


class _Plan(NamedTuple):
    """How packets of one shape are rewritten by `mapper`: what the extension is made of, and where the rest lies.

    `words` is its length; behind the time of sending come the elements `own`, each under a new first byte and from
    a first up to a last byte (exclusive) of the packet, then `padding`. `level_at` is where the audio level is, or
    0; the dependency descriptor has the slice `descriptor`, if there is one.
    """

    mapper: "ExtensionMapper"
    words: int
    own: tuple[tuple[bytes, int, int], ...]
    padding: bytes
    level_at: int
    descriptor: slice | None


class ExtensionMapper:
    """Rewrites one producer's header extensions into the router's (see `mapped_batch` for the layout).

    `loudness` is what the audio level of the packet that was mapped last says, `descriptor` its dependency
    descriptor; both are `None` if it has none.
    """

    def __init__(
        self, published: Sequence[RtpHeaderExtensionParameters], router_ids: dict[str, int], *, is_video: bool
    ) -> None:
        self.loudness: int | None = None
        self.descriptor: memoryview | None = None
        self._router_id = {
            extension.id: router_ids[extension.uri]
            for extension in published
            if extension.uri not in _WRITTEN_BY_US | _READ_ONLY
            and router_ids.get(extension.uri, 15) <= MAX_ONE_BYTE_ID
        }
        self._level_id = next((each.id for each in published if each.uri == uris.SSRC_AUDIO_LEVEL), None)
        self._descriptor_id = next((each.id for each in published if each.uri == uris.DEPENDENCY_DESCRIPTOR), None)
        self._send_time_header = bytes([router_ids[uris.ABS_SEND_TIME] << 4 | 2])
        self._hop_by_hop = bytes(MID_ELEMENT_BYTES + (3 if is_video else 0)) + self._send_time_header

    def map_packet(self, packet: memoryview, header: RtpHeader, payload_type: int, send_time: bytes) -> bytes:
        """Rewrite a packet. Its SSRC is left zero, as every consumer writes its own."""
        shape = header.shape
        plan: _Plan | None = shape.mapping if shape is not None else None
        if plan is None or plan.mapper is not self:
            plan = self._plan(packet, header)
            if shape is not None:
                shape.mapping = plan
        _, words, own, padding, level_at, descriptor = plan
        self.loudness = loudness(packet[level_at]) if level_at else None
        self.descriptor = None if descriptor is None else packet[descriptor]
        head = _HEAD(
            _VERSION_AND_EXTENSION,
            header.marker << 7 | payload_type,
            header.sequence_number,
            header.timestamp,
            0,
            _ONE_BYTE_PROFILE,
            words,
        )
        payload = packet[header.payload_start : header.payload_end]
        if not own:
            return b"".join((head, self._hop_by_hop, send_time, padding, payload))
        elements = [part for first, start, end in own for part in (first, packet[start:end])]
        return b"".join((head, self._hop_by_hop, send_time, *elements, padding, payload))

    def _plan(self, packet: memoryview, header: RtpHeader) -> _Plan:
        router_id, own = self._router_id, []
        size = len(self._hop_by_hop) + _SEND_TIME_BYTES
        level_at, descriptor = 0, None
        elements = iter_extensions(packet, header) if header.extension_end > header.extension_start else ()
        for published_id, start, length in elements:
            mapped = router_id.get(published_id)
            if mapped is not None and 0 < length <= MAX_ELEMENT_BYTES:
                own.append((bytes((mapped << 4 | length - 1,)), start, start + length))
                size += 1 + length
            if published_id == self._level_id and length:
                level_at = start
            elif published_id == self._descriptor_id:
                descriptor = slice(start, start + length)
        padding = _WORD_PADDING[size & 3]
        return _Plan(self, (size + len(padding)) >> 2, tuple(own), padding, level_at, descriptor)
