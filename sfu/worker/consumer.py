"""A consumer: one producer's track on its way to one peer, under the consumer's own SSRC and numbers."""

from typing import TYPE_CHECKING, Any, Protocol

from sfu.rtp.lanes import Lane
from sfu.rtp.layers import MAX_LAYER, LayerOption, Layers
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers, mid_element
from sfu.rtp.retransmission_buffer import MAX_AGE_S
from sfu.rtp.rtcp import ReportBlock, SenderReport, SourceDescription
from sfu.rtp.stream_send import SendStream
from sfu.rtp.stream_splicer import StreamSplicer
from sfu.worker.layer_path import LayerPath, Leg
from sfu.worker.layering import HIGHEST
from sfu.worker.ports import BudgetedSender
from sfu.worker.producer_stream import is_rtx, retransmission_types
from sfu.worker.retransmitter import Retransmitter
from sfu.worker.scores import consumer_notice, consumer_score, consumer_scores
from shared.rtp_parameters import RtpParameters, uris

if TYPE_CHECKING:
    from sfu.worker.producer import Producer
    from sfu.worker.producer_stream import ProducerStream

REMEMBER_S = MAX_AGE_S
"""How long it is remembered what the numbers of before a change stand for: as long as their packets are kept."""


class ConsumerParent(Protocol):
    """The transport, as a consumer needs it."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""

    def demand_changed(self, now: float) -> None:
        """Take note that the consumers want other layers than before, so that bandwidth is shared out anew."""


class Consumer:
    """Forwards what its peer is to get of a producer, beginning with a key frame.

    `preferred` are the layers that its peer wants at most, `priority` says how much it matters among the peer's
    other consumers. `layers` is what is forwarded now, `None` for nothing. `stream` is the source of it, or the
    last one. `description` is the RTCP packet that tells our stream's CNAME. `has_transport_cc` says whether its
    packets have transport-wide numbers, for the peer's feedback about them.
    """

    def __init__(
        self,
        consumer_id: str,
        producer: "Producer",
        parameters: RtpParameters,
        router_extension_ids: dict[str, int],
        sender: BudgetedSender,
        parent: ConsumerParent,
        *,
        paused: bool,
    ) -> None:
        encoding = parameters.encodings[0]
        codec = next(codec for codec in parameters.codecs if not is_rtx(codec))
        rtx_types = {media: rtx for rtx, media in retransmission_types(parameters).items()}
        assert encoding.ssrc is not None, "consumer parameters always have an SSRC"  # noqa: S101 - made by ourselves
        self.id = consumer_id
        self.kind = producer.kind
        self.producer = producer
        self.paused = paused
        self.mime_type = codec.mime_type
        self._sent = SendStream(
            encoding.ssrc,
            codec.payload_type,
            codec.clock_rate,
            rtx_ssrc=encoding.rtx.ssrc if encoding.rtx is not None and rtx_types else None,
        )
        self.description = SourceDescription({encoding.ssrc: parameters.rtcp.cname or ""}).serialize()
        self.stream: ProducerStream | None = None
        self.bitrate_bps = 0
        self.priority = 1
        self.preferred = HIGHEST
        self.layers: Layers | None = None
        self._allotted: Layers | None = HIGHEST
        self._payload_types = {codec.payload_type for codec in parameters.codecs}
        self._sender = sender
        self._parent = parent
        fixed = _fixed_numbers(parameters, encoding.ssrc, router_extension_ids)
        self.has_transport_cc = fixed.transport_sequence_header != 0
        self._splicer = StreamSplicer(fixed, is_video=producer.is_video)
        self._path = LayerPath(self._splicer)
        self._numbers: StreamNumbers | None = None
        self._lane: tuple[Leg, Lane] | None = None
        self._retransmitter = Retransmitter(
            self._sent, self._splicer, sender, rtx_types, is_video=producer.is_video
        )
        self._score_notice = consumer_notice(consumer_id, parent.notify)
        self._measured_at = 0.0
        self._measured_bytes = 0

    @property
    def sent(self) -> SendStream:
        """The stream as it goes out, with everything that has gone out by now."""
        self._catch_up()
        return self._sent

    @property
    def active(self) -> bool:
        """Whether packets are wanted at the moment."""
        return not self.paused and not self.producer.paused

    @property
    def can_probe(self) -> bool:
        """Whether `send_padding` can send anything that feedback tells of."""
        return self.has_transport_cc and self.sent.rtx_ssrc is not None

    # --- layers ---

    def layer_options(self, now: float) -> list[LayerOption]:
        """List what could be forwarded, the lowest quality first; nothing when nothing is wanted or comes in."""
        if not self.active or self.producer.is_left_out:
            return []
        return self.producer.layering.options(self.preferred, now)

    def allot(self, layers: Layers | None, now: float) -> None:
        """Bound what may be forwarded; `None`: nothing for now. What flows goes on until the other can begin."""
        self._allotted = layers
        self._aim(now, ask=True)

    def prefer(self, spatial: int, temporal: int | None, now: float) -> Layers | None:
        """Want no more than these layers; returns them within what there is, `None` if there is no choice."""
        layering = self.producer.layering
        if not layering.is_layered:
            return None
        wanted = layering.clamp(spatial, temporal)
        everything = wanted.temporal >= layering.clamp(spatial, None).temporal
        preferred = wanted._replace(temporal=MAX_LAYER) if everything else wanted  # more may be still to come
        if preferred != self.preferred:
            lower = preferred.spatial < self.preferred.spatial
            self.preferred = preferred
            self._demand_changed(now, lower=lower)
            self._aim(now, ask=True)
        return wanted

    def set_priority(self, priority: int, now: float) -> None:
        """Matter so much among the peer's consumers."""
        if priority != self.priority:
            self.priority = priority
            self._parent.demand_changed(now)

    def layers_changed(self, now: float) -> None:
        """The producer has other layers than before."""
        self._parent.demand_changed(now)
        self._aim(now, ask=False)

    def _aim(self, now: float, *, ask: bool) -> None:
        """Go for the best that is allowed. `ask` at once for the key frame that it takes, or when packets come."""
        allotted, choice = self._allotted, None
        if self.active and allotted is not None:
            choice = self.producer.layering.choose(_lower(self.preferred, allotted), now)
        if choice is None:
            self._path.stop(self)
        elif self._path.aim(self, choice) and ask:
            self._ask(now)
        self._tell_layers()

    def _ask(self, now: float) -> None:
        stream = self._path.key_frame_stream()
        if stream is not None and self._sender.ready and self._accepts(stream):
            self.producer.request_key_frame_of(stream, now)

    def _accepts(self, stream: "ProducerStream") -> bool:
        return stream.codec.mapped_payload_type in self._payload_types

    def _tell_layers(self) -> None:
        """Tell what is forwarded now; while something is only interrupted, that it is still the same."""
        flowing = self._path.flowing
        layers = flowing.layers if flowing is not None else None
        if layers == self.layers or (layers is None and self._path.awaited is not None):
            return
        self.layers = layers
        if self.producer.is_video:  # a simple one, too, has layer 0 or nothing
            spatial, temporal = layers or (None, None)
            notice = {"consumerId": self.id, "spatialLayer": spatial, "temporalLayer": temporal}
            self._parent.notify("consumer.layers", notice)

    def _demand_changed(self, now: float, *, lower: bool) -> None:
        self._parent.demand_changed(now)
        if lower or self.paused:
            self.producer.want_less()
        else:
            self.producer.want(self.preferred.spatial)

    # --- packets ---

    def deliver(self, stream: "ProducerStream", now: float) -> None:
        """Forward the last batch of one of the producer's streams, as far as it is for us.

        Once nothing is left to be decided our packets go by a lane, until something changes.
        """
        path = self._path
        if path.awaited is not None and path.awaited.stream is stream and self._change_over(stream, now):
            return
        flowing = path.flowing
        if flowing is None or flowing.stream is not stream:
            return
        batch = flowing.view.batch
        if batch is None:
            return
        if not self._sender.ready:  # before numbers are taken: what is never sent must leave no gap
            self._path.wait(self)
            return
        offset = self._splicer.sequence.batch_offset(batch.lowest, batch.highest)
        if offset is None:
            self.send(batch, 0, len(batch.packets), now)
            return
        numbers = self._numbers
        if numbers is None or offset != numbers.sequence_offset:
            numbers = self._numbers = self._splicer.numbers(offset)
        if self._sender.send_batch(batch, numbers):
            self._sent.sent(len(batch.packets), batch.octets, batch.newest.timestamp, now)
            self._step_in(flowing, numbers)
        else:
            self._path.wait(self)

    def _step_in(self, flowing: Leg, numbers: StreamNumbers) -> None:
        """Take a lane, if nothing is awaited of the same stream."""
        awaited, splice = self._path.awaited, self._splicer.current
        if splice is None or (awaited is not None and awaited.stream is flowing.stream):
            return
        lane = self._sender.lane(self, numbers, splice.first)
        if lane is not None:
            self._lane = flowing, lane
            flowing.view.lanes.add(lane)
            flowing.stream.views.leave_alone(self)

    def step_out(self) -> None:
        """Leave the lane, if we have one, and look at each batch again."""
        if self._lane is not None:
            self._catch_up()
            (leg, lane), self._lane = self._lane, None
            leg.view.lanes.remove(lane)
            leg.stream.views.attend(self)

    def _catch_up(self) -> None:
        """Count what has gone out by the lane since the last time."""
        if self._lane is None:
            return
        (leg, lane) = self._lane
        lanes = leg.view.lanes
        packets, octets = lanes.packets - lane.packets, lanes.octets - lane.octets
        if packets:
            lane.packets, lane.octets = lanes.packets, lanes.octets
            self._sent.sent(packets, octets, lanes.timestamp, lanes.sent_at)
            self._splicer.sequence.batch_offset(lane.first, lanes.highest)

    def send(self, batch: MappedBatch, first: int, last: int, now: float) -> None:
        """Send packets `first` up to `last` (exclusive) of a batch of the view that flows, each by itself.

        So it is done around numbers that were left out, and for packets older than where we began.
        """
        for index in range(first, last):
            packet = batch.packets[index]
            output = self._splicer.sequence.map(packet.sequence_number)
            if output is None:
                continue
            numbers = self._splicer.numbers(output - packet.sequence_number)
            if self._sender.send_batch(batch, numbers, index, index + 1):
                self._sent.sent(1, packet.payload_size, packet.timestamp, now)

    def _change_over(self, stream: "ProducerStream", now: float) -> bool:
        """Begin with what is awaited, if this batch allows, and send what there is of it."""
        if not self._sender.ready or not self._accepts(stream):
            return False
        self._catch_up()
        first = self._path.change_over(self, now)
        if first is None:
            self._ask(now)
            return False
        self._numbers = None
        self.stream = stream
        flowing = self._path.flowing
        if flowing is not None and flowing.view.batch is not None:
            self.send(flowing.view.batch, first, len(flowing.view.batch.packets), now)
        self._aim(now, ask=True)
        return True

    def interrupt(self, stream: "ProducerStream", now: float) -> None:
        """Begin anew with a stream whose source has started again, or goes on with another codec."""
        self._path.renew(self, stream)
        self._aim(now, ask=False)

    # --- control ---

    def start(self, now: float) -> None:
        """Begin with the next key frame and ask for it: at first, after a pause, when the peer got ready."""
        self._path.wait(self)
        self._aim(now, ask=False)
        self._ask(now)
        if not self.paused:
            self.producer.want(self.preferred.spatial)

    def pause(self, now: float) -> None:
        """Stop at once."""
        if not self.paused:
            self.paused = True
            self._aim(now, ask=False)
            self._demand_changed(now, lower=True)

    def resume(self, now: float) -> None:
        """Go on with the next key frame."""
        if self.paused:
            self.paused = False
            self.start(now)
            self._parent.demand_changed(now)

    def producer_paused(self, now: float) -> None:
        """The producer has stopped."""
        self._parent.demand_changed(now)
        self._aim(now, ask=False)

    def producer_resumed(self, now: float) -> None:
        """The producer goes on."""
        self._parent.demand_changed(now)
        self.start(now)

    def close(self) -> None:
        """Take leave of the producer; safe to call twice."""
        self.paused = True
        self._path.stop(self)
        if self in self.producer.consumers:
            self.producer.consumers.remove(self)
            self.producer.want_less()

    # --- RTCP ---

    def request_key_frame(self, now: float) -> None:
        """Pass the peer's wish for a key frame on to the publisher."""
        for leg in (self._path.flowing, self._path.awaited):
            if leg is not None and self._sender.ready:
                self.producer.request_key_frame_of(leg.stream, now)

    def receive_nack(self, lost: tuple[int, ...], now: float) -> None:
        """Send again what the peer misses and the store still has."""
        self._catch_up()
        self.sent.nack_count += 1
        self.sent.nack_packet_count += len(lost)
        if self.active and self._retransmitter.resend(lost, now) and self.producer.is_video:
            self.request_key_frame(now)

    def send_padding(self, octets: int) -> None:
        """Send so much that nobody needs, as retransmissions of nothing: to try out what the path carries."""
        self._catch_up()
        self._retransmitter.send_padding(octets)

    def receive_report(self, block: ReportBlock, now: float) -> None:
        """Take what the peer says of our stream."""
        self.sent.receiver_report(block, now)

    def measure(self, now: float) -> None:
        """Work out the bitrate since the last call, and let go of what is not sent again any more."""
        self._splicer.forget(now - REMEMBER_S)
        elapsed, octets = now - self._measured_at, self.sent.bytes_sent
        if elapsed > 0:
            self.bitrate_bps = round((octets - self._measured_bytes) * 8 / elapsed)
            self._measured_at, self._measured_bytes = now, octets

    def tell_score(self, now: float) -> None:
        """Tell the control process how well the peer gets it, if that has changed."""
        self._score_notice.tell(consumer_scores(self), consumer_score, now)

    def sender_report(self, now: float) -> SenderReport | None:
        """Make our sender report, on the publisher's clock; `None` until the publisher has sent one."""
        flowing, splice = self._path.flowing, self._splicer.current
        if flowing is None or splice is None or flowing.stream.received.last_sender_report is None:
            return None
        return self.sent.sender_report(now, flowing.stream.received.last_sender_report, splice.timestamp_offset)


def _lower(preferred: Layers, allotted: Layers) -> Layers:
    """Return the lower of both: temporal layers of an allotted higher spatial layer say nothing of those below."""
    if allotted.spatial > preferred.spatial:
        return preferred
    return Layers(allotted.spatial, min(allotted.temporal, preferred.temporal))


def _fixed_numbers(parameters: RtpParameters, ssrc: int, extension_ids: dict[str, int]) -> StreamNumbers:
    negotiated = {extension.uri for extension in parameters.header_extensions}
    return StreamNumbers(
        ssrc,
        0,
        0,
        mid_element(parameters.mid or "0", extension_ids[uris.MID]),
        extension_ids[uris.TRANSPORT_WIDE_CC] << 4 | 1 if uris.TRANSPORT_WIDE_CC in negotiated else 0,
    )
