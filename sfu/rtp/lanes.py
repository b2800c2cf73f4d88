"""Consumers that get every batch of a view alike: their part of a fan-out, in which nothing is decided any more.

A lane is what a batch needs of a consumer, in one flat object: with 200 consumers a batch finds the caches cold,
so what it costs is mostly how many objects it touches for each. What a consumer has sent by its lane is worked
out from the totals of the view when somebody asks.
"""

from typing import Any, Protocol

from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers

LogEntry = tuple[int, int, int, float, int]
"""What went to a peer: its first transport-wide number and the one after its last (equal if it has none), octets,
when it went out, and the label of a probe or 0."""


class LaneOwner(Protocol):
    """A consumer, as its lane knows it."""

    def step_out(self) -> None:
        """Leave the fan-out: the next batch has to be looked at by itself."""


class Lane:
    """One consumer's place in a fan-out.

    `link` is the way to its peer and `numbers` how its packets go out on it, with tags of `tag_length`; `log`
    takes what went out. `first` is the lowest number of the view that it may get. `packets` and `octets` are the
    view's totals that its owner has counted already.
    """

    __slots__ = ("first", "link", "log", "numbers", "octets", "owner", "packets", "tag_length")

    def __init__(
        self,
        owner: LaneOwner,
        link: Any,
        log: list[LogEntry],
        numbers: StreamNumbers,
        tag_length: int,
        first: int,
    ) -> None:
        self.owner = owner
        self.link = link
        self.log = log
        self.numbers = numbers
        self.tag_length = tag_length
        self.first = first
        self.packets = 0
        self.octets = 0


LaneGroups = dict[tuple[int, StreamNumbers], list[Lane]]
"""Lanes by tag length and numbers: those of one group differ in nothing but keys and transport-wide numbers."""


class Lanes:
    """The lanes of one view, and what has gone out by them all.

    `packets` and `octets` (of payload) are totals, `highest` is the highest number so far, `timestamp` that of the
    last batch's newest packet, `sent_at` when it went out.
    """

    __slots__ = ("_floor", "groups", "highest", "octets", "packets", "sent_at", "timestamp")

    def __init__(self) -> None:
        self.groups: LaneGroups = {}
        self.packets = 0
        self.octets = 0
        self.highest = 0
        self.timestamp = 0
        self.sent_at = 0.0
        self._floor = 0

    def add(self, lane: Lane) -> None:
        """Take a lane in; it has counted what went out so far."""
        lane.packets, lane.octets = self.packets, self.octets
        self.groups.setdefault((lane.tag_length, lane.numbers), []).append(lane)
        self._floor = max(self._floor, lane.first)

    def remove(self, lane: Lane) -> None:
        """Let a lane go."""
        key = lane.tag_length, lane.numbers
        group = self.groups[key]
        group.remove(lane)
        if not group:
            del self.groups[key]
            if not self.groups:
                self._floor = 0

    def too_late_for(self, lowest: int) -> list[Lane]:
        """List the lanes that began after the packet of this number."""
        if lowest >= self._floor:
            return []
        return [lane for group in self.groups.values() for lane in group if lowest < lane.first]

    def sent(self, batch: MappedBatch, now: float) -> None:
        """Count a batch that has gone out by all lanes."""
        self.packets += len(batch.packets)
        self.octets += batch.octets
        self.highest = max(self.highest, batch.highest)
        self.timestamp = batch.newest.timestamp
        self.sent_at = now
