"""What one received RTP stream has come to: counted by sequence number, without decrypting anything."""

from tests.bench.load.rtcp import Block
from tests.bench.servers.base import TRANSPORT_CC, Track

MAX_GAP = 1000
"""A jump over more packets than this is a new start of the stream, not a loss."""
MAX_MISSING = 400
NACK_EVERY_S = 0.05
NACK_TRIES = 10


class ReceivedStream:
    """Counts of one stream. `highest` is the unwrapped sequence number, None before the first packet.

    `first_ns` is when the first packet came, `decodable_ns` when the first one came with which decoding can begin,
    by the kernel's wall clock, 0 before. `received` counts each sequence number once, `recovered` those of them
    that came by retransmission.
    """

    __slots__ = (
        "cc_at",
        "cc_id",
        "decodable_ns",
        "duplicates",
        "expected_before",
        "first_ns",
        "frames",
        "highest",
        "last_sr",
        "last_sr_at",
        "missing",
        "received",
        "received_before",
        "recovered",
        "reordered",
        "skipped",
        "start",
        "track",
    )

    def __init__(self, track: Track) -> None:
        self.track = track
        self.cc_id = track.extensions.get(TRANSPORT_CC, 0) if track.transport_cc else 0
        self.cc_at = 0
        self.first_ns = self.decodable_ns = 0
        self.highest: int | None = None
        self.start = 0
        self.received = self.duplicates = self.reordered = self.recovered = self.frames = self.skipped = 0
        self.missing: dict[int, tuple[float, int]] = {}
        self.expected_before = self.received_before = 0
        self.last_sr = 0
        self.last_sr_at = 0.0

    @property
    def expected(self) -> int:
        """How many there should have been, by the sequence numbers."""
        return 0 if self.highest is None else self.highest - self.start + 1 - self.skipped

    def count(self, sequence: int, now: float) -> bool:
        """Count a packet that is not simply the next one; tell whether it shows a loss to ask for."""
        if self.highest is None:
            self.highest = self.start = sequence
            self.received += 1
            return False
        number = self.unwrap(sequence)
        ahead = number - self.highest
        if ahead > 0:
            return self._jump(number, ahead, now)
        if self.missing.pop(number, None) is None:
            self.duplicates += 1
        else:
            self.received += 1
            self.reordered += 1
        return False

    def _jump(self, number: int, ahead: int, now: float) -> bool:
        assert self.highest is not None
        first_missing, self.highest = self.highest + 1, number
        self.received += 1
        if ahead > MAX_GAP:
            self.skipped += ahead - 1
            self.missing.clear()
            return False
        for lost in range(first_missing, number):
            if len(self.missing) < MAX_MISSING:
                self.missing[lost] = (now, 0)
        return ahead > 1

    def recover(self, sequence: int) -> None:
        """Count a packet that came by RTX under its original number."""
        if self.highest is None:
            return
        if self.missing.pop(self.unwrap(sequence), None) is None:
            self.duplicates += 1
        else:
            self.received += 1
            self.recovered += 1

    def unwrap(self, sequence: int) -> int:
        """Return the unwrapped number nearest to the highest one."""
        assert self.highest is not None
        return self.highest + (sequence - self.highest + 0x8000 & 0xFFFF) - 0x8000

    def to_ask_for(self, now: float) -> list[int]:
        """Return the 16-bit numbers to send a NACK for now; those asked for too often are given up."""
        wanted = []
        for number, (due, tries) in list(self.missing.items()):
            if now < due:
                continue
            if tries == NACK_TRIES:
                del self.missing[number]
                continue
            self.missing[number] = (now + NACK_EVERY_S, tries + 1)
            wanted.append(number & 0xFFFF)
        return wanted

    def block(self, now: float) -> Block:
        """Report what came since the last call (RFC 3550 section 6.4.1)."""
        expected, received = self.expected - self.expected_before, self.received - self.received_before
        self.expected_before, self.received_before = self.expected, self.received
        lost = max(0, expected - received)
        return Block(
            ssrc=self.track.ssrc,
            fraction_lost=min(255, (lost << 8) // expected) if expected > 0 else 0,
            lost=max(0, self.expected - self.received),
            highest=self.highest or 0,
            jitter=0,
            last_sr=self.last_sr,
            since_last_sr=int((now - self.last_sr_at) * 65536) & 0xFFFFFFFF if self.last_sr else 0,
        )
