"""One peer connection: its producers and consumers, and the RTP and RTCP between them and the peer."""

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from sfu.rtp.header_reader import HeaderReader
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.rtp.rtcp import Nack, read_lone_feedback, serialize_rtcp
from sfu.worker.consumer_bandwidth import ConsumerBandwidth
from sfu.worker.data_channels import DataChannels
from sfu.worker.errors import AlreadyConnectedError, RefusedError
from sfu.worker.ports import DtlsRole, Link
from sfu.worker.publisher_feedback import PublisherFeedback
from sfu.worker.rate_limit import RateLimit
from sfu.worker.rtcp_receiver import RtcpReceiver
from sfu.worker.rtp_listener import RtpListener
from sfu.worker.traffic_meter import TrafficMeter
from sfu.worker.transport_reports import TransportReports
from shared.transport_parameters import DtlsParameters, IceParameters, SctpParameters

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer

RTCP_RATE_HZ = 200
RTCP_RATE_PER_CONSUMER_HZ = 50
"""Datagrams of RTCP that one peer may send in a second: transport-wide feedback, reports, and for each stream that
it receives a NACK every 20 ms while packets are missing. One takes up to a millisecond to read."""

_NEVER = float("inf")


class TransportParent(Protocol):
    """The worker, as a transport needs it."""

    drops: Counter[str]

    def touched(self, transport: "WebRtcTransport") -> None:
        """Have `flush` called at the end of this batch of datagrams."""

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch to many peers; returns the lanes that it could not be sent by."""

    def transport_state(self, transport: "WebRtcTransport", ice: str, dtls: str) -> None:
        """Tell the control process of a transport's states."""

    def wake_at(self, transport: "WebRtcTransport", when: float | None) -> None:
        """Have `handle_timeout` called at `when`, at the latest."""

    def time(self) -> float:
        """Read the clock."""

    def fault(self, reason: str) -> None:
        """Take note of the exception that is being handled."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""


class WebRtcTransport:
    """A transport of one peer. It owns its producers and consumers."""

    __slots__ = (
        "__weakref__",
        "_armed_at",
        "_connected",
        "_consumer_by_ssrc",
        "_feedback",
        "_headers",
        "_link_due",
        "_listener",
        "_parent",
        "_pending",
        "_publishes",
        "_reports",
        "_rtcp",
        "_rtcp_limit",
        "bandwidth",
        "consumers",
        "data",
        "dtls_state",
        "ice_state",
        "id",
        "link",
        "producers",
    )

    def __init__(self, transport_id: str, link: Link, parent: TransportParent) -> None:
        self.id = transport_id
        self.link = link
        self.data: DataChannels | None = None
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.ice_state = "new"
        self.dtls_state = "new"
        self.bandwidth = ConsumerBandwidth(link, self.consumers, parent.time)
        self._parent = parent
        self._headers = HeaderReader()
        self._listener = RtpListener()
        self._consumer_by_ssrc: dict[int, Consumer] = {}
        self._feedback = PublisherFeedback(self.producers, link)
        self._reports = TransportReports(self.producers, self.consumers, link, parent.time())
        self._rtcp = RtcpReceiver(
            self.producers, self._consumer_by_ssrc, self._reports.reference_times, self.bandwidth
        )
        self._pending: list[Producer] = []
        self._publishes = False  # has had a producer
        self._connected = False
        self._rtcp_limit = RateLimit(RTCP_RATE_HZ, parent.time())
        self._armed_at = self._link_due = _NEVER
        link.listener = self

    @property
    def traffic(self) -> TrafficMeter:
        """How fast it receives and sends."""
        return self._reports.traffic

    @property
    def max_incoming_bitrate_bps(self) -> int:
        """The most that the peer may send, 0 for no limit."""
        return self._feedback.max_incoming_bitrate_bps

    @property
    def available_incoming_bitrate_bps(self) -> int | None:
        """What the way from the peer can carry, where it is us who estimate that."""
        return self._feedback.available_incoming_bitrate_bps

    @property
    def packet_loss_received(self) -> float | None:
        """The share of the peer's packets that got lost lately, where it numbers them over the transport."""
        return self._feedback.packet_loss

    # --- control ---

    def set_max_incoming_bitrate(self, bitrate_bps: int) -> None:
        """Limit what the peer sends; 0 lifts the limit."""
        self._feedback.max_incoming_bitrate_bps = bitrate_bps
        self._arm()

    def connect(self, remote: DtlsParameters) -> None:
        """Start DTLS with the peer whose parameters these are.

        Raises:
            AlreadyConnectedError: on the second call.
        """
        if self._connected:
            raise AlreadyConnectedError("the transport is connected already")
        self._connected = True
        role: DtlsRole = "client" if remote.role == "server" else "server"
        self.link.connect(role, [(entry.algorithm, entry.value) for entry in remote.fingerprints])

    def restart_ice(self) -> IceParameters:
        """Make new ICE credentials; the old ones serve until the peer uses these, and media goes on."""
        parameters = self.link.restart_ice()
        self.on_timeout_sooner()
        return parameters

    def add_producer(self, producer: "Producer") -> None:
        """Take a producer in, and its streams from the peer.

        Raises:
            RefusedError: its SSRC, MID or RID is another producer's.
        """
        self._listener.add(producer)
        self.producers[producer.id] = producer
        self._publishes = True
        self._feedback.add_producer(producer)
        self._arm()

    def remove_producer(self, producer: "Producer") -> None:
        """Let a producer go."""
        if self.producers.pop(producer.id, None) is None:
            return
        self._listener.remove(producer)
        self._feedback.remove_producer(producer)
        if producer in self._pending:
            self._pending.remove(producer)

    def add_consumer(self, consumer: "Consumer") -> None:
        """Take a consumer in.

        Raises:
            RefusedError: its SSRC is another consumer's.
        """
        ssrcs = [ssrc for ssrc in (consumer.sent.ssrc, consumer.sent.rtx_ssrc) if ssrc is not None]
        if any(ssrc in self._consumer_by_ssrc for ssrc in ssrcs):
            raise RefusedError("the consumer's ssrc is used by another consumer of this transport")
        self.consumers[consumer.id] = consumer
        for ssrc in ssrcs:
            self._consumer_by_ssrc[ssrc] = consumer
        self.bandwidth.demand_changed(self._parent.time())
        self._rtcp_limit.rate_hz = RTCP_RATE_HZ + RTCP_RATE_PER_CONSUMER_HZ * len(self.consumers)
        self._arm()

    def remove_consumer(self, consumer: "Consumer") -> None:
        """Let a consumer go."""
        if self.consumers.pop(consumer.id, None) is None:
            return
        for ssrc in (consumer.sent.ssrc, consumer.sent.rtx_ssrc):
            if ssrc is not None:
                self._consumer_by_ssrc.pop(ssrc, None)
                self.link.forget_stream(ssrc)
        self.traffic.consumer_gone(consumer)
        self.bandwidth.demand_changed(self._parent.time())
        self._rtcp_limit.rate_hz = RTCP_RATE_HZ + RTCP_RATE_PER_CONSUMER_HZ * len(self.consumers)

    def open_data(self, parameters: SctpParameters) -> None:
        """Be ready for data channels, with so many streams; before the transport is connected."""
        link = self.link.open_data(parameters.os, parameters.mis)
        self.data = DataChannels(link, parameters, self._parent.drops, self._tell_state)

    def close(self) -> None:
        """Close the link. Producers and consumers are closed before, by the worker."""
        if self.data is not None:
            self.data.close()
        self.link.close()
        self.traffic.close()  # it and its producers are freed without the collector
        self._armed_at = -_NEVER  # nothing arms it any more
        self._parent.wake_at(self, None)

    # --- from the link ---

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        """Hand a packet to its producer."""
        drops = self._parent.drops
        try:
            header = self._headers.read(packet, length)
        except ValueError:
            drops["rtp_malformed"] += 1
            return
        producer = self._listener.find(packet, header)
        self._feedback.received(packet, header, producer, now)
        self._parent.touched(self)
        if producer is None:
            drops["rtp_no_producer"] += 1
            return
        producer.receive(packet, header, length, now)

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        """Act upon a compound RTCP packet."""
        if not self._rtcp_limit.allows(now):
            self._parent.drops["rtcp_flood"] += 1
            return
        bandwidth = self.bandwidth
        due = bandwidth.allocation_due
        if (feedback := read_lone_feedback(packet)) is not None:
            bandwidth.receive_feedback(*feedback, now)
        elif not self._rtcp.receive_datagram(packet, now):
            self._parent.drops["rtcp_malformed"] += 1
        if bandwidth.allocation_due < due:
            self._arm_bandwidth()

    def on_state(self, ice: str, dtls: str) -> None:
        """Begin sending when the peer can be reached; tell the control process."""
        became_ready = dtls == "connected" != self.dtls_state or (
            dtls == "connected" and ice in {"connected", "completed"} and self.ice_state == "disconnected"
        )
        self.ice_state, self.dtls_state = ice, dtls
        self._tell_state()
        if became_ready:
            now = self._parent.time()
            for consumer in self.consumers.values():
                consumer.start(now)
        self._ask_link()
        self._arm()

    def on_timeout_sooner(self) -> None:
        """See `LinkListener`."""
        self._ask_link()
        self._arm_at(self._link_due)

    def _ask_link(self) -> None:
        when = self.link.next_timeout()
        self._link_due = _NEVER if when is None else when

    def _tell_state(self) -> None:
        self._parent.transport_state(self, self.ice_state, self.dtls_state)

    def flush(self, now: float) -> None:
        """Forward what came in with this batch, and see what is missing now."""
        self._flush_pending(now)
        self._arm_at(self._feedback.next_transport_feedback())
        for producer in self.producers.values():
            self._arm_at(producer.next_timeout())
        for producer in self._pending:
            self._arm_at(producer.hold_until)

    def _flush_pending(self, now: float) -> None:
        if not self._pending:
            return
        held = []
        pending, self._pending = self._pending, []
        for producer in pending:
            if producer.may_flush(now):
                producer.flush(now)
            else:
                held.append(producer)
        self._pending += held

    # --- for producers and consumers ---

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """See `ProducerParent` and `ConsumerParent`."""
        self._parent.notify(event, data)

    def demand_changed(self, now: float) -> None:
        """See `ConsumerParent`."""
        self.bandwidth.demand_changed(now)
        self._arm_bandwidth()

    def batch_pending(self, producer: "Producer") -> None:
        """See `ProducerParent`."""
        if producer not in self._pending:
            self._pending.append(producer)

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """See `ProducerParent`."""
        return self._parent.send_lanes(batch, groups)

    def fault(self, reason: str) -> None:
        """See `ProducerParent`."""
        self._parent.fault(reason)

    def time(self) -> float:
        """See `ProducerParent`."""
        return self._parent.time()

    def wake_at(self, when: float) -> None:
        """See `ProducerParent`."""
        self._arm_at(when)

    def send_feedback(self, packet: Nack) -> None:
        """See `ProducerParent`."""
        self.link.send_rtcp(serialize_rtcp([packet]))

    def request_key_frame(self, ssrc: int, now: float) -> None:
        """See `ProducerParent`."""
        self._feedback.request_key_frame(ssrc, now)
        self._arm_at(self._feedback.next_timeout())

    def forget_key_frame(self, ssrc: int) -> None:
        """See `ProducerParent`."""
        self._feedback.forget_key_frame(ssrc)

    def key_frame_received(self, ssrc: int) -> None:
        """See `ProducerParent`."""
        self._feedback.key_frame_received(ssrc)

    # --- time ---

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        soonest = self._link_due
        if self.dtls_state == "connected" and (self.producers or self.consumers):
            soonest = min(soonest, self._reports.next_timeout(), self.bandwidth.next_timeout())
        if self._publishes:
            due = [self._feedback.next_timeout()]
            due += [producer.next_timeout() for producer in self.producers.values()]
            due += [producer.hold_until for producer in self._pending]
            soonest = min([soonest, *(when for when in due if when is not None)])
        return None if soonest == _NEVER else soonest

    def handle_timeout(self, now: float) -> None:
        """Do what is due: consent, requests, feedback, reports.

        Each part is asked only when something of it may be due: touching the others costs more than what is done.
        """
        self._armed_at = _NEVER
        if now >= self._link_due:
            self.link.handle_timeout(now)
            self._ask_link()
        if self._publishes:
            self._flush_pending(now)
            for producer in self.producers.values():
                producer.handle_timeout(now)
            self._feedback.handle_timeout(now)
        if now >= self._reports.next_timeout():
            self._reports.handle_timeout(now)
            self.bandwidth.come_along(now)
        if self.dtls_state == "connected":
            self.bandwidth.handle_timeout(now)
        self._arm()

    def _arm(self) -> None:
        """See that `handle_timeout` comes in time for everything."""
        self._arm_at(self.next_timeout())

    def _arm_bandwidth(self) -> None:
        if self.dtls_state == "connected":
            self._arm_at(self.bandwidth.next_timeout())

    def _arm_at(self, when: float | None) -> None:
        """See that `handle_timeout` comes at `when`. To come too early does no harm: it arms anew."""
        if when is not None and when < self._armed_at:
            self._armed_at = when
            self._parent.wake_at(self, when)
