"""What a peer can take, and which of its consumers get how much of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sfu.bwe.allocator import HEADROOM, Allocation, Allocator, Share
from sfu.bwe.loss_control import HIGH_LOSS
from sfu.bwe.send_side_estimator import SendSideEstimator
from sfu.rtp.layers import MAX_LAYER, Layers
from sfu.rtp.rtcp import Remb
from sfu.worker.ports import BudgetedSender, Link
from sfu.worker.recording_sender import RecordingSender
from sfu.worker.timer_queue import next_step

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer

START_BPS = 1_000_000
"""What a peer is taken to have until its feedback tells: a middle layer. Probes find more in a second or two."""

UNHEARD_S = 1.5
"""A peer that has sent no feedback for so long after the first packet never will, and gets all it wants. That is
before the allocator loses its patience with a video that takes more than `START_BPS`. Others answer within 0.3 s
and a round trip."""

INTERVAL_S = 1.0
"""Between allocations at the latest, but for a step of the timers: the rates of layers change."""

MIN_INTERVAL_S = 0.2
MIN_DOWN_INTERVAL_S = 0.05
"""Between allocations at the least: when somebody could get more or wants something else; when it is too much."""

PROBE_RETRY_S = 0.25
"""Until it is seen again whether a probe would do no harm."""

EVERYTHING = Layers(MAX_LAYER, MAX_LAYER)

_NEVER = float("inf")


class ConsumerBandwidth:
    """Estimates, probes and allocates for the consumers of one transport; does nothing while it has none.

    `allocation_due` is when it allocates next: what comes from the peer may bring that nearer.
    """

    __slots__ = (
        "_allocated_at",
        "_allocation",
        "_allocator",
        "_bounded",
        "_clock",
        "_consumers",
        "_estimator",
        "_given",
        "_heard",
        "_link",
        "_path",
        "_probe_at",
        "_remb_bps",
        "_sender",
        "_told_heard",
        "allocation_due",
    )

    def __init__(self, link: Link, consumers: Mapping[str, "Consumer"], clock: Callable[[], float]) -> None:
        self._link = link
        self._consumers = consumers
        self._clock = clock
        self._estimator: SendSideEstimator | None = None
        self._sender: RecordingSender | None = None
        self._allocator = Allocator()
        self._allocation = Allocation({}, 0, None, 0)
        self._given: dict[str, Layers | None] = {}
        self._heard = self._told_heard = False  # the latter as of when layers were given
        self._path = link.peer_address
        self._bounded: tuple[int | None, int, bool] = (None, 0, False)  # what repairs have been told
        self._remb_bps: int | None = None
        self._allocated_at = -_NEVER
        self.allocation_due = _NEVER
        self._probe_at = _NEVER

    @property
    def available_bps(self) -> int | None:
        """What may be sent to the peer, in bits a second; `None` while its feedback has not told."""
        if self._heard and self._estimator is not None:
            return self._estimator.estimate_bps
        return None if self._remb_bps is None else self._bounded_by_loss(self._remb_bps)

    @property
    def packet_loss(self) -> float | None:
        """The share of our packets that got lost lately; `None` while the peer's feedback has not told."""
        return self._estimator.packet_loss if self._heard and self._estimator is not None else None

    @property
    def sender(self) -> BudgetedSender:
        """The way by which consumers send; made for the first of them."""
        if self._sender is None:
            self._estimator = SendSideEstimator(START_BPS)
            self._sender = RecordingSender(self._link, self._estimator.history, self._clock)
        return self._sender

    # --- from the peer ---

    def receive_feedback(
        self, base_sequence: int, reference_time: int, packets: bytes | Sequence[int | None], now: float
    ) -> None:
        """Take a transport-wide feedback (see `TransportFeedback`)."""
        estimator = self._estimator
        if estimator is None:
            return
        path = self._link.peer_address
        if path is not self._path and path != self._path:
            estimator.path_changed(now)
        self._path = path
        if estimator.feedback(base_sequence, reference_time, packets, now):
            self._heard = True
            self._estimate_changed(estimator.estimate_bps, now)

    def receive_remb(self, remb: Remb, now: float) -> None:
        """Take the receiver's own estimate; it counts where there is no transport-wide feedback."""
        self._remb_bps = remb.bitrate_bps
        if not self._heard and self._sender is not None:
            self._estimate_changed(self._bounded_by_loss(remb.bitrate_bps), now)

    # --- from consumers ---

    def demand_changed(self, now: float) -> None:
        """Have the allocation done anew soon."""
        self._allocate_by(max(now, self._allocated_at + MIN_INTERVAL_S))

    # --- time ---

    def come_along(self, now: float) -> None:
        """Allocate now rather than within the next half of the interval: the transport is awake."""
        if self._consumers and now - self._allocated_at >= INTERVAL_S / 2:
            self._allocate_by(now)

    def next_timeout(self) -> float:
        """When `handle_timeout` is due; infinite without consumers."""
        if not self._consumers or self._estimator is None:
            return _NEVER
        return min(self.allocation_due, self._probe_at, self._estimator.prober.next_timeout())

    def handle_timeout(self, now: float) -> None:
        """Allocate, begin a probe, send a burst of one: whatever is due."""
        if not self._consumers or self._estimator is None:
            return
        if now >= self.allocation_due:
            self._allocate(now)
        if now >= self._probe_at:
            self._consider_probe(self._estimator, now)
        self._go_on_probing(self._estimator, now)

    # --- allocation ---

    def _estimate_changed(self, estimate_bps: int, now: float) -> None:
        self._bound_repairs(estimate_bps)
        next_bps = self._allocation.next_bps
        if estimate_bps < self._allocation.used_bps:
            self._allocate_by(max(now, self._allocated_at + MIN_DOWN_INTERVAL_S))
        elif next_bps is not None and estimate_bps >= next_bps:
            self._allocate_by(max(now, self._allocated_at + MIN_INTERVAL_S))

    def _bound_repairs(self, estimate_bps: int | None) -> None:
        if self._sender is not None and self._estimator is not None:
            queued = self._heard and self._estimator.is_queued
            bounds = (estimate_bps, self._allocation.used_bps, queued)
            if bounds != self._bounded:
                self._bounded = bounds
                self._sender.repairs.set_estimate(estimate_bps, self._allocation.used_bps, queued=queued)

    def _allocate_by(self, when: float) -> None:
        if when < self.allocation_due:
            self.allocation_due = when

    def _allocate(self, now: float) -> None:
        self._allocated_at, self.allocation_due = now, next_step(now + INTERVAL_S)
        if self._estimator is not None:
            self._estimator.history.settle()  # at the latest
        shares = [
            Share(consumer.id, consumer.kind == "audio", consumer.priority, consumer.layer_options(now))
            for consumer in self._consumers.values()
        ]
        limit_bps = self._limit_bps(now)
        kept = self._allocator.keep(limit_bps, shares) if self._told_heard is self._heard else None
        self._allocation = kept or self._allocator.allocate(
            limit_bps, shares, now, probing=self._prober_consumer() is not None
        )
        self._bound_repairs(self.available_bps)
        if self._estimator is not None:
            enough = self._heard and self._estimator.estimate_bps >= self._allocation.used_bps
            self._estimator.patient = enough and self._allocation.next_bps is None
        if kept is None:
            self._give(shares, now)
        if self._wants_probe() and self._probe_at == _NEVER:
            self._probe_at = now

    def _give(self, shares: list[Share], now: float) -> None:
        """Tell the consumers whose allotment has changed.

        Before there is feedback, who has the best there is is not bound: better layers may be just about to come.
        """
        allotted, given = self._allocation.layers, self._given
        self._given, self._told_heard = {}, self._heard
        for share in shares:
            if share.consumer_id not in allotted:
                continue
            layers = allotted[share.consumer_id]
            if not self._heard and layers == share.options[-1].layers:
                layers = EVERYTHING
            self._given[share.consumer_id] = layers
            if share.consumer_id not in given or given[share.consumer_id] != layers:
                self._consumers[share.consumer_id].allot(layers, now)

    def _limit_bps(self, now: float) -> int | None:
        """Return how much to allocate: the estimate, or what is taken for it; `None` for everything."""
        available = self.available_bps
        if available is not None or not any(consumer.has_transport_cc for consumer in self._consumers.values()):
            return available
        since = self._sender.tracked_since if self._sender is not None else None
        return START_BPS if since is None or now - since < UNHEARD_S else None

    def _bounded_by_loss(self, estimate_bps: int) -> int:
        """Bound a receiver's estimate by what its reports say of loss (draft-ietf-rmcat-gcc-02, 6)."""
        consumers = self._consumers.values()
        sent_bps = sum(consumer.bitrate_bps for consumer in consumers)
        lost_bps = sum(consumer.bitrate_bps * consumer.sent.fraction_lost / 256 for consumer in consumers)
        if lost_bps <= HIGH_LOSS * sent_bps:
            return estimate_bps
        return min(estimate_bps, int(sent_bps - lost_bps / 2))

    # --- probing ---

    def _wants_probe(self) -> bool:
        available, next_bps = self.available_bps, self._allocation.next_bps
        return self._heard and next_bps is not None and available is not None and available < next_bps

    def _prober_consumer(self) -> "Consumer | None":
        """Find the consumer in whose stream of retransmissions padding goes: the first of the highest priority."""
        able = [consumer for consumer in self._consumers.values() if consumer.active and consumer.can_probe]
        return max(able, key=lambda consumer: consumer.priority, default=None)

    def _consider_probe(self, estimator: SendSideEstimator, now: float) -> None:
        estimator.probing = self._prober_consumer() is not None
        if not self._wants_probe():
            self._probe_at = _NEVER
            return
        if estimator.probing and self._link.ready and estimator.may_probe(now):
            allocation = self._allocation
            assert allocation.next_bps is not None  # noqa: S101 - more is wanted
            desired_bps = max(allocation.next_bps, allocation.desired_bps * HEADROOM)
            estimator.prober.start(
                estimator.estimate_bps, allocation.next_bps, desired_bps, allocation.used_bps, now
            )
        self._probe_at = max(now + PROBE_RETRY_S, estimator.prober.next_start())

    def _go_on_probing(self, estimator: SendSideEstimator, now: float) -> None:
        prober = estimator.prober
        octets = prober.due_octets(now)
        if octets:
            consumer = self._prober_consumer()
            if consumer is not None and self._sender is not None:
                self._sender.probe = prober.label
                consumer.send_padding(octets)
                self._sender.probe = 0
            prober.burst_sent(now)
        prober.expire(now)
