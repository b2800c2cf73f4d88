"""One incoming RTP stream of a producer: what was received of it, what is missing, what can be sent again."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.codecs import key_frame_detector, layer_reader
from sfu.rtp.mapped_batch import MappedPacket
from sfu.rtp.packet import RtpHeader
from sfu.rtp.stream_recv import INACTIVE_AFTER_S, ReceiveStream, unwrap_rtx
from sfu.worker.stream_views import StreamViews
from shared.rtp_parameters import RtpCodecParameters, RtpMapping, RtpParameters, uris


@dataclass(frozen=True, slots=True)
class StreamCodec:
    """A producer's media codec: its payload type here and in the router, and what feedback it has negotiated."""

    mime_type: str
    payload_type: int
    mapped_payload_type: int
    clock_rate: int
    uses_nack: bool
    uses_pli: bool
    uses_fir: bool
    uses_transport_cc: bool
    uses_remb: bool
    has_descriptors: bool
    is_key_frame: Callable[[memoryview], bool] | None


def stream_codec(
    codec: RtpCodecParameters, mapped_payload_type: int, *, has_descriptors: bool = False
) -> StreamCodec:
    """Sum up a codec of the publisher's parameters.

    `has_descriptors`: dependency descriptors come with its packets.
    """
    feedback = {(entry.type, entry.parameter) for entry in codec.rtcp_feedback}
    return StreamCodec(
        codec.mime_type,
        codec.payload_type,
        mapped_payload_type,
        codec.clock_rate,
        uses_nack=("nack", "") in feedback,
        uses_pli=("nack", "pli") in feedback,
        uses_fir=("ccm", "fir") in feedback,
        uses_transport_cc=("transport-cc", "") in feedback,
        uses_remb=("goog-remb", "") in feedback,
        has_descriptors=has_descriptors,
        is_key_frame=key_frame_detector(codec.mime_type),
    )


def media_codecs(parameters: RtpParameters, mapping: RtpMapping) -> dict[int, StreamCodec]:
    """Sum up the media codecs of a publisher by their payload types."""
    mapped = {codec.payload_type: codec.mapped_payload_type for codec in mapping.codecs}
    has_descriptors = any(each.uri == uris.DEPENDENCY_DESCRIPTOR for each in parameters.header_extensions)
    return {
        codec.payload_type: stream_codec(codec, mapped[codec.payload_type], has_descriptors=has_descriptors)
        for codec in parameters.codecs
        if not is_rtx(codec)
    }


def is_rtx(codec: RtpCodecParameters) -> bool:
    """Tell whether a codec of RTP parameters is a retransmission format (RFC 4588)."""
    return codec.mime_type.lower().endswith("/rtx")


def retransmission_types(parameters: RtpParameters) -> dict[int, int]:
    """Map the payload types of retransmission to those of the media they repeat (RFC 4588 8.6, `apt`)."""
    return {
        codec.payload_type: int(codec.parameters["apt"])
        for codec in parameters.codecs
        if is_rtx(codec) and "apt" in codec.parameters
    }


class ProducerStream:
    """State of one stream: `index` is its place among the encodings, `pending` waits for the end of the batch.

    `inactive_after_s` is how long it may be silent without being dead. `key_only` says that its spatial layers
    refer to each other in key pictures only. `active_since` is when it began, or began again after a silence.
    """

    __slots__ = (
        "_key_only",
        "active_since",
        "codec",
        "index",
        "mapped_ssrc",
        "pending",
        "received",
        "retransmissions",
        "rid",
        "rtx_ssrc",
        "ssrc",
        "views",
    )

    def __init__(
        self,
        index: int,
        ssrc: int,
        mapped_ssrc: int,
        codec: StreamCodec,
        rid: str | None,
        rtx_ssrc: int | None,
        inactive_after_s: float = INACTIVE_AFTER_S,
        *,
        key_only: bool = False,
    ) -> None:
        self.index = index
        self.ssrc = ssrc
        self.mapped_ssrc = mapped_ssrc
        self.codec = codec
        self.rid = rid
        self.rtx_ssrc = rtx_ssrc
        self.received = ReceiveStream(
            ssrc,
            codec.payload_type,
            codec.clock_rate,
            use_nack=codec.uses_nack,
            inactive_after_s=inactive_after_s,
        )
        self.retransmissions: ReceiveStream | None = None
        self.active_since = float("-inf")
        self.pending: list[MappedPacket] = []
        self._key_only = key_only
        reader = layer_reader(codec.mime_type, key_only=key_only, has_descriptors=codec.has_descriptors)
        self.views = StreamViews(reader, uses_store=codec.uses_nack)

    def renew(self, codec: StreamCodec) -> None:
        """Go on with this codec, or the same after the source has started anew."""
        self.codec = codec
        self.views.renew(
            layer_reader(codec.mime_type, key_only=self._key_only, has_descriptors=codec.has_descriptors)
        )

    def media_came(self, now: float) -> bool:
        """Take note that media has come; returns whether it is the first, or the first after a silence."""
        begins = not self.received.is_active(now)
        if begins:
            self.active_since = now
        self.received.last_media_at = now
        return begins

    def unwrap_retransmission(self, packet: memoryview, header: RtpHeader, length: int, now: float) -> int | None:
        """Make a retransmission the packet that it repeats (RFC 4588); its number, `None` when nobody needs it."""
        if self.received_retransmissions().receive(header.sequence_number, 0, length, now) is None:
            return None
        try:
            original, skipped = unwrap_rtx(packet[header.payload_start : header.payload_end])
        except ValueError:
            return None
        sequence_number = self.received.receive_rtx(original)
        header.payload_type = self.codec.payload_type
        header.sequence_number = original
        header.payload_start += skipped
        return sequence_number

    def received_retransmissions(self) -> ReceiveStream:
        """Return the account of the RTX stream (RFC 4588): its own losses, as its sender is told of them."""
        stream = self.retransmissions
        if stream is None or stream.ssrc != self.rtx_ssrc:
            assert self.rtx_ssrc is not None, "a packet of it has come"  # noqa: S101 - the table found it by this
            stream = ReceiveStream(self.rtx_ssrc, self.codec.payload_type, self.codec.clock_rate, use_nack=False)
            self.retransmissions = stream
        return stream
