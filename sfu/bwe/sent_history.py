"""What was sent when under which transport-wide number, and what the peer's feedback says of its arrival."""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

MAX_AGE_S = 3.0
"""A batch that has not been acknowledged for so long never will be: no useful round trip is longer."""

MAX_BATCHES = 4096
"""Batches held at once: more than a second's of 100 videos at 30 frames. What is forgotten before the feedback
comes leaves nothing to estimate by."""

MAX_MISSING = 512
"""Numbers remembered as lost, in case a later feedback tells that they came late."""

TICKS_PER_S = 4000
_REFERENCE_TICKS = 256
_HALF_REFERENCE_RANGE = 1 << 23
_REFERENCE_MASK = (1 << 24) - 1


class Arrival(NamedTuple):
    """A batch, or the part of it that a feedback tells of; times in seconds, each by its own side's clock.

    `arrived_at` is when the first of its packets arrived, `None` if all were lost; `octets` counts what was sent,
    lost or not; `probe` is the label that the batch was sent with. `untold_octets` were sent before it, in batches
    whose feedback was lost.
    """

    sent_at: float
    arrived_at: float | None
    octets: int
    lost_octets: int
    probe: int
    untold_octets: int = 0


class Acknowledgement(NamedTuple):
    """What a feedback tells that none before it did.

    `lost` counts the packets that are missing so far; it is less than none when earlier ones have come late.
    """

    arrivals: list[Arrival]
    received: int
    lost: int


Calm = tuple[Arrival, float | None, float]
"""All that a feedback tells of as one batch; when its newest batch was sent, `None` if there are only probes; when
that arrived."""

_Batch = tuple[int, int, int, float, int]
"""First number, the number after the last (equal if it has none), octets, when it was sent, probe."""

MAX_LOG = 1024
"""Entries not looked at yet. More are looked at once a second anyway, and whenever feedback comes."""

_make = tuple.__new__  # of named tuples: a third of what their own constructors take


class SentHistory:
    """One entry for each batch sent, until a feedback has told of it.

    `end` is the number that the next packet will have, `expected` the first that no feedback has told of.

    Packets without a transport-wide number (audio) share the path: their bytes are counted with the next batch
    that has numbers, or else the rate that the path carries would seem smaller than it is.

    `log` has what was sent since the last look. Who sends much appends to it directly, which costs a tenth of a
    call, and sees to it that `settle` is called now and then.
    """

    __slots__ = (
        "_batches",
        "_expires_at",
        "_missing",
        "_reference",
        "_untold_octets",
        "_untracked_octets",
        "end",
        "expected",
        "log",
    )

    def __init__(self) -> None:
        self.log: list[_Batch] = []
        self._batches: deque[_Batch] = deque()
        self.end = 0
        self.expected = 0
        self._reference: int | None = None  # unwrapped time of the last feedback, in units of 64 ms
        self._untracked_octets = 0
        self._untold_octets = 0  # of batches whose feedback was lost
        self._missing: set[int] = set()
        self._expires_at = float("-inf")  # no entry is too old before

    def __len__(self) -> int:
        self.settle()
        return len(self._batches)

    def sent(self, first: int, count: int, octets: int, now: float, probe: int = 0) -> None:
        """Note a batch: `count` packets from number `first` (unwrapped) on, `octets` bytes in all."""
        self.log.append((first, first + count, octets, now, probe))
        if len(self.log) > MAX_LOG:
            self.settle()

    def sent_untracked(self, octets: int) -> None:
        """Note packets that have no transport-wide number."""
        self.log.append((0, 0, octets, 0.0, 0))
        if len(self.log) > MAX_LOG:
            self.settle()

    def settle(self) -> None:
        """Look at what was sent since the last time."""
        log, batches, untracked = self.log, self._batches, self._untracked_octets
        if not log:
            return
        for batch in log:
            first, end, octets, now, probe = batch
            if first == end:
                untracked += octets
                continue
            if not self.end:
                self.expected = first
            self.end = end
            batches.append((first, end, octets + untracked, now, probe) if untracked else batch)
            untracked = 0
        self._untracked_octets = untracked
        log.clear()
        if batches and (batches[-1][3] >= self._expires_at or len(batches) > MAX_BATCHES):
            self._expire(batches[-1][3])

    def acknowledge(
        self, base_sequence: int, reference_time: int, packets: bytes | Sequence[int | None]
    ) -> Acknowledgement | None:
        """Take what a feedback tells (see `TransportFeedback`); bytes are the deltas of packets that all came.

        Returns `None` when it tells nothing new, or of packets that were never sent.
        """
        self.settle()
        expected = self.expected
        base = self.end - ((self.end - base_sequence) & 0xFFFF)
        end = base + len(packets)
        if end > self.end or base < 0 or (end <= expected and not self._missing):
            return None
        ticks = self._reference_ticks(reference_time)
        if base == expected and type(packets) is bytes:  # as nearly all do
            self.expected = end
            return _make(Acknowledgement, (self._match_next(base, end, ticks, packets), end - base, 0))
        arrivals = _arrival_ticks(ticks, packets)
        recovered = self._recovered(base, arrivals) if self._missing and base < expected else 0
        start = max(base, expected)
        if start >= end:
            return Acknowledgement([], recovered, -recovered) if recovered else None
        self.expected = end
        new = arrivals[start - base :]
        lost = new.count(None)
        if lost:
            self._note_missing(start, new)
        return Acknowledgement(self._match(start, end, new), len(new) - lost + recovered, lost - recovered)

    def acknowledge_next(self, base_sequence: int, reference_time: int, deltas: bytes) -> Calm | None:
        """Take what a feedback tells that follows the one before, of packets that all came, batches as one.

        Returns `None`, with nothing taken, when that is not so: `acknowledge` knows what to do then.
        """
        self.settle()
        start, batches = self.expected, self._batches
        end = start + len(deltas)
        if (base_sequence - start) & 0xFFFF or end > self.end or not batches:
            return None
        self.expected = end
        ticks = self._reference_ticks(reference_time)
        octets, self._untold_octets = self._untold_octets, 0
        first_sent_at, newest, newest_sent_at = batches[0][3], start, None
        while batches:
            first, stop, size, sent_at, probe = batches[0]
            if first >= end:
                break
            if first < start or stop > end:
                size = size * (min(stop, end) - max(first, start)) // (stop - first)
            octets += size
            if not probe:
                newest, newest_sent_at = max(first, start), sent_at
            if stop > end:
                break
            batches.popleft()
        arrival = _make(Arrival, (first_sent_at, (ticks + deltas[0]) / TICKS_PER_S, octets, 0, 0, 0))
        newest_ticks = ticks + sum(deltas[: newest - start + 1])
        return arrival, newest_sent_at, newest_ticks / TICKS_PER_S

    def _reference_ticks(self, reference: int) -> int:
        if self._reference is not None:  # 24 bits of 64 ms wrap every twelve days
            step = (reference - self._reference + _HALF_REFERENCE_RANGE) & _REFERENCE_MASK
            reference = self._reference + step - _HALF_REFERENCE_RANGE
        self._reference = reference
        return reference * _REFERENCE_TICKS

    def _match_next(self, start: int, end: int, ticks: int, deltas: bytes) -> list[Arrival]:
        """Do what `_match` does where nothing is missing up to `end`: only a batch's first packet is looked at."""
        batches, found, told = self._batches, [], 0
        while batches and batches[0][0] < end:
            first, stop, octets, sent_at, probe = batches[0]
            if first < start:
                octets = octets * (min(stop, end) - start) // (stop - first)
                first = start
            elif stop > end:
                octets = octets * (end - first) // (stop - first)
            ticks += sum(deltas[told : first - start + 1])
            told = first - start + 1
            untold, self._untold_octets = self._untold_octets, 0
            found.append(_make(Arrival, (sent_at, ticks / TICKS_PER_S, octets, 0, probe, untold)))
            if stop > end:
                break
            batches.popleft()
        return found

    def _match(self, start: int, end: int, ticks: list[int | None]) -> list[Arrival]:
        """Find the batches that numbers `start` up to `end` (exclusive) belong to."""
        batches = self._batches
        found = []
        while batches and batches[0][0] < end:
            batch = batches[0]
            low, high = max(batch[0], start), min(batch[1], end)
            if low < high:
                found.append(self._arrival(batch, ticks[low - start : high - start]))
            else:
                self._untold_octets += batch[2]
            if batch[1] > end:
                break
            batches.popleft()
        return found

    def _arrival(self, batch: _Batch, ticks: list[int | None]) -> Arrival:
        batch_first, batch_end, octets, sent_at, probe = batch
        count, size = len(ticks), batch_end - batch_first
        octets = octets if count == size else octets * count // size
        first, lost_octets = ticks[0], 0
        if None in ticks:
            came = [tick for tick in ticks if tick is not None]
            lost_octets = octets * (count - len(came)) // count
            first = came[0] if came else None
        untold, self._untold_octets = self._untold_octets, 0
        arrived_at = None if first is None else first / TICKS_PER_S
        return Arrival(sent_at, arrived_at, octets, lost_octets, probe, untold)

    def _expire(self, now: float) -> None:
        """Forget what is too old or too much; the newest stays."""
        batches = self._batches
        while len(batches) > MAX_BATCHES or batches[0][3] < now - MAX_AGE_S:
            batches.popleft()
        self._expires_at = batches[0][3] + MAX_AGE_S

    def _note_missing(self, start: int, arrivals: list[int | None]) -> None:
        if len(self._missing) > MAX_MISSING:
            self._missing.clear()
        self._missing.update(start + index for index, tick in enumerate(arrivals) if tick is None)

    def _recovered(self, base: int, arrivals: list[int | None]) -> int:
        """Count packets that were missing when first told of, and have come since."""
        stop = min(base + len(arrivals), self.expected)
        came = [
            number for number in self._missing if base <= number < stop and arrivals[number - base] is not None
        ]
        self._missing.difference_update(came)
        return len(came)


def _arrival_ticks(ticks: int, packets: bytes | Sequence[int | None]) -> list[int | None]:
    if isinstance(packets, bytes) or None not in packets:
        return list(accumulate(packets, initial=ticks))[1:]
    arrivals: list[int | None] = []
    for delta in packets:
        if delta is None:
            arrivals.append(None)
        else:
            ticks += delta
            arrivals.append(ticks)
    return arrivals
