"""What the control path's scenarios sum up."""

import pytest

from tests.bench.scenarios.control_calls import percentile_ms, summary
from tests.bench.scenarios.join_storm import percentiles
from tests.bench.scenarios.soak import slopes


def test_percentiles_are_by_nearest_rank() -> None:
    seconds = [n / 1000 for n in range(100, 0, -1)]

    assert [percentile_ms(seconds, percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile_ms([0.25], 99) == 250
    assert summary({"join": seconds}) == {
        "join": {"calls": 100, "p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}
    }


def test_a_storm_of_nobody_has_no_percentiles() -> None:
    assert percentiles([]) == {}
    assert percentiles([3.0, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "p99": 3.0, "max": 3.0}


def test_a_slope_is_bytes_a_join() -> None:
    steady = [(joins, {"worker 0": 50 + joins / 1024, "control": 30.0}) for joins in (1000, 2000, 3000)]

    assert slopes(steady) == {"worker 0": pytest.approx(1024), "control": pytest.approx(0)}
