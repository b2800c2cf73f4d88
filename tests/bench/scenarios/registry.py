"""All scenarios by name, in the order in which they run."""

from dataclasses import dataclass

from tests.bench.load.clips import Packetizer, VideoFormat
from tests.bench.scenarios.base import Scenario
from tests.bench.scenarios.fan_out import FanOut


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line may change about the scenarios."""

    packetizer: Packetizer = "chromium"


def scenarios(wishes: Wishes) -> dict[str, Scenario]:
    """Make all scenarios."""
    lecture = VideoFormat(packetizer=wishes.packetizer)
    known: list[Scenario] = [
        FanOut("fan_out", (20, 50, 100, 200, 500), 1, lecture),
        FanOut("rooms", (10,), 10, lecture),
    ]
    return {scenario.name: scenario for scenario in known}
