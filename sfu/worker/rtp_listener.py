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
            self._learnt.discard(ssrc)
        if parameters.mid:
            self._by_mid[parameters.mid] = producer
        self._producers.append(producer)
        self._enter_rids()
        self._enter_payload_types()

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
        self._enter_rids()
        self._enter_payload_types()

    def find(self, packet: memoryview, header: RtpHeader) -> "Producer | None":
        """Find the producer of a packet; the packet's SSRC leads to it from now on."""
        producer = self._by_ssrc.get(header.ssrc)
        if producer is not None:
            return producer
        producer = self._find_by_extension(packet, header) or self._find_by_payload_type(packet, header)
        if producer is None or len(self._learnt) >= MAX_LEARNT_SSRCS:
            return None
        self._learnt.add(header.ssrc)
        self._by_ssrc[header.ssrc] = producer
        return producer

    def _find_by_extension(self, packet: memoryview, header: RtpHeader) -> "Producer | None":
        elements = _elements(packet, header)
        if not elements:
            return None
        for producer in self._producers:
            mid = elements.get(producer.extension_ids.get(uris.MID, 0))
            if mid is not None and self._by_mid.get(_text(mid)) is producer:
                return producer
        for producer in self._producers:
            if not _names_another(elements, producer) and self._has_rid_of(elements, producer):
                return producer
        return None

    def _has_rid_of(self, elements: dict[int, bytes], producer: "Producer") -> bool:
        for uri in (uris.RTP_STREAM_ID, uris.REPAIRED_RTP_STREAM_ID):
            rid = elements.get(producer.extension_ids.get(uri, 0))
            if rid is not None and self._by_rid.get(_text(rid)) is producer:
                return True
        return False

    def _find_by_payload_type(self, packet: memoryview, header: RtpHeader) -> "Producer | None":
        """Take a packet that names no producer for the only one that it fits, while that one lacks a stream."""
        producer = self._by_payload_type.get(header.payload_type)
        if producer is None or not producer.lacks_stream(header.payload_type):
            return None
        return None if _names_another(_elements(packet, header), producer) else producer

    def _enter_rids(self) -> None:
        """Let a RID stand for the first producer with it, for packets that come without MID."""
        self._by_rid = {rid: owner for owner in reversed(self._producers) for rid in _rids(owner.parameters)}

    def _enter_payload_types(self) -> None:
        """Let a payload type stand for the producer that lacks SSRCs, where there is but one with it."""
        lacking: dict[int, list[Producer]] = {}
        for producer in self._producers:
            if _lacks_ssrcs(producer.parameters):
                for codec in producer.parameters.codecs:
                    lacking.setdefault(codec.payload_type, []).append(producer)
        self._by_payload_type = {number: owners[0] for number, owners in lacking.items() if len(owners) == 1}

    def _refuse_clash(self, parameters: RtpParameters) -> None:
        signalled = _signalled_ssrcs(parameters)
        if len(set(signalled)) < len(signalled):
            raise RefusedError("an ssrc is given twice")
        for ssrc in signalled:
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


def _elements(packet: memoryview, header: RtpHeader) -> dict[int, bytes]:
    return {
        element_id: bytes(packet[start : start + length])
        for element_id, start, length in iter_extensions(packet, header)
    }


def _names_another(elements: dict[int, bytes], producer: "Producer") -> bool:
    """Whether a packet has a MID and not this producer's: that of one that is gone, or is not there yet."""
    mid = elements.get(producer.extension_ids.get(uris.MID, 0))
    return mid is not None and bool(producer.parameters.mid) and _text(mid) != producer.parameters.mid


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")
