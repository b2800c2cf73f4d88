"""Feedback about a transport's packets for the publisher's bandwidth estimation.

The RTP header extension and the RTCP message are those of draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

from collections import deque
from collections.abc import Sequence
from operator import mul

from sfu.rtp.rtcp import TransportFeedback
from sfu.rtp.rtcp.transport_feedback import MAX_DELTA, MAX_SMALL_DELTA, MAX_STATUSES, MIN_DELTA

INTERVAL_S = 0.100
"""Time between feedbacks of a busy transport: browsers' own receivers take 50 to 250 ms, by bitrate."""

MIN_DELAY_S = 0.050
"""How long the first packet after a silence waits for others to be told of with it."""

MAX_BODY_BYTES = 1000
"""Bytes that chunks and deltas of one feedback may take, so that it fits a datagram with what goes with it."""

KEPT_S = 0.5
"""How long arrivals that were reported are kept: a late packet before them makes us report them again."""

MAX_LATE = 1000
"""A packet so far behind the highest is not told of once later ones were; the sender has forgotten it."""

MAX_KEPT = 8192
"""Arrivals held at once: a second's at 80 Mbit/s. With more, what is old is given up."""

LOSS_HISTORY = 24
"""Feedbacks that the share of lost packets is averaged over, the newest weighing most."""

_TICKS_PER_S = 4000
_REFERENCE_TICKS = 256
_STATUS_BYTES = 2


class TransportCcFeedbackGenerator:
    """Collect when the packets of one transport arrived, and report it.

    The owner tells of each packet that carries a transport-wide sequence number, and calls `due` at `next_timeout`
    or later. `sender_ssrc` is ours, `media_ssrc` any stream of the publisher's; both may be set at any time.
    """

    __slots__ = (
        "_arrivals",
        "_base",
        "_due_at",
        "_feedback_count",
        "_highest",
        "_last_due",
        "_losses",
        "media_ssrc",
        "sender_ssrc",
    )

    def __init__(self, sender_ssrc: int = 0, media_ssrc: int = 0) -> None:
        self.sender_ssrc = sender_ssrc
        self.media_ssrc = media_ssrc
        self._arrivals: dict[int, int] = {}  # unwrapped number to ticks of 250 µs
        self._base = 0  # first number not reported yet
        self._highest = -1
        self._due_at: float | None = None
        self._last_due = -INTERVAL_S
        self._feedback_count = 0
        self._losses: deque[float] = deque(maxlen=LOSS_HISTORY)

    @property
    def packet_loss(self) -> float:
        """The share of packets that feedbacks have lately told to be missing; late ones had come after that."""
        weights = range(1, len(self._losses) + 1)
        return sum(map(mul, weights, self._losses)) / sum(weights) if self._losses else 0.0

    def received(self, transport_seq16: int, now: float) -> None:
        """Note the arrival of a packet by its 16-bit transport-wide sequence number."""
        highest = self._highest
        step = (transport_seq16 - highest) & 0xFFFF
        if highest < 0:
            self._start_at(transport_seq16 + 0x10000)
            seq = self._highest
        elif step < 0x8000:
            seq = self._highest = highest + step
            if seq - self._base >= MAX_STATUSES or len(self._arrivals) >= MAX_KEPT:
                self._start_at(seq)
        else:
            seq = highest + step - 0x10000
            if seq < self._base and seq < highest - MAX_LATE:
                return
        if seq in self._arrivals:
            return
        self._arrivals[seq] = int(now * _TICKS_PER_S)
        if seq < self._base:
            self._base = seq
        if self._due_at is None:
            self._due_at = max(self._last_due + INTERVAL_S, now + MIN_DELAY_S)

    def due(self, now: float) -> list[TransportFeedback]:
        """Return the feedbacks to send now, none before `next_timeout`."""
        if self._due_at is None or now < self._due_at:
            return []
        feedbacks = []
        pending = sorted(seq for seq in self._arrivals if seq >= self._base)
        while pending:
            packets = self._pack(pending)
            feedbacks.append(self._feedback(self._arrivals[pending[0]], packets))
            self._losses.append(packets.count(None) / len(packets))
            self._base += len(packets)
            del pending[: sum(delta is not None for delta in packets)]
        self._last_due = now
        self._due_at = None
        self._forget(int((now - KEPT_S) * _TICKS_PER_S))
        return feedbacks

    def next_timeout(self) -> float | None:
        """Return when `due` will have something; None when nothing came since the last feedback."""
        return self._due_at

    def _start_at(self, seq: int) -> None:
        self._arrivals.clear()
        self._base = self._highest = seq

    def _pack(self, pending: Sequence[int]) -> list[int | None]:
        """Return the statuses from `_base` on of as many of the pending packets as one feedback can tell of."""
        packets: list[int | None] = []
        previous = _reference_ticks(self._arrivals[pending[0]])
        room = MAX_BODY_BYTES
        for seq in pending:
            delta = self._arrivals[seq] - previous
            gap = seq - self._base - len(packets)
            room -= _STATUS_BYTES + (1 if 0 <= delta <= MAX_SMALL_DELTA else 2) + (_STATUS_BYTES if gap else 0)
            if room < 0 or not MIN_DELTA <= delta <= MAX_DELTA:
                break
            packets += [None] * gap
            packets.append(delta)
            previous += delta
        return packets

    def _feedback(self, first_arrival: int, packets: list[int | None]) -> TransportFeedback:
        feedback = TransportFeedback(
            self.sender_ssrc,
            self.media_ssrc,
            self._base & 0xFFFF,
            first_arrival // _REFERENCE_TICKS & 0xFFFFFF,
            self._feedback_count,
            tuple(packets),
        )
        self._feedback_count = self._feedback_count + 1 & 0xFF
        return feedback

    def _forget(self, limit: int) -> None:
        if len(self._arrivals) > MAX_KEPT // 2:
            self._arrivals.clear()
            return
        for seq in [seq for seq, ticks in self._arrivals.items() if ticks < limit]:
            del self._arrivals[seq]


def _reference_ticks(ticks: int) -> int:
    return ticks - ticks % _REFERENCE_TICKS
