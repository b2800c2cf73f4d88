"""The streams of one producer: which encoding a packet belongs to, by SSRC, RID or being the only one."""

from sfu.ortc import parse_scalability_mode
from sfu.rtp.packet import RtpHeader, iter_extensions
from sfu.rtp.stream_recv import INACTIVE_AFTER_S
from sfu.worker.producer_stream import ProducerStream, StreamCodec
from shared.rtp_parameters import RtpMapping, RtpParameters, uris

LAYER_INACTIVE_AFTER_S = 1.5
"""One of several encodings is dead sooner: its consumers can change to another. mediasoup's figure."""


class StreamTable:
    """Finds a packet's stream, making it when it is the stream's first."""

    def __init__(
        self,
        parameters: RtpParameters,
        mapping: RtpMapping,
        codecs: dict[int, StreamCodec],
        rtx_types: dict[int, int],
    ) -> None:
        self.streams: list[ProducerStream] = []
        self._encodings = parameters.encodings
        self._mapping = mapping
        self._codecs = codecs
        self._rtx_types = rtx_types
        extension_ids = {extension.uri: extension.id for extension in parameters.header_extensions}
        self._rid_id = extension_ids.get(uris.RTP_STREAM_ID)
        self._repaired_rid_id = extension_ids.get(uris.REPAIRED_RTP_STREAM_ID)
        self._rtx_ssrcs = {encoding.rtx.ssrc for encoding in parameters.encodings if encoding.rtx is not None}
        self._by_ssrc: dict[int, ProducerStream] = {}
        self._replaced: set[int] = set()  # bounded by the SSRCs that a transport learns

    def get(self, ssrc: int) -> ProducerStream | None:
        """Find a known stream by its SSRC or that of its retransmissions."""
        return self._by_ssrc.get(ssrc)

    def learn(self, packet: memoryview, header: RtpHeader) -> ProducerStream | None:
        """Find the stream of a packet whose SSRC is not known yet, making it if need be; `None` when it has none.

        A packet of retransmission makes no stream: there is nothing yet that it could repeat.
        """
        if header.payload_type in self._rtx_types:
            return self._learn_repair(packet, header)
        codec = self._codecs.get(header.payload_type)
        if codec is None or header.ssrc in self._replaced or header.ssrc in self._rtx_ssrcs:
            return None
        index = self._encoding_index(packet, header)
        if index is None:
            return None
        known = self._by_index(index)
        if known is not None:
            self._replace(known)
        return self._create(index, header.ssrc, codec)

    def place(self, index: int, ssrc: int, codec: StreamCodec) -> ProducerStream | None:
        """Make the stream of an encoding that was found elsewhere; `None` when there is no such encoding."""
        if index >= len(self._encodings):
            return None
        known = self._by_index(index)
        if known is not None:
            self._replace(known)
        return self._create(index, ssrc, codec)

    def _create(self, index: int, ssrc: int, codec: StreamCodec) -> ProducerStream:
        encoding = self._encodings[index]
        rtx_ssrc = encoding.rtx.ssrc if encoding.rtx is not None else None
        stream = ProducerStream(
            index,
            ssrc,
            self._mapping.encodings[index].mapped_ssrc,
            codec,
            encoding.rid,
            rtx_ssrc,
            LAYER_INACTIVE_AFTER_S if len(self._encodings) > 1 else INACTIVE_AFTER_S,
            key_only=parse_scalability_mode(encoding.scalability_mode).ksvc,
        )
        self.streams.append(stream)
        self.streams.sort(key=lambda each: each.index)
        self._by_ssrc[ssrc] = stream
        if rtx_ssrc is not None:
            self._by_ssrc[rtx_ssrc] = stream
        return stream

    def _replace(self, stream: ProducerStream) -> None:
        """Make way for the same encoding under a new SSRC; what still comes of the old one is too late."""
        self._replaced.add(stream.ssrc)
        self.streams.remove(stream)
        self._by_ssrc = {ssrc: known for ssrc, known in self._by_ssrc.items() if known is not stream}

    def _learn_repair(self, packet: memoryview, header: RtpHeader) -> ProducerStream | None:
        stream = None
        rid = _element(packet, header, self._repaired_rid_id)
        if rid is not None:
            stream = next((known for known in self.streams if known.rid == rid), None)
        elif len(self.streams) == 1:
            stream = self.streams[0]
        if stream is not None:
            if stream.rtx_ssrc is not None:
                self._by_ssrc.pop(stream.rtx_ssrc, None)
            stream.rtx_ssrc = header.ssrc
            self._by_ssrc[header.ssrc] = stream
        return stream

    def _encoding_index(self, packet: memoryview, header: RtpHeader) -> int | None:
        for index, encoding in enumerate(self._encodings):
            if encoding.ssrc == header.ssrc:
                return index
        rid = _element(packet, header, self._rid_id)
        if rid is not None:
            return next((n for n, encoding in enumerate(self._encodings) if encoding.rid == rid), None)
        if len(self._encodings) == 1 and self._encodings[0].rid is None:
            return 0
        return None

    def _by_index(self, index: int) -> ProducerStream | None:
        return next((stream for stream in self.streams if stream.index == index), None)


def _element(packet: memoryview, header: RtpHeader, wanted: int | None) -> str | None:
    if wanted is None or header.extension_end == header.extension_start:
        return None
    for element_id, start, length in iter_extensions(packet, header):
        if element_id == wanted:
            return bytes(packet[start : start + length]).decode("ascii", "replace")
    return None
