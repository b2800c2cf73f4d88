"""One direction of a network that loses in bursts, doubles packets and lets single ones straggle behind others."""

import heapq
import random
from dataclasses import dataclass
from typing import TypeVar

from tests.support.network_link import Conditions, NetworkLink

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Troubles:
    """What goes wrong beside the plain `Conditions`.

    `burst_loss` is the share of datagrams that are lost in bursts of `mean_burst` on average (Gilbert's model: a
    link that is good or bad, and loses all while it is bad). `duplicates` is the share that arrives twice, and
    `stragglers` the share that comes `straggle_s` later than it would, without holding up those behind it.
    """

    burst_loss: float = 0.0
    mean_burst: float = 4.0
    duplicates: float = 0.0
    stragglers: float = 0.0
    straggle_s: float = 0.03


class LossyLink(NetworkLink[Item]):
    """A `NetworkLink` with troubles, as repeatable as that one."""

    def __init__(self, seed: int, conditions: Conditions, troubles: Troubles) -> None:
        super().__init__(seed, conditions)
        self.troubles = troubles
        self.lost_in_bursts = 0
        self._fate = random.Random(seed + 1)  # noqa: S311 - repeatable, not secret
        self._is_bad = False
        self._straggles = False

    @property
    def lost(self) -> int:
        """How many were lost, one way or another, while the link was not cut."""
        return self.counts.lost + self.lost_in_bursts + self.counts.queue_full

    def send(self, item: Item, size: int, now: float) -> None:
        """Put in an item of `size` bytes of payload at the time `now`."""
        troubles, chance = self.troubles, self._fate.random
        if self._is_bad:
            self._is_bad = chance() >= 1 / troubles.mean_burst
        else:
            good_run = troubles.mean_burst * (1 - troubles.burst_loss) / max(troubles.burst_loss, 1e-9)
            self._is_bad = chance() < 1 / good_run
        self._straggles = chance() < troubles.stragglers
        doubled = chance() < troubles.duplicates
        if self._is_bad and not self.is_cut:
            self.lost_in_bursts += 1
            return
        super().send(item, size, now)
        if doubled:
            super().send(item, size, now)

    def _carry(self, item: Item, arrival: float) -> None:
        if not self._straggles:
            super()._carry(item, arrival)
            return
        self._serial += 1
        heapq.heappush(self._under_way, (arrival + self.troubles.straggle_s, self._serial, item))
