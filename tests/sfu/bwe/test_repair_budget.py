"""How much is sent again beside media."""

import math

import pytest

from sfu.bwe.repair_budget import BURST_S, LEAST_SHARE, LEAST_SHARE_QUEUED, MIN_BURST_BYTES, RepairBudget


def spent_in(budget: RepairBudget, since: float, until: float) -> int:
    """Take packets as long as there is room, each millisecond; the bytes that went."""
    spent = 0
    for step in range(round((until - since) * 1000)):
        while budget.room(since + step / 1000) > 0:
            budget.spend(1000)
            spent += 1000
    return spent


def test_without_an_estimate_there_is_no_bound() -> None:
    budget = RepairBudget()
    budget.spend(10**9)
    assert budget.room(1.0) == math.inf
    budget.set_estimate(100_000, 0, queued=False)
    assert budget.room(1.0) < 10**6
    budget.set_estimate(None, 0, queued=False)
    assert budget.room(1.0) == math.inf


@pytest.mark.parametrize(
    ("media_bps", "queued", "rate_bps"),
    [
        (300_000, False, 700_000),
        (300_000, True, 700_000),
        (1_500_000, False, LEAST_SHARE * 1e6),
        (1_500_000, True, LEAST_SHARE_QUEUED * 1e6),
    ],
)
def test_what_media_leave_over_is_for_repairs_and_a_share_in_any_case(
    media_bps: int, queued: bool, rate_bps: float
) -> None:
    budget = RepairBudget()
    budget.set_estimate(1_000_000, media_bps, queued=queued)
    spent_in(budget, 100, 101)
    assert spent_in(budget, 101, 111) * 8 == pytest.approx(10 * rate_bps, rel=0.02)


def test_a_gap_of_some_frames_is_repaired_at_once() -> None:
    budget = RepairBudget()
    budget.set_estimate(2_000_000, 1_900_000, queued=False)
    assert spent_in(budget, 100, 100.001) == pytest.approx(2_000_000 / 8 * BURST_S, abs=1000)
    budget.set_estimate(30_000, 30_000, queued=True)
    assert spent_in(budget, 1000, 1000.001) == MIN_BURST_BYTES
