"""A path with a bottleneck, in simulated time, and senders that follow their estimate over it."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.bwe.allocator import HEADROOM, Allocation, Allocator, Share
from sfu.bwe.send_side_estimator import SendSideEstimator
from sfu.bwe.transport_cc_feedback import TransportCcFeedbackGenerator
from sfu.rtp.layers import LayerOption
from sfu.rtp.rtcp import TransportFeedback, parse_rtcp, serialize_rtcp

STEP_S = 0.001
FRAME_S = 1 / 30
PACKET_BYTES = 1200
PADDING_BYTES = 279


@dataclass
class Bottleneck:
    """A link that carries `rate_bps`, with a queue of so many seconds before it that drops what is too much."""

    rate_bps: float
    delay_s: float = 0.025
    queue_s: float = 0.5
    loss: float = 0.0
    jitter_s: float = 0.0
    seed: int = 1
    free_at: float = 0.0
    delays: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a simulation has to be the same each time

    def carry(self, size: int, now: float) -> float | None:
        """Return when a packet arrives; `None` when it is lost."""
        waiting = max(0.0, self.free_at - now)
        if waiting > self.queue_s:
            return None
        self.delays.append(waiting)
        self.free_at = max(self.free_at, now) + size * 8 / self.rate_bps
        if self._random.random() < self.loss:
            return None
        return self.free_at + self.delay_s + self._random.random() * self.jitter_s


class Flow:
    """A sender of video frames, and its receiver, which tells by real feedback messages what came when."""

    def __init__(
        self, path: Bottleneck, start_bps: int = 1_000_000, *, phase_s: float = 0.0, can_probe: bool = True
    ) -> None:
        self.path = path
        self.estimator = SendSideEstimator(start_bps)
        self.can_probe = self.estimator.probing = can_probe
        self.sent_bps: list[tuple[float, float]] = []  # a frame's time and its rate
        self.arrived_octets = 0
        self.probe_octets = 0
        self.sent_octets = 0
        self._receiver = TransportCcFeedbackGenerator()
        self._next_number = 0
        self._next_frame_at = phase_s
        self._on_the_way: list[tuple[float, int, int]] = []
        self._feedback: list[tuple[float, bytes]] = []

    def run(self, now: float) -> None:
        """Do what is due at `now`."""
        if now >= self._next_frame_at:
            self._next_frame_at += FRAME_S
            self._send_frame(now)
        self._probe(now)
        while self._on_the_way and self._on_the_way[0][0] <= now:
            arrived_at, number, size = heapq.heappop(self._on_the_way)
            self.arrived_octets += size
            self._receiver.received(number & 0xFFFF, arrived_at)
        for feedback in self._receiver.due(now):
            self._feedback.append((now + self.path.delay_s, serialize_rtcp([feedback])))
        while self._feedback and self._feedback[0][0] <= now:
            (feedback,) = parse_rtcp(self._feedback.pop(0)[1])
            assert isinstance(feedback, TransportFeedback)
            self.estimator.feedback(feedback.base_sequence, feedback.reference_time, feedback.packets, now)

    def rate_bps(self, now: float) -> float:
        """Return what to send at: all that the estimate allows."""
        return self.estimator.estimate_bps

    def wanted_bps(self) -> tuple[float, float] | None:
        """Return what would be of use at least, and at most, when that is more than the estimate."""
        return 1.25 * self.estimator.estimate_bps, 2 * self.estimator.estimate_bps

    def _send_frame(self, now: float) -> None:
        rate = self.rate_bps(now)
        self.sent_bps.append((now, rate))
        octets = int(rate * FRAME_S / 8)
        sizes = [PACKET_BYTES] * (octets // PACKET_BYTES)
        if octets % PACKET_BYTES:
            sizes.append(octets % PACKET_BYTES)
        self._send(sizes, now, 0)

    def _probe(self, now: float) -> None:
        prober = self.estimator.prober
        wanted = self.wanted_bps() if self.can_probe else None
        if wanted is not None and self.estimator.may_probe(now):
            prober.start(self.estimator.estimate_bps, *wanted, self.rate_bps(now), now)
        octets = prober.due_octets(now)
        if octets:
            count = -(-octets // PADDING_BYTES)
            self.probe_octets += octets
            self._send([-(-octets // count)] * count, now, prober.label)
            prober.burst_sent(now)
        prober.expire(now)

    def _send(self, sizes: list[int], now: float, label: int) -> None:
        if not sizes:
            return
        self.estimator.history.sent(self._next_number, len(sizes), sum(sizes), now, label)
        self.sent_octets += sum(sizes)
        for size in sizes:
            arrival = self.path.carry(size, now)
            if arrival is not None:
                heapq.heappush(self._on_the_way, (arrival, self._next_number, size))
            self._next_number += 1


class LayeredFlow(Flow):
    """A sender of the layers that the allocator gives to one video (or several of the same)."""

    ALLOCATE_EVERY_S = 0.2

    def __init__(self, path: Bottleneck, layers: list[LayerOption], *, videos: int = 1, **fields: object) -> None:
        super().__init__(path, **fields)  # type: ignore[arg-type]  # handed on
        self.shares = [Share(f"video-{number}", False, 1, layers) for number in range(videos)]
        self.allocator = Allocator()
        self.allocation: Allocation | None = None
        self._allocate_at = 0.0

    def run(self, now: float) -> None:
        """See `Flow`."""
        if now >= self._allocate_at:
            self._allocate_at = now + self.ALLOCATE_EVERY_S
            self.allocation = self.allocator.allocate(
                self.estimator.estimate_bps, self.shares, now, probing=self.can_probe
            )
        super().run(now)

    def rate_bps(self, now: float) -> float:
        """Return the rate of the layers that are given."""
        assert self.allocation is not None
        return sum(
            next(option.bitrate_bps for option in share.options if option.layers == layers)
            for share in self.shares
            if (layers := self.allocation.layers[share.consumer_id]) is not None
        )

    def wanted_bps(self) -> tuple[float, float] | None:
        """Return what the next better layer takes, and what all do."""
        assert self.allocation is not None
        wanted = self.allocation.next_bps
        if wanted is None or wanted <= self.estimator.estimate_bps:
            return None
        return wanted, max(wanted, self.allocation.desired_bps * HEADROOM)


def simulate(
    flows: list[Flow], until: float, *, since: float = 0.0, each: Callable[[float], None] | None = None
) -> None:
    """Run flows from one time to another, by milliseconds."""
    for step in range(round(since / STEP_S), round(until / STEP_S)):
        now = step * STEP_S
        if each is not None:
            each(now)
        for flow in flows:
            flow.run(now)
