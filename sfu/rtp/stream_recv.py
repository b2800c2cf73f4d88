"""One RTP stream as we receive it: what is new, what is lost, how it jitters (RFC 3550 A.1, A.3, A.8)."""

from sfu.rtp.nack_generator import NackGenerator
from sfu.rtp.packet import Buffer
from sfu.rtp.rate_calculator import RateCalculator
from sfu.rtp.round_trip import RoundTrip, middle_32_bits
from sfu.rtp.rtcp.reports import ReportBlock, SenderReport
from sfu.rtp.stream_score import MAX_SCORE, StreamScore

MAX_DROPOUT = 3000
"""A larger step ahead is no loss but a source that started anew (RFC 3550 A.1)."""

MAX_MISORDER = 1000
"""A packet so little behind that is not missing is a duplicate; further behind, the source may have started anew.
RFC 3550 has 100, but senders repeat whole frames of old packets to probe for bandwidth."""

MAX_MISSING = 1000
"""Missing packets remembered at least, to tell a late one from a duplicate; those before are lost for good."""

RATE_STEP_S = 0.04
"""How often the byte counter is read for the bitrate: once a bucket of the rate calculator."""

INACTIVE_AFTER_S = 5.0
"""A stream that brings no media for so long is dead. Opus with DTX sends every 400 ms, a still screen once a
second; mediasoup waits as long for streams with DTX."""

BYE_GRACE_S = 0.5
"""What still comes so soon after a BYE was sent before it (RFC 3550 6.6)."""

_NEVER = float("-inf")

_MAX_JITTER_STEP_S = 5
"""A longer step of the clocks against each other is a pause or a new clock, not jitter."""

_RTX_HEADER_BYTES = 2


def unwrap_rtx(payload: Buffer) -> tuple[int, int]:
    """Return the original 16-bit sequence number of an RTX payload and where the original payload starts in it.

    Raises:
        ValueError: the payload holds no original packet: padding, sent to probe (RFC 4588 4).
    """
    if len(payload) < _RTX_HEADER_BYTES:
        raise ValueError(f"RTX payload of {len(payload)} bytes holds no original sequence number")
    return payload[0] << 8 | payload[1], _RTX_HEADER_BYTES


class ReceiveStream:
    """Number the packets of one SSRC and account for them.

    `clock_rate` is the codec's in Hz. Counters to read: `packets_received` and `bytes_received` (of the stream
    itself, duplicates not counted), `packets_lost` (expected less received, without what RTX repaired: the
    publisher is to see what its network does), `packets_repaired` (by RTX), `packets_retransmitted` (all RTX
    packets), `packets_discarded` (duplicates, too late or astray), `fraction_lost` (256ths, of the last report
    block), `jitter` (in units of the clock), `restarts` (how often the source started anew), and those the owner
    keeps: `nack_count`, `nack_packet_count`, `pli_count`, `fir_count`, and `last_media_at`, when the last packet
    with a payload came. `nack_generator` is there when `use_nack` is; the owner feeds it, since only the owner
    knows key frames. `round_trip` measures by RRTR and DLRR if the owner sends them. `inactive_after_s` is how
    long the stream may be silent without being dead.
    """

    __slots__ = (
        "_base",
        "_ended_at",
        "_highest",
        "_jump_next",
        "_last_arrival",
        "_last_timestamp",
        "_max_jitter_step",
        "_missing",
        "_prior_expected",
        "_prior_received",
        "_rate",
        "_rate_at",
        "_rate_bytes",
        "_score",
        "bytes_received",
        "clock_rate",
        "fir_count",
        "fraction_lost",
        "inactive_after_s",
        "jitter",
        "last_media_at",
        "last_sender_report",
        "nack_count",
        "nack_generator",
        "nack_packet_count",
        "packets_discarded",
        "packets_received",
        "packets_repaired",
        "packets_retransmitted",
        "payload_type",
        "pli_count",
        "restarts",
        "round_trip",
        "ssrc",
    )

    def __init__(
        self,
        ssrc: int,
        payload_type: int,
        clock_rate: int,
        *,
        use_nack: bool,
        inactive_after_s: float = INACTIVE_AFTER_S,
    ) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.nack_generator = NackGenerator() if use_nack else None
        self.round_trip = RoundTrip()
        self.last_sender_report: tuple[int, int, float] | None = None
        self.packets_received = 0
        self.bytes_received = 0
        self.packets_repaired = 0
        self.packets_retransmitted = 0
        self.packets_discarded = 0
        self.nack_count = 0
        self.nack_packet_count = 0
        self.pli_count = 0
        self.fir_count = 0
        self.restarts = 0
        self.fraction_lost = 0
        self.jitter = 0.0
        self.inactive_after_s = inactive_after_s
        self.last_media_at = _NEVER
        self._ended_at = _NEVER
        self._score = StreamScore()
        self._max_jitter_step = _MAX_JITTER_STEP_S * clock_rate
        self._highest = -1
        self._base = 0
        self._jump_next = -1
        self._missing: dict[int, None] = {}  # ascending
        self._last_timestamp = -1
        self._last_arrival = 0.0
        self._prior_expected = 0
        self._prior_received = 0
        self._rate = RateCalculator()
        self._rate_at = 0.0
        self._rate_bytes = 0

    @property
    def highest(self) -> int:
        """The highest unwrapped sequence number so far; -1 before the first packet."""
        return self._highest

    @property
    def packets_expected(self) -> int:
        """How many packets the sequence numbers so far stand for."""
        return self._highest - self._base + 1 if self._highest >= 0 else 0

    @property
    def packets_lost(self) -> int:
        """Expected less received, never below zero: what RTX repaired is lost too."""
        return max(0, self.packets_expected - self.packets_received)

    @property
    def score(self) -> int:
        """How well it is received: 0, nothing comes, to 10, as of the last `update_score`."""
        return self._score.value

    def is_active(self, now: float) -> bool:
        """Tell whether media has come lately."""
        last = self.last_media_at
        return now < last + self.inactive_after_s and last >= self._ended_at + BYE_GRACE_S

    def silent_at(self) -> float:
        """Return when the stream is dead if nothing more comes; it lies in the past when it is."""
        if self.last_media_at < self._ended_at + BYE_GRACE_S:
            return _NEVER
        return self.last_media_at + self.inactive_after_s

    def end(self, now: float) -> None:
        """Note that the source has taken leave (BYE): dead at once, until it sends again."""
        self._ended_at = now
        self._score.reset(0)
        if self.nack_generator is not None:
            self.nack_generator.clear()

    def update_score(self, now: float) -> None:
        """End an interval of the score; call it about once a second."""
        totals = self.packets_received, self.packets_lost, self.packets_repaired, self.packets_retransmitted
        if not self.is_active(now):
            self._score.skip(*totals)
            self._score.reset(0)
        elif not self._score.value and not self._score.is_measured:
            self._score.skip(*totals)
            self._score.reset(MAX_SCORE)
        else:
            self._score.update(*totals)

    def check_silence(self, now: float) -> None:
        """Let the score fall to 0 if the stream is dead, within an interval."""
        if not self.is_active(now):
            self._score.reset(0)

    def hold_score(self, now: float) -> None:
        """End an interval that says nothing, as the stream is paused and may well be silent."""
        if self.silent_at() > _NEVER:
            self.last_media_at = now
        self._score.skip(
            self.packets_received, self.packets_lost, self.packets_repaired, self.packets_retransmitted
        )

    def receive(self, seq16: int, timestamp: int, size_bytes: int, now: float) -> int | None:
        """Account for a packet of the stream's own SSRC and return its unwrapped sequence number.

        The first is its number plus 65536, and they never go back: a source that starts anew goes on above. None:
        drop the packet, it is a duplicate, too late, or astray until a second one follows it (RFC 3550 A.1).
        """
        highest = self._highest
        step = (seq16 - highest) & 0xFFFF
        if step == 1 and highest >= 0:
            seq = self._highest = highest + 1
        else:
            unwrapped = self._unusual(seq16, step)
            if unwrapped is None:
                self.packets_discarded += 1
                return None
            seq = unwrapped
        self.packets_received += 1
        self.bytes_received += size_bytes
        last_timestamp = self._last_timestamp
        if timestamp != last_timestamp and seq > highest:
            if last_timestamp >= 0:
                ticks = (timestamp - last_timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                deviation = abs((now - self._last_arrival) * self.clock_rate - ticks)
                if deviation < self._max_jitter_step:
                    self.jitter += (deviation - self.jitter) / 16
            self._last_timestamp = timestamp
            self._last_arrival = now
        if now >= self._rate_at:
            self._read_rate(now)
        return seq

    def receive_rtx(self, seq16: int) -> int | None:
        """Account for a packet that came as RTX (RFC 4588), by its original 16-bit number.

        Return the unwrapped number if the packet was missing; None for one we have, which senders repeat to
        probe for bandwidth.
        """
        self.packets_retransmitted += 1
        step = (seq16 - self._highest) & 0xFFFF
        if self._highest < 0 or MAX_DROPOUT <= step < 0x8000:
            return None
        seq = self._accept_late(step - 0x10000) if step >= 0x8000 else self._accept_ahead(step)
        if seq is not None:
            self.packets_repaired += 1
        return seq

    def follow(self, seq: int, size_bytes: int, now: float) -> None:
        """Account for a packet that was received, numbered and counted elsewhere; what got lost counts there."""
        self._highest = max(self._highest, seq)
        self.packets_received += 1
        self.bytes_received += size_bytes
        self._base = self._highest + 1 - self.packets_received
        if now >= self._rate_at:
            self._read_rate(now)

    def follow_score(self, score: int, now: float) -> None:
        """Take over the score that was found elsewhere; 0: the stream is dead."""
        self._score.reset(score)
        if not score:
            self._ended_at = now

    def bitrate_bps(self, now: float) -> int:
        """Return the bits per second received over the last second."""
        self._read_rate(now)
        return self._rate.rate_bps(now)

    def sender_report(self, report: SenderReport, now: float) -> None:
        """Keep the sender's clock as `last_sender_report`: `(ntp, rtp_timestamp, arrival)`; a restart drops it."""
        self.last_sender_report = report.ntp, report.rtp_timestamp, now

    def report_block(self, now: float) -> ReportBlock:
        """Make a report block, which ends the interval that `fraction_lost` is of (RFC 3550 A.3)."""
        expected = self.packets_expected - self._prior_expected
        lost = expected - (self.packets_received - self._prior_received)
        self._prior_expected += expected
        self._prior_received = self.packets_received
        self.fraction_lost = min(255, lost * 256 // expected) if expected > 0 and lost > 0 else 0
        lsr = dlsr = 0
        if self.last_sender_report is not None:
            ntp, _, arrival = self.last_sender_report
            lsr = middle_32_bits(ntp)
            dlsr = min(0xFFFFFFFF, max(0, int((now - arrival) * 65536)))
        highest = max(0, self._highest - 0x10000) & 0xFFFFFFFF
        jitter = min(0xFFFFFFFF, int(self.jitter))
        return ReportBlock(self.ssrc, self.fraction_lost, self.packets_lost, highest, jitter, lsr, dlsr)

    def _unusual(self, seq16: int, step: int) -> int | None:
        """Number a packet that is not the next: the first, one after a gap, a late one or one astray."""
        if self._highest < 0:
            self._highest = self._base = seq16 + 0x10000
            return self._highest
        if 0 < step < MAX_DROPOUT:
            self._jump_next = -1
            return self._accept_ahead(step)
        behind = -step & 0xFFFF
        if step >= 0x8000 and (late := self._accept_late(-behind)) is not None:
            return late
        if behind <= MAX_MISORDER:
            return None
        if seq16 == self._jump_next:
            return self._restart(step)
        self._jump_next = seq16 + 1 & 0xFFFF
        return None

    def _accept_ahead(self, step: int) -> int | None:
        if step == 0:
            return None
        first, self._highest = self._highest + 1, self._highest + step
        for seq in range(max(first, self._highest - MAX_MISSING), self._highest):
            self._missing[seq] = None
        if len(self._missing) > 2 * MAX_MISSING:
            self._missing = dict.fromkeys(list(self._missing)[-MAX_MISSING:])
        return self._highest

    def _accept_late(self, step: int) -> int | None:
        seq = self._highest + step
        if seq not in self._missing:
            return None
        del self._missing[seq]
        return seq

    def _restart(self, step: int) -> int:
        """Go on above with a source that started anew; what lies between was never sent."""
        self._base += step - 1
        self._highest += step
        self._missing.clear()
        self._jump_next = -1
        self._last_timestamp = -1
        self.last_sender_report = None
        self.restarts += 1
        return self._highest

    def _read_rate(self, now: float) -> None:
        self._rate.update(self.bytes_received - self._rate_bytes, now)
        self._rate_bytes = self.bytes_received
        self._rate_at = now + RATE_STEP_S
