"""One incoming RTP stream of a producer: what was received of it, what is missing, what can be sent again."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.codecs import key_frame_detector
from sfu.rtp.mapped_batch import MappedPacket
from sfu.rtp.retransmission_buffer import RetransmissionBuffer
from sfu.rtp.stream_recv import INACTIVE_AFTER_S, ReceiveStream
from shared.rtp_parameters import RtpCodecParameters, RtpParameters


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
    is_key_frame: Callable[[memoryview], bool] | None


def stream_codec(codec: RtpCodecParameters, mapped_payload_type: int) -> StreamCodec:
    """Sum up a codec of the publisher's parameters."""
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
        is_key_frame=key_frame_detector(codec.mime_type),
    )


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

    `inactive_after_s` is how long it may be silent without being dead.
    """

    __slots__ = (
        "codec",
        "index",
        "mapped_ssrc",
        "pending",
        "received",
        "retransmissions",
        "rid",
        "rtx_ssrc",
        "ssrc",
        "store",
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
        self.store = RetransmissionBuffer() if codec.uses_nack else None
        self.pending: list[MappedPacket] = []

    def received_retransmissions(self) -> ReceiveStream:
        """Return the account of the RTX stream (RFC 4588): its own losses, as its sender is told of them."""
        stream = self.retransmissions
        if stream is None or stream.ssrc != self.rtx_ssrc:
            assert self.rtx_ssrc is not None, "a packet of it has come"  # noqa: S101 - the table found it by this
            stream = ReceiveStream(self.rtx_ssrc, self.codec.payload_type, self.codec.clock_rate, use_nack=False)
            self.retransmissions = stream
        return stream
