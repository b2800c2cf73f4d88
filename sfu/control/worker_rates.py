"""How busy a media worker is, from the totals that it tells now and then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIN_WINDOW_S = 1.0
"""Figures over less time than this say more about the moment than about the load."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a worker does in a second. `cpu_share` is the share of one core that it uses."""

    cpu_share: float = 0.0
    packets_per_s: float = 0.0


class WorkerRates:
    """Turns growing totals into rates. `latest` covers the time between the last two looks that were far apart."""

    def __init__(self) -> None:
        self.latest = Rates()
        self._at: float | None = None
        self._cpu_s = 0.0
        self._packets = 0.0

    def note(self, now: float, stats: Mapping[str, Any]) -> None:
        """Take in the totals of this moment; `now` in seconds."""
        cpu_s = float(stats.get("cpuSeconds", 0.0))
        packets = float(stats.get("packetsReceived", 0)) + float(stats.get("packetsSent", 0))
        if self._at is not None:
            window_s = now - self._at
            if window_s < MIN_WINDOW_S:
                return
            self.latest = Rates((cpu_s - self._cpu_s) / window_s, (packets - self._packets) / window_s)
        self._at, self._cpu_s, self._packets = now, cpu_s, packets
