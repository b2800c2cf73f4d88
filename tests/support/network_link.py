"""One direction of a bad network, sans-IO: what goes in comes out later, in another order, or never.

`NetworkLink` takes time as an argument and decides by a seed, so that the same calls give the same losses.
"""

import heapq
import random
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

HEADER_BYTES = 28
"""IPv4 and UDP headers, which take their share of a link's rate."""

DEFAULT_QUEUE_S = 0.25
"""What an access network's queue holds at its rate, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How bad a link is.

    `loss` is the share of datagrams that vanish. Each arrives `delay_s` after it left, and up to `jitter_s`
    (evenly distributed) later still; they overtake each other only if `reorders`. A link of `rate_bps` sends one
    after another, headers included, and drops what would wait in its queue longer than `queue_s`; None: at once.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorders: bool = False
    rate_bps: float | None = None
    queue_s: float = DEFAULT_QUEUE_S

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 1:
            raise ValueError(f"a share of {self.loss} cannot be lost")
        if min(self.delay_s, self.jitter_s, self.queue_s) < 0:
            raise ValueError("no datagram arrives before it was sent")
        if self.rate_bps is not None and self.rate_bps <= 0:
            raise ValueError("a link that carries nothing is cut, not slow")


@dataclass(slots=True)
class LinkCounts:
    """What became of what went in: lost by chance, dropped because the queue was full or the link cut, arrived."""

    forwarded: int = 0
    lost: int = 0
    queue_full: int = 0
    cut_off: int = 0


class NetworkLink(Generic[Item]):
    """A link from one end to another; `conditions` and `is_cut` may be changed at any time.

    `send` puts an item in, `due` takes those out that have arrived, `next_arrival` tells when there will be one.
    """

    def __init__(self, seed: int, conditions: Conditions | None = None) -> None:
        self.conditions = conditions or Conditions()
        self.is_cut = False
        self.counts = LinkCounts()
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._under_way: list[tuple[float, int, Item]] = []  # a heap: arrival, serial number, item
        self._serial = 0
        self._free_at = 0.0
        self._last_arrival = 0.0

    def send(self, item: Item, size: int, now: float) -> None:
        """Put in an item of `size` bytes of payload at the time `now`."""
        lost = self._chance.random() < self.conditions.loss
        late = self._chance.random() * self.conditions.jitter_s
        if self.is_cut:
            self.counts.cut_off += 1
            return
        left = self._leaves_queue(size, now)
        if left is None:
            self.counts.queue_full += 1
        elif lost:
            self.counts.lost += 1
        else:
            self._carry(item, left + self.conditions.delay_s + late)

    def next_arrival(self) -> float | None:
        """When the next item arrives; None while nothing is under way."""
        return self._under_way[0][0] if self._under_way else None

    def due(self, now: float) -> list[Item]:
        """Take out what has arrived by `now`, in the order of arrival."""
        arrived: list[Item] = []
        while self._under_way and self._under_way[0][0] <= now:
            arrived.append(heapq.heappop(self._under_way)[2])
        self.counts.forwarded += len(arrived)
        return arrived

    def _leaves_queue(self, size: int, now: float) -> float | None:
        rate = self.conditions.rate_bps
        if rate is None:
            return now
        starts = max(now, self._free_at)
        if starts - now > self.conditions.queue_s:
            return None
        self._free_at = starts + (size + HEADER_BYTES) * 8 / rate
        return self._free_at

    def _carry(self, item: Item, arrival: float) -> None:
        if not self.conditions.reorders:
            arrival = max(arrival, self._last_arrival)
        self._last_arrival = max(arrival, self._last_arrival)
        self._serial += 1
        heapq.heappush(self._under_way, (arrival, self._serial, item))
