"""Which producer a packet belongs to: by SSRC, else MID and RID, else payload type (RFC 8843 9.2, RFC 8852)."""

from typing import TYPE_CHECKING

from sfu.rtp.packet import RtpHeader, iter_extensions
from sfu.worker.errors import RefusedError
from sfu.worker.producer_stream import is_rtx
from shared.rtp_parameters import RtpParameters, uris

if TYPE_CHECKING:
    from sfu.worker.producer import Producer

MAX_LEARNT_SSRCS = 128
"""SSRCs in one transport that were not signalled but learnt from MID, RID or payload type."""


class RtpListener:
    """The table of one transport's producers."""

    def __init__(self) -> None:
        self._by_ssrc: dict[int, Producer] = {}
        self._by_mid: dict[str, Producer] = {}
        self._by_rid: dict[str, Producer] = {}
        self._by_payload_type: dict[int, Producer] = {}
        self._producers: list[Producer] = []
        self._learnt: set[int] = set()

    def add(self, producer: "Producer") -> None:
        """Enter a producer.

        Raises:
            RefusedError: another producer of this transport has its SSRC, MID or RID.
        """
        parameters = producer.parameters
        self._refuse_clash(parameters)
        for ssrc in _signalled_ssrcs(parameters):
            self._by_ssrc[ssrc] = producer
        if parameters.mid:
            self._by_mid[parameters.mid] = producer
        else:
            for rid in _rids(parameters):
                self._by_rid[rid] = producer
        if _lacks_ssrcs(parameters):
            for codec in parameters.codecs:
                # Only the first may have it: a payload type says little where several publish with the same one.
                self._by_payload_type.setdefault(codec.payload_type, producer)
        self._producers.append(producer)

    def remove(self, producer: "Producer") -> None:
        """Forget a producer and all SSRCs that led to it."""
        if producer not in self._producers:
            return
        self._producers.remove(producer)
        gone = {ssrc for ssrc, owner in self._by_ssrc.items() if owner is producer}
        self._learnt -= gone
        for ssrc in gone:
            del self._by_ssrc[ssrc]
        self._by_mid = {mid: owner for mid, owner in self._by_mid.items() if owner is not producer}
        self._by_rid = {rid: owner for rid, owner in self._by_rid.items() if owner is not producer}
        self._by_payload_type = {
            payload_type: owner for payload_type, owner in self._by_payload_type.items() if owner is not producer
        }

    def find(self, packet: memoryview, header: RtpHeader) -> "Producer | None":
        """Find the producer of a packet; the packet's SSRC leads to it from now on."""
        producer = self._by_ssrc.get(header.ssrc)
        if producer is not None:
            return producer
        producer = self._find_by_extension(packet, header) or self._by_payload_type.get(header.payload_type)
        if producer is None or len(self._learnt) >= MAX_LEARNT_SSRCS:
            return None
        self._learnt.add(header.ssrc)
        self._by_ssrc[header.ssrc] = producer
        return producer

    def _find_by_extension(self, packet: memoryview, header: RtpHeader) -> "Producer | None":
        if header.extension_end == header.extension_start:
            return None
        elements = {
            element_id: bytes(packet[start : start + length])
            for element_id, start, length in iter_extensions(packet, header)
        }
        for producer in self._producers:
            ids = producer.extension_ids
            mid = elements.get(ids.get(uris.MID, 0))
            if mid is not None and self._by_mid.get(_text(mid)) is producer:
                return producer
            for uri in (uris.RTP_STREAM_ID, uris.REPAIRED_RTP_STREAM_ID):
                rid = elements.get(ids.get(uri, 0))
                if rid is not None and self._by_rid.get(_text(rid)) is producer:
                    return producer
        return None

    def _refuse_clash(self, parameters: RtpParameters) -> None:
        for ssrc in _signalled_ssrcs(parameters):
            if ssrc in self._by_ssrc and ssrc not in self._learnt:
                raise RefusedError(f"ssrc {ssrc} is used by another producer of this transport")
        if parameters.mid and parameters.mid in self._by_mid:
            raise RefusedError(f"mid {parameters.mid!r} is used by another producer of this transport")
        if not parameters.mid:
            for rid in _rids(parameters):
                if rid in self._by_rid:
                    raise RefusedError(f"rid {rid!r} is used by another producer of this transport")


def _signalled_ssrcs(parameters: RtpParameters) -> list[int]:
    found = []
    for encoding in parameters.encodings:
        if encoding.ssrc is not None:
            found.append(encoding.ssrc)
        if encoding.rtx is not None:
            found.append(encoding.rtx.ssrc)
    return found


def _rids(parameters: RtpParameters) -> list[str]:
    return [encoding.rid for encoding in parameters.encodings if encoding.rid]


def _lacks_ssrcs(parameters: RtpParameters) -> bool:
    has_rtx = any(is_rtx(codec) for codec in parameters.codecs)
    return any(
        encoding.ssrc is None or (has_rtx and encoding.rtx is None) for encoding in parameters.encodings
    ) and not _rids(parameters)


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")
