"""Which packets of a received stream to ask for again, and when (RFC 4585 6.2.1)."""

from collections import deque
from itertools import takewhile

from sfu.rtp.nack_pacing import NackPacing

MAX_MISSING = 1000
"""Longest list of missing packets; a stream that lost more is mended sooner by a key frame."""

MAX_PACKET_AGE = 10_000
"""Packets this far behind the highest are played or forgotten. It also keeps numbers within half a cycle."""

MAX_ATTEMPTS = 10
"""How often one packet is asked for; what did not come by then is taken for gone."""

MAX_WAIT_S = 2.0
"""How long one packet is asked for. Senders keep about a second, and nobody waits longer to go on."""

OUTAGE_S = 1.0
"""After so long a silence the sender has forgotten what was lost in it: a key frame is asked for instead."""

MAX_ASKED_AT_ONCE = 250
"""So many unrelated numbers take 1,000 bytes of NACK, which fits a datagram with what else goes in it."""

_MAX_KEY_FRAMES = 64
_MAX_RECOVERED = 1000


class _Missing:
    __slots__ = ("asked_at", "attempts", "due_at", "noticed_at")

    def __init__(self, noticed_at: float, due_at: float) -> None:
        self.noticed_at = noticed_at
        self.due_at = due_at
        self.asked_at = 0.0
        self.attempts = 0


class NackGenerator:
    """Keep the list of packets missing from one stream. Sequence numbers are unwrapped.

    The caller tells of each packet with `received`, asks `due` at `next_timeout()` or earlier, and looks at
    `key_frame_needed` after either: it is set when packets were given up that only a key frame makes up for, until
    `take_key_frame_request`.
    """

    __slots__ = (
        "_highest",
        "_highest_at",
        "_key_frames",
        "_missing",
        "_next_due",
        "_pacing",
        "_recovered",
        "key_frame_needed",
    )

    def __init__(self) -> None:
        self.key_frame_needed = False
        self._highest = -1
        self._highest_at = 0.0
        self._missing: dict[int, _Missing] = {}  # by sequence number, ascending
        self._next_due = 0.0
        self._pacing = NackPacing()
        self._key_frames: deque[int] = deque(maxlen=_MAX_KEY_FRAMES)
        self._recovered: dict[int, None] = {}  # came by RTX before anything after them came

    def received(self, seq: int, is_key_frame: bool, is_recovered: bool, now: float) -> None:
        """Note a packet; `is_recovered` if it came as a retransmission in its own stream (RTX)."""
        if is_key_frame:
            self._key_frames.append(seq)
        highest = self._highest
        if seq <= highest:
            self._found(seq, is_recovered, now)
        elif is_recovered and highest >= 0:
            if len(self._recovered) == _MAX_RECOVERED:
                del self._recovered[next(iter(self._recovered))]
            self._recovered[seq] = None
        else:
            self._highest = seq
            if seq != highest + 1 and highest >= 0:
                self._add_missing(highest + 1, seq, now)
            self._highest_at = now

    def due(self, now: float, rtt_s: float) -> list[int]:
        """Return the numbers to ask for now, ascending, at most `MAX_ASKED_AT_ONCE`; each counts as an attempt.

        A packet is asked for again when the answer should have come: after the time that answers have been seen
        to take, or after the round-trip time `rtt_s` until one has. It is dropped from the list after
        `MAX_ATTEMPTS` or `MAX_WAIT_S`.
        """
        if not self._missing or now < self._next_due:
            return []
        asked: list[int] = []
        hopeless: list[int] = []
        next_due = now + self._pacing.retry_after(rtt_s)
        self._next_due = next_due
        for seq, entry in self._missing.items():
            if entry.due_at <= now and len(asked) < MAX_ASKED_AT_ONCE:
                if entry.attempts == MAX_ATTEMPTS or now - entry.noticed_at > MAX_WAIT_S:
                    hopeless.append(seq)
                    continue
                asked.append(seq)
                entry.attempts += 1
                entry.asked_at = now
                entry.due_at = next_due
            self._next_due = min(self._next_due, entry.due_at)
        if hopeless:
            self._give_up(hopeless)
        return asked

    def clear(self) -> None:
        """Ask for nothing of what is missing so far: the source is gone, or the stream paused."""
        self._missing.clear()
        self._recovered.clear()
        self._key_frames.clear()
        self.key_frame_needed = False

    def take_key_frame_request(self) -> bool:
        """Return whether a key frame is needed, and take it for requested."""
        needed, self.key_frame_needed = self.key_frame_needed, False
        return needed

    def next_timeout(self) -> float | None:
        """Return when `due` may next have something; None when nothing is missing."""
        return self._next_due if self._missing else None

    def _found(self, seq: int, is_recovered: bool, now: float) -> None:
        entry = self._missing.pop(seq, None)
        if entry is None:
            return
        waited = now - entry.asked_at
        if entry.attempts and (is_recovered or self._pacing.may_be_answer(waited)):
            self._pacing.answered(waited if entry.attempts == 1 and is_recovered else None)
        else:
            self._pacing.reordered(now - entry.noticed_at)

    def _give_up(self, hopeless: list[int]) -> None:
        """Forget packets that do not come; only a key frame behind them makes up for them."""
        for seq in hopeless:
            del self._missing[seq]
        if not self._key_frames or self._key_frames[-1] < hopeless[-1]:
            self.key_frame_needed = True

    def _add_missing(self, first: int, stop: int, now: float) -> None:
        self._forget_before(stop - MAX_PACKET_AGE)
        if now - self._highest_at > OUTAGE_S or not self._make_room(stop - first):
            self._missing.clear()
            self._recovered.clear()
            self.key_frame_needed = True
            return
        due_at = now + self._pacing.reorder_delay_s
        self._next_due = min(self._next_due, due_at) if self._missing else due_at
        for seq in range(first, stop):
            if seq in self._recovered:
                del self._recovered[seq]
            else:
                self._missing[seq] = _Missing(now, due_at)

    def _make_room(self, count: int) -> bool:
        """Drop what came before key frames, oldest first, until `count` more fit; False if they cannot."""
        while len(self._missing) + count > MAX_MISSING:
            if not self._key_frames:
                return False
            self._forget_before(self._key_frames.popleft())
        return True

    def _forget_before(self, limit: int) -> None:
        for seq in list(takewhile(limit.__gt__, self._missing)):
            del self._missing[seq]
        for seq in [seq for seq in self._recovered if seq < limit]:
            del self._recovered[seq]
