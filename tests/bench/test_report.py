"""Medians, spreads, tables and plots from rows that are made up."""

import json
from dataclasses import asdict
from pathlib import Path

from tests.bench import plot, report
from tests.bench.load.clips import VideoFormat
from tests.bench.runner import Row, median, spread
from tests.bench.scenarios.fan_out import FanOut
from tests.bench.scenarios.steady import Figures

SCENARIO = FanOut("fan_out", (20, 50), 1, VideoFormat())


def row(server: str, size: int, *costs: float) -> Row:
    rounds = [
        asdict(
            Figures(
                steady_s=1.0,
                packets_in=180,
                packets_out=180 * size,
                delivery=1.0,
                cpu_us=cost,
                latency_ms={"p50": cost / 2, "p95": cost, "p99": cost, "max": cost},
                remarks=[f"a remark on {cost}"],
            )
        )
        for cost in costs
    ]
    return Row("fan_out", size, server, server, "1.0", rounds, median(rounds))


def test_a_median_is_taken_number_by_number() -> None:
    rounds = [
        {"a": 1, "b": {"c": None}, "d": ["x"], "e": "old"},
        {"a": 3, "b": {"c": 5.0}, "d": ["y", "x"], "e": "new"},
    ]
    assert median([*rounds, rounds[0]]) == {"a": 1, "b": {"c": 5.0}, "d": ["x", "y"], "e": "old"}


def test_a_spread_is_a_share_of_the_median() -> None:
    assert spread([{"cpu_us": 9.0}, {"cpu_us": 10.0}, {"cpu_us": 12.0}], "cpu_us") == 0.3
    assert spread([{"cpu_us": 9.0}], "cpu_us") is None


def test_a_table_has_a_line_a_row_and_says_what_went_wrong() -> None:
    failed = Row("fan_out", 50, "other", "other", problem="it did not start")
    text = report.table(SCENARIO, [row("vtp", 20, 10.0, 11.0, 12.0), failed])
    head, names, first, *remarks = text.splitlines()
    assert head.startswith("fan_out: 1 publisher of 1.5 Mbit/s")
    assert names.split()[:2] == ["N", "server"]
    assert first.split()[:6] == ["20", "vtp", "180", "3,600", "100.00%", "11.00"]
    assert first.endswith("18%")
    assert "  ! other at 50: it did not start" in remarks
    assert "  ! vtp at 20: a remark on 12.0" in remarks


def test_json_holds_everything(tmp_path: Path) -> None:
    rows = [row("vtp", 20, 10.0)]
    report.write_json(tmp_path / "results.json", report.as_json({"cpu": "x"}, {"rounds": 1}, rows))
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == [asdict(rows[0])]


def test_a_plot_needs_two_sizes(tmp_path: Path) -> None:
    picture = tmp_path / "fan_out.png"
    assert not plot.draw(SCENARIO, [row("vtp", 20, 10.0)], picture)
    assert plot.draw(SCENARIO, [row("vtp", 20, 10.0), row("c", 20, 3.0), row("vtp", 50, 9.0)], picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_plot_does_without_latency(tmp_path: Path) -> None:
    rows = [row("aiortc_relay", size, 900.0) for size in (1, 2)]
    for one in rows:
        assert one.figures is not None
        one.figures["latency_ms"] = {}
    assert plot.draw(SCENARIO, rows, tmp_path / "plot.png")
