"""How much may be sent to a peer, by its transport-wide feedback: what delay and loss both allow, and probes."""

from collections.abc import Sequence

from sfu.bwe.loss_control import MAX_INHERENT_LOSS, LossControl, LossVerdict
from sfu.bwe.overuse_detector import OveruseDetector, PathUsage
from sfu.bwe.prober import Prober
from sfu.bwe.rate_control import RateControl
from sfu.bwe.sent_history import Arrival, Calm, SentHistory
from sfu.bwe.throughput import Throughput

QUEUEING_MS = 30.0
"""A delay so far above the least shows a queue: no probe adds to it, and loss may be its overflow."""

HOLDING_MS = 100.0
"""While packets wait for so long, the estimate does not rise."""

STALE_S = 1.0
"""A queue that no feedback about media has told of for so long is taken for empty, so that it can be probed."""

OUTAGE_S = 1.0
"""What is lost while no feedback comes for so long has not been too much for the path: there was none."""

CALM_FEEDBACKS = 4
"""While nothing more is wanted and nothing is wrong, the estimate is looked at after so many feedbacks; browsers
send ten to twenty in a second. Loss, a probe, or a queue is looked at as soon as it is told of. But of several
batches in one feedback only the newest tells of a queue then: one that begins to grow may be noticed three
feedbacks later."""

CALM_MS = 10.0
"""A delay no farther above the least is the jitter of a good path."""

DEFAULT_RTT_S = 0.1
RTT_WEIGHT = 0.1
"""Round trip before the first feedback, and the weight of each in what is kept of them."""


class SendSideEstimator:
    """Estimate by feedback about packets with transport-wide numbers, which the owner tells `history` of.

    `probing` is the owner's to set: whether it can send what `prober` asks for. So is `patient`: whether nothing
    more is wanted than the estimate allows, so that it does not matter how soon it rises.
    """

    __slots__ = (
        "_before_loss_bps",
        "_calm",
        "_calm_feedbacks",
        "_calm_octets",
        "_calm_packets",
        "_detector",
        "_heard_at",
        "_loss",
        "_path_since",
        "_rates",
        "_rtt_s",
        "_throughput",
        "_told_at",
        "history",
        "patient",
        "prober",
        "probing",
    )

    def __init__(self, start_bps: int) -> None:
        self.history = SentHistory()
        self.prober = Prober()
        self.probing = True
        self.patient = False
        self._calm_feedbacks = self._calm_packets = self._calm_octets = 0  # since the estimate was looked at
        self._calm = False
        self._throughput = Throughput()
        self._detector = OveruseDetector()
        self._rates = RateControl(start_bps)
        self._loss = LossControl()
        self._rtt_s = DEFAULT_RTT_S
        self._heard_at = float("-inf")  # of media, by feedback
        self._path_since = float("-inf")
        self._told_at = float("-inf")  # by feedback, of anything
        self._before_loss_bps = 0  # the estimate before it was reduced for loss

    def path_changed(self, now: float) -> None:
        """Forget what was known of the path but for the estimate, and find out soon what the new one carries."""
        self._path_since = now  # what was sent before tells of the other one
        self._detector.reset()
        self._loss = LossControl()
        self._before_loss_bps = 0
        self.prober.begin_anew(now)

    @property
    def estimate_bps(self) -> int:
        """What may be sent, in bits a second."""
        return self._rates.estimate_bps

    @property
    def acknowledged_bps(self) -> int | None:
        """What arrives, in bits a second; `None` while too little is sent."""
        return self._throughput.rate_bps()

    @property
    def packet_loss(self) -> float:
        """The share of packets that got lost lately."""
        return self._loss.loss

    @property
    def is_queued(self) -> bool:
        """Whether packets wait for long on the path."""
        return self._detector.usage is PathUsage.OVERUSED or self._detector.queue_ms > HOLDING_MS

    def feedback(
        self, base_sequence: int, reference_time: int, packets: bytes | Sequence[int | None], now: float
    ) -> bool:
        """Take a feedback (see `TransportFeedback`); `False` if it told nothing that could be used."""
        if self._calm and self.patient and type(packets) is bytes and not self.prober.active:
            told = self.history.acknowledge_next(base_sequence, reference_time, packets)
            if told is not None:
                return self._take_calmly(told, len(packets), now)
        acknowledgement = self.history.acknowledge(base_sequence, reference_time, packets)
        if acknowledgement is None:
            return False
        groups = self._detector.groups
        octets = self._take(acknowledgement.arrivals, now)
        self._look(acknowledgement.received, acknowledgement.lost, octets, groups, now)
        return True

    def _take_calmly(self, told: Calm, count: int, now: float) -> bool:
        """Take a feedback that tells of no loss; only its newest batch is looked at."""
        detector = self._detector
        groups = detector.groups
        first, sent_at, arrived_at = told
        self._throughput.add(first)
        self._calm_packets += count
        self._calm_octets += first.octets
        self._calm_feedbacks += 1
        if sent_at is not None and sent_at >= self._path_since:
            self._heard_at = now
            self._rtt_s += RTT_WEIGHT * (now - sent_at - self._rtt_s)
            detector.add(sent_at, arrived_at)
        if self._calm_feedbacks < CALM_FEEDBACKS and detector.queue_ms < CALM_MS:
            self._told_at = now
            return False
        self._look(0, 0, 0, groups, now)
        return True

    def _look(self, received: int, lost: int, octets: int, groups: int, now: float) -> None:
        """See what has been told means; `groups` are those that the detector had before."""
        detector = self._detector
        if self._calm_feedbacks:
            received, octets, groups = received + self._calm_packets, octets + self._calm_octets, -1
            self._calm_feedbacks = self._calm_packets = self._calm_octets = 0
        silence, self._told_at = now - self._told_at, now
        reduced = silence < OUTAGE_S and self._heed_loss(received, lost, octets, now)
        if detector.groups != groups:
            reduced |= self._heed_delay(now)
        if reduced:
            self.prober.reduced(now)
        self._calm = detector.usage is PathUsage.NORMAL and detector.queue_ms < CALM_MS and not self._loss.loss

    def _take(self, arrivals: list[Arrival], now: float) -> int:
        """Take what a feedback tells; returns how many bytes it tells of."""
        throughput, detector, prober = self._throughput, self._detector, self.prober
        octets, heard, sent_at = 0, False, now
        for arrival in arrivals:
            sent_at, arrived_at, size, _, probe, untold = arrival
            octets += size + untold
            throughput.add(arrival)
            if not probe and arrived_at is not None and sent_at >= self._path_since:
                heard = True
                detector.add(sent_at, arrived_at)
            if prober.active:
                self._take_probe(arrival, now)
        if arrivals:
            self._rtt_s += RTT_WEIGHT * (now - sent_at - self._rtt_s)
        if heard:
            self._heard_at = now
        return octets

    def may_probe(self, now: float) -> bool:
        """Tell whether a probe would do no harm now."""
        if now - self._heard_at > STALE_S:
            self._detector.reset()
        return (
            not self.prober.active
            and now >= self.prober.next_start()
            and self._detector.usage is not PathUsage.OVERUSED
            and self._detector.queue_ms < QUEUEING_MS
            and self._loss.may_probe(now)
        )

    def _heed_delay(self, now: float) -> bool:
        detector, throughput = self._detector, self._throughput
        usage, queue_ms = detector.usage, detector.queue_ms
        return self._rates.update(
            usage,
            throughput.rate_bps(),
            now,
            stretch=throughput.stretch() if usage is PathUsage.OVERUSED else 1.0,
            rtt_s=self._rtt_s,
            held=self._loss.holds or queue_ms > HOLDING_MS,
            clear=queue_ms < QUEUEING_MS,
            probing=self.probing,
        )

    def _heed_loss(self, received: int, lost: int, octets: int, now: float) -> bool:
        """Reduce the estimate if too much is lost, and undo that if it did not help; whether it was reduced."""
        verdict = self._loss.add(received, lost, octets, now, queueing=self._detector.queue_ms > QUEUEING_MS)
        if verdict is LossVerdict.REDUCE:
            before = self._rates.estimate_bps
            if self._rates.lower_to(self._loss.target_bps, at_once=self._loss.is_heavy):
                self._before_loss_bps = max(self._before_loss_bps, before)
                return True
        elif verdict is LossVerdict.RESTORE:
            self._rates.raise_to(self._before_loss_bps)
        if self._before_loss_bps and not self._loss.holds:
            self._before_loss_bps = 0
        return False

    def _take_probe(self, arrival: Arrival, now: float) -> None:
        usual_loss = min(self._loss.loss, MAX_INHERENT_LOSS)
        result_bps = self.prober.acknowledged(arrival, usual_loss, self._rates.estimate_bps, now)
        if result_bps is None or self._detector.usage is PathUsage.OVERUSED:
            return
        self._rates.raise_to(result_bps)
        self._loss.probed()
