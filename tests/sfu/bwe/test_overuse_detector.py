"""What the delay of groups of packets says of a path."""

import random
from itertools import pairwise

import pytest

from sfu.bwe.overuse_detector import MAX_STANDING, RESET_S, STANDING_S, OveruseDetector, PathUsage

FRAME_S = 1 / 30
CLOCKS_APART_S = 12_345.678
"""The peer's clock is not ours."""


def verdicts(delays: list[float], detector: OveruseDetector | None = None, start: float = 0.0) -> list[PathUsage]:
    """Have frames arrive after these delays; what was thought of the path at each."""
    detector = detector or OveruseDetector()
    seen = []
    for number, delay in enumerate(delays):
        sent_at = start + number * FRAME_S
        detector.add(sent_at, sent_at + delay + CLOCKS_APART_S)
        seen.append(detector.usage)
    return seen


def test_a_constant_delay_is_normal() -> None:
    assert set(verdicts([0.05] * 300)) == {PathUsage.NORMAL}


def test_a_queue_that_grows_is_overuse_and_one_that_empties_is_underuse() -> None:
    growing = [0.05] * 60 + [0.05 + 0.005 * n for n in range(40)]
    seen = verdicts([*growing, *[0.25 - 0.008 * n for n in range(25)]])
    assert PathUsage.OVERUSED not in seen[:60]
    assert PathUsage.OVERUSED in seen[60:80]
    assert PathUsage.UNDERUSED in seen[100:]


def test_a_steep_queue_is_seen_from_the_start() -> None:
    seen = verdicts([0.05 + 0.04 * n for n in range(7)])
    assert PathUsage.OVERUSED in seen


@pytest.mark.parametrize("jitter_s", [0.002, 0.01, 0.03])
def test_jitter_is_rarely_taken_for_overuse(jitter_s: float) -> None:
    noise = random.Random(7)  # noqa: S311 - a test has to be the same each time
    seen = verdicts([0.05 + noise.random() * jitter_s for _ in range(3000)])
    assert seen.count(PathUsage.OVERUSED) <= 0.02 * len(seen)


def test_one_late_frame_is_no_overuse() -> None:
    seen = verdicts([0.05] * 100 + [0.35] + [0.05] * 100)
    assert PathUsage.OVERUSED not in seen


def test_a_frames_own_size_is_no_queue() -> None:
    """Packets of a batch come one after another; the first of a group counts, and the least delay among groups."""
    detector = OveruseDetector()
    for number in range(200):
        sent_at = number * FRAME_S
        detector.add(sent_at, sent_at + 0.05)
        detector.add(sent_at + 0.001, sent_at + 0.051 + (number % 20) * 0.001)
        assert detector.usage is PathUsage.NORMAL
        assert detector.queue_ms < 0.01


def test_a_standing_queue_is_to_go_until_it_proves_not_to_be_ours() -> None:
    standing = verdicts([0.02] * 100 + [0.22] * round(60 / FRAME_S))[130:]
    overused = sum(
        before is not PathUsage.OVERUSED and after is PathUsage.OVERUSED for before, after in pairwise(standing)
    )
    assert 0 < overused <= MAX_STANDING
    settled = round((MAX_STANDING + 2) * STANDING_S / FRAME_S)
    assert PathUsage.OVERUSED not in standing[settled:]


def test_it_begins_anew_after_a_silence_and_when_a_clock_jumps() -> None:
    detector = OveruseDetector()
    verdicts([0.05] * 50, detector)
    detector.add(50 * FRAME_S + RESET_S, 50 * FRAME_S + RESET_S + 3 + CLOCKS_APART_S)
    detector.add(60 * FRAME_S + RESET_S, 60 * FRAME_S + RESET_S + 3 + CLOCKS_APART_S)
    assert detector.queue_ms == 0
    verdicts([1000.0] * 50, detector, start=100.0)
    assert detector.queue_ms < 0.01
    assert detector.usage is PathUsage.NORMAL


def test_packets_sent_before_others_told_of_change_nothing() -> None:
    detector = OveruseDetector()
    verdicts([0.05] * 50, detector)
    groups = detector.groups
    detector.add(0.0, CLOCKS_APART_S - 5)
    assert detector.groups == groups
    verdicts([0.05] * 50, detector, start=2.0)
    assert detector.queue_ms < 0.01
