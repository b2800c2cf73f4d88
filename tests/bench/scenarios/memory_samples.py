"""The memory of processes while visitors come and go: sampled step by step, and what it grows by with each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.processes import pss_mib

STEPS = 10
WARM_STEPS = 3
"""Steps before which the slope is not counted: caches fill, the heap takes the size that the load needs."""

Mib = dict[str, float]


@dataclass(slots=True)
class MemorySamples:
    """What was read after how many joins: MiB by process. The first sample is from before any visitor.

    `totals` is the proportional set size, `private` its part that is of no file, which the slope is made of.
    """

    totals: list[tuple[int, Mib]] = field(default_factory=list)
    private: list[tuple[int, Mib]] = field(default_factory=list)

    def take(self, joins: int, processes: Mapping[str, Sequence[int]]) -> None:
        """Read the memory of named processes; several under one name are added up."""
        self.totals.append((joins, {name: pss_mib(pids) for name, pids in processes.items()}))
        self.private.append((joins, {name: pss_mib(pids, "Pss_Anon") for name, pids in processes.items()}))

    def render(self) -> dict[str, Any]:
        """Return all samples and by process the start, after the warm-up, the end and the slope, for JSON."""
        return {
            "samples": [{"joins": joins, "mib": mib} for joins, mib in self.totals],
            "start_mib": self.totals[0][1],
            "warm_mib": self.totals[WARM_STEPS][1],
            "end_mib": self.totals[-1][1],
            "bytes_a_join": slopes(self.private[WARM_STEPS:]),
        }


def slopes(samples: Sequence[tuple[int, Mib]]) -> Mib:
    """Return the growth of each process in bytes a join: the least-squares line through the samples given."""
    joins = [float(count) for count, _ in samples]
    middle = sum(joins) / len(joins)
    spread = sum((count - middle) ** 2 for count in joins)
    names = samples[-1][1]
    return {
        name: sum((count - middle) * mib[name] for count, mib in samples) * (1 << 20) / spread for name in names
    }


def table(result: Mapping[str, Any]) -> str:
    """Lay out what `render` returned for reading."""
    names = list(result["start_mib"])

    def line(head: str, values: Mib) -> str:
        return f"{head:>8}" + "".join(f" {values[name]:10.2f}" for name in names)

    return "\n".join(
        [
            "   joins" + "".join(f" {name:>10}" for name in names) + "  MiB",
            *(line(str(sample["joins"]), sample["mib"]) for sample in result["samples"]),
            line("start", result["start_mib"]),
            line("warm", result["warm_mib"]),
            line("end", result["end_mib"]),
            line("B/join", result["bytes_a_join"]),
        ]
    )
