"""All scenarios by name, in the order in which they run."""

from dataclasses import dataclass

from tests.bench.load.clips import Packetizer, VideoFormat
from tests.bench.scenarios.base import Scenario
from tests.bench.scenarios.fan_out import FanOut
from tests.bench.scenarios.gathering import Gathering
from tests.bench.scenarios.join_storm import JoinStorm

MEETING_BPS = 128_000
"""A meeting's video by default, as thumbnails have it. 10 rooms of 10 are 900 streams of video and of audio each,
together about 25,000 packets/s at this rate: what one core can forward, one packet at a time."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line may change about the scenarios."""

    packetizer: Packetizer = "chromium"
    meeting_bps: int = MEETING_BPS


def scenarios(wishes: Wishes) -> dict[str, Scenario]:
    """Make all scenarios."""
    lecture = VideoFormat(packetizer=wishes.packetizer)
    thumbnail = VideoFormat(wishes.meeting_bps, 15, 320, 180, wishes.packetizer, seconds=10)
    known: list[Scenario] = [
        FanOut("fan_out", (20, 50, 100, 200, 500), 1, lecture),
        FanOut("rooms", (10,), 10, lecture),
        Gathering("meeting", (10,), 10, speakers=2, are_open=True, form=thumbnail),
        Gathering("audio", (100,), 1, speakers=5, are_open=False, form=None),
        JoinStorm("join_storm", (300,), 1.0),
        JoinStorm("join_at_once", (200,), 0.0),
    ]
    return {scenario.name: scenario for scenario in known}
