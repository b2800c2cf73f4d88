"""What the control path's scenarios sum up."""

import pytest

from tests.bench.scenarios.control_calls import percentile_ms, summary
from tests.bench.scenarios.join_storm import percentiles
from tests.bench.scenarios.memory_samples import STEPS, MemorySamples, slopes, table


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


def test_memory_is_told_at_the_start_after_the_warm_up_and_at_the_end() -> None:
    totals = [(joins, {"worker 0": 40 + min(joins, 300) / 100}) for joins in range(0, 1001, 100)]
    memory = MemorySamples(totals, [(joins, {"worker 0": mib["worker 0"] - 20}) for joins, mib in totals])
    assert len(memory.totals) == STEPS + 1
    result = memory.render()

    assert [result[name]["worker 0"] for name in ("start_mib", "warm_mib", "end_mib")] == [40, 43, 43]
    assert result["bytes_a_join"] == {"worker 0": pytest.approx(0)}
    assert table(result).splitlines()[-4:] == [
        "   start      40.00",
        "    warm      43.00",
        "     end      43.00",
        "  B/join       0.00",
    ]
