"""Which SFU a room's media go through: the rules, and where it is kept.

A room is placed when its first peer joins, and stays where it is until it ends, unless that SFU is lost. The
placement names the run of the SFU, its epoch: another epoch at the same address has none of the room's media.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

BUSY_SHARE = 0.85
"""Of an SFU's cores. Who is busier gets a new room only when all are: packets wait then."""

EXPECTED_ROOM = 30
"""Objects that a room placed since the last report is taken for: a small class, until the report counts it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A room's SFU. `claim_id` is of whoever placed it or took the placement over last, who alone removes it."""

    room_id: str
    sfu_url: str
    epoch: str
    claim_id: str


class PlacementRepository(Protocol):
    """The placements as they are kept, for all backends. May raise `backend.errors.DatabaseUnavailable`."""

    async def take_over(self, room_id: str, claim_id: str) -> Placement | None:
        """Give a room's placement this claim and return it; None when the room is placed nowhere."""

    async def place(self, wanted: Placement, instead_of: str | None) -> bool:
        """Keep a placement unless there is another one; one of the claim `instead_of` is replaced.

        Returns:
            Whether it is kept now.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """

    async def remove(self, placement: Placement) -> None:
        """Forget a placement, unless somebody has taken it over."""

    async def epochs(self, room_ids: Collection[str]) -> Mapping[str, str]:
        """Return the epochs that these rooms are placed at; one placed nowhere is missing."""

    async def keep(self, placements: Sequence[Placement]) -> None:
        """Note that these rooms are still open, also if one was swept meanwhile; leaves what others took over."""

    async def sweep(self, unused_s: float) -> int:
        """Forget placements that nobody has kept for so many seconds; return how many."""


@dataclass(frozen=True, slots=True)
class SfuLoad:
    """What an SFU has to do. `cpu_share` is of all its workers together; 1 is a core."""

    peers: int = 0
    producers: int = 0
    consumers: int = 0
    workers_ready: int = 1
    cpu_share: float = 0.0


@dataclass(frozen=True, slots=True)
class SfuFigures:
    """One SFU for the metrics: its address, and how many of our rooms it has."""

    url: str
    up: bool
    draining: bool
    rooms: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An SFU that takes new rooms. `placed_since` counts the rooms that we placed there since it told its load."""

    url: str
    load: SfuLoad
    placed_since: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether its media workers have little time left."""
        return self.load.cpu_share >= BUSY_SHARE * max(1, self.load.workers_ready)

    @property
    def objects_per_worker(self) -> float:
        """Return how much each of its media workers has to look after; a room to come counts as a small class."""
        load = self.load
        objects = load.peers + load.producers + load.consumers + self.placed_since * EXPECTED_ROOM
        return objects / max(1, load.workers_ready)


def least_loaded(
    candidates: Collection[Candidate], choose: Callable[[Sequence[Candidate]], Candidate] = random.choice
) -> Candidate | None:
    """Return who should take the next room; None when there is nobody.

    Among equals chance decides, so that backends which know the same do not all choose the same.
    """
    able = [one for one in candidates if one.load.workers_ready > 0]
    if not able:
        return None
    best = min((one.is_busy, one.objects_per_worker) for one in able)
    return choose([one for one in able if (one.is_busy, one.objects_per_worker) == best])
