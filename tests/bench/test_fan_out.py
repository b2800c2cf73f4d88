"""The benchmark itself, small: three subscribers of a real SFU for a second, so that it cannot rot."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import main

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def keep_affinity() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


def run(out: Path, *arguments: str) -> dict[str, Any]:
    assert main(["--seconds", "1", "--warm-up", "0.2", "--out", str(out), *arguments]) == 0
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


@pytest.mark.parametrize("profile", ["gcm", "cm"])
def test_a_small_fan_out_delivers_all(tmp_path: Path, profile: str) -> None:
    results = run(tmp_path, "--scenario", "fan_out", "--sizes", "3", "--server", "vtp", "--profile", profile)
    (row,) = results["rows"]
    figures = row["figures"]
    assert row["version"]
    assert figures["packets_in"] > 100
    assert figures["packets_out"] == 3 * figures["packets_in"]
    assert figures["delivery"] == 1.0
    assert figures["totals"]["forged"] == 0
    assert figures["totals"]["unmatched"] == 0
    assert figures["totals"]["feedbacks"] > 0
    assert figures["latency_samples"] > 10
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["max"]
    assert figures["cpu_us"] > 0
    assert set(figures["cpu_us_by_process"]) == {"control", "worker 0"}
    assert figures["pss_mib"] > 10


def test_a_small_meeting_delivers_all(tmp_path: Path) -> None:
    results = run(tmp_path, "--scenario", "meeting", "--sizes", "2", "--server", "vtp", "--workers", "1")
    figures = results["rows"][0]["figures"]
    assert figures["delivery"] == 1.0
    assert figures["packets_out"] == figures["packets_in"]


@pytest.mark.skipif(shutil.which("cc") is None, reason="the C loop needs a compiler")
def test_the_c_loop_sends_what_the_load_counts(tmp_path: Path) -> None:
    results = run(tmp_path, "--scenario", "fan_out", "--sizes", "3", "--server", "c")
    figures = results["rows"][0]["figures"]
    assert figures["packets_out"] == 30 * 6 * 3
    assert figures["delivery"] == 1.0
    assert figures["cpu_us"] > 0
