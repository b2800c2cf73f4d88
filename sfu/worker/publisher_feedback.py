"""What we tell a publisher while it sends: how its packets arrive, how fast it may go, when a key frame is due."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfu.bwe.receive_side_estimator import DEFAULT_RTT_S, ReceiveSideEstimator
from sfu.bwe.remb import RembGenerator
from sfu.bwe.transport_cc_feedback import TransportCcFeedbackGenerator
from sfu.rtp.key_frame_requests import KeyFrameRequests
from sfu.rtp.packet import RtpHeader, find_extension
from sfu.rtp.rtcp import FullIntraRequest, PictureLossIndication, serialize_rtcp
from sfu.worker.ports import Link
from sfu.worker.reports import OUR_SSRC
from shared.rtp_parameters import uris

if TYPE_CHECKING:
    from sfu.worker.producer import Producer
    from sfu.worker.producer_stream import ProducerStream

DEFAULT_ESTIMATE_BPS = 3_000_000
"""What a publisher may send that knows REMB, until its packets tell more, or for good if they have no times of
sending. Browsers take it for granted at once, so it is no more than a good camera picture needs."""

_TRANSPORT_SEQUENCE_BYTES = 2
_SEND_TIME_BYTES = 3


class PublisherFeedback:
    """Transport-wide congestion feedback, else REMB, and merged key-frame requests of one transport."""

    def __init__(self, producers: Mapping[str, "Producer"], link: Link) -> None:
        self._producers = producers
        self._link = link
        self._key_frames = KeyFrameRequests()
        self._transport_cc: TransportCcFeedbackGenerator | None = None
        self._transport_cc_ids: dict[str, int] = {}
        self._remb = RembGenerator(OUR_SSRC)
        self._estimator: ReceiveSideEstimator | None = None

    @property
    def max_incoming_bitrate_bps(self) -> int:
        """The most that the publisher may send, 0 for no limit."""
        return self._remb.limit_bps

    @max_incoming_bitrate_bps.setter
    def max_incoming_bitrate_bps(self, value: int) -> None:
        self._remb.limit_bps = value

    @property
    def available_incoming_bitrate_bps(self) -> int | None:
        """What the way from the publisher can carry; `None` where the publisher estimates that by itself."""
        return self._remb.estimate_bps

    @property
    def packet_loss(self) -> float | None:
        """The share of packets that got lost lately, by their transport-wide numbers; `None` without those."""
        return self._transport_cc.packet_loss if self._transport_cc is not None else None

    def add_producer(self, producer: "Producer") -> None:
        """Follow what this producer has negotiated; transport-wide feedback goes before REMB."""
        extension_id = producer.extension_ids.get(uris.TRANSPORT_WIDE_CC)
        if producer.uses_transport_cc and extension_id is not None:
            self._transport_cc_ids[producer.id] = extension_id
            self._transport_cc = self._transport_cc or TransportCcFeedbackGenerator()
            self._estimator = self._remb.estimate_bps = None
        elif producer.uses_remb and self._transport_cc is None and self._estimator is None:
            self._estimator = ReceiveSideEstimator(DEFAULT_ESTIMATE_BPS)
            self._remb.estimate_bps = DEFAULT_ESTIMATE_BPS

    def remove_producer(self, producer: "Producer") -> None:
        """Forget a producer that is gone."""
        self._transport_cc_ids.pop(producer.id, None)
        for stream in producer.streams:
            self._key_frames.forget(stream.ssrc)

    def received(self, packet: memoryview, header: RtpHeader, producer: "Producer | None", now: float) -> None:
        """Take note of a packet's transport-wide sequence number, else of its time of sending, if it has one.

        A browser sends before it has told us of a producer. Those packets have none yet, and count all the same:
        the publisher would take them for lost.
        """
        if self._estimator is not None and producer is not None:
            self._estimate(self._estimator, packet, header, producer, now)
            return
        wanted = self._transport_cc_id(producer)
        if wanted is None or self._transport_cc is None:
            return
        start = find_extension(packet, header, wanted, _TRANSPORT_SEQUENCE_BYTES)
        if start:
            self._transport_cc.received(packet[start] << 8 | packet[start + 1], now)
            if producer is not None:
                # Chromium throws away feedback about a media source that is none of its own.
                self._transport_cc.media_ssrc = header.ssrc

    def _estimate(
        self,
        estimator: ReceiveSideEstimator,
        packet: memoryview,
        header: RtpHeader,
        producer: "Producer",
        now: float,
    ) -> None:
        wanted = producer.extension_ids.get(uris.ABS_SEND_TIME)
        if wanted is None:
            return
        start = find_extension(packet, header, wanted, _SEND_TIME_BYTES)
        if start:
            sent_at = int.from_bytes(packet[start : start + _SEND_TIME_BYTES], "big")
            if estimator.received(sent_at, header.payload_end, now):
                estimator.rtt_s = self._rtt_s() or DEFAULT_RTT_S
                self._remb.estimate_bps = estimator.estimate_bps

    def _transport_cc_id(self, producer: "Producer | None") -> int | None:
        if producer is not None:
            return self._transport_cc_ids.get(producer.id)
        ids = set(self._transport_cc_ids.values())
        return ids.pop() if len(ids) == 1 else None

    def request_key_frame(self, ssrc: int, now: float) -> None:
        """Ask for a key frame of a stream, unless it has just been asked for."""
        rtt_s = self._rtt_s()
        if rtt_s is not None:
            self._key_frames.expect_round_trip(rtt_s)
        if self._key_frames.request(ssrc, now):
            self._send_key_frame_request(ssrc)

    def next_transport_feedback(self) -> float | None:
        """When feedback about what has come in is due."""
        return self._transport_cc.next_timeout() if self._transport_cc is not None else self._remb.next_timeout()

    def key_frame_received(self, ssrc: int) -> None:
        """Stop asking."""
        self._key_frames.received(ssrc)

    def forget_key_frame(self, ssrc: int) -> None:
        """Stop asking a publisher that has paused."""
        self._key_frames.forget(ssrc)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        due = [self._key_frames.next_timeout(), self.next_transport_feedback(), self._remb.next_timeout()]
        return min((when for when in due if when is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        """Send what is due."""
        for ssrc in self._key_frames.due(now):
            self._send_key_frame_request(ssrc)
        if self._transport_cc is not None:
            for feedback in self._transport_cc.due(now):
                self._link.send_rtcp(serialize_rtcp([feedback]))
        for remb in self._remb.due(now, [stream.ssrc for stream in self._streams()]):
            self._link.send_rtcp(serialize_rtcp([remb]))

    def _rtt_s(self) -> float | None:
        return next(
            (rtt_s for each in self._streams() if (rtt_s := each.received.round_trip.rtt_s) is not None), None
        )

    def _streams(self) -> list["ProducerStream"]:
        return [stream for producer in self._producers.values() for stream in producer.streams]

    def _send_key_frame_request(self, ssrc: int) -> None:
        for stream in self._streams():
            if stream.ssrc == ssrc:
                self._link.send_rtcp(serialize_rtcp([_key_frame_request(stream)]))
                return
        self._key_frames.forget(ssrc)


def _key_frame_request(stream: "ProducerStream") -> PictureLossIndication | FullIntraRequest:
    """Make a PLI, or for a publisher that knows none a FIR, whose number tells it from a repeated one."""
    received = stream.received
    if stream.codec.uses_pli:
        received.pli_count += 1
        return PictureLossIndication(OUR_SSRC, stream.ssrc)
    received.fir_count += 1
    return FullIntraRequest(OUR_SSRC, ((stream.ssrc, received.fir_count & 0xFF),))
