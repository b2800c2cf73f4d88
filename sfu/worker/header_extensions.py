"""Header extensions of forwarded packets: read from the publisher, written under the router's ids."""

import struct
from collections.abc import Sequence

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
_WORD_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def abs_send_time(now: float) -> bytes:
    """Write a time in seconds as abs-send-time: 24 bits, 6.18 fixed point, about 3.8 us a unit."""
    return (int(now * 262_144) & 0xFFFFFF).to_bytes(3, "big")


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
        self.loudness = self.descriptor = None
        extension = self._hop_by_hop + send_time
        if header.extension_end > header.extension_start:
            extension += self._own_elements(packet, header)
        extension += _WORD_PADDING[len(extension) & 3]
        head = _HEAD(
            _VERSION_AND_EXTENSION,
            header.marker << 7 | payload_type,
            header.sequence_number,
            header.timestamp,
            0,
            _ONE_BYTE_PROFILE,
            len(extension) >> 2,
        )
        return b"".join((head, extension, packet[header.payload_start : header.payload_end]))

    def _own_elements(self, packet: memoryview, header: RtpHeader) -> bytes:
        router_id, elements = self._router_id, b""
        for published_id, start, length in iter_extensions(packet, header):
            mapped = router_id.get(published_id)
            if mapped is not None and 0 < length <= MAX_ELEMENT_BYTES:
                elements += bytes((mapped << 4 | length - 1,)) + packet[start : start + length]
            if published_id == self._level_id and length:
                self.loudness = loudness(packet[start])
            elif published_id == self._descriptor_id:
                self.descriptor = packet[start : start + length]
        return elements
