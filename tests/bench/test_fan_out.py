"""The benchmark itself, small: three subscribers of a real SFU for a second, so that it cannot rot."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import main
from tests.bench.termination import TERMINATED

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


def of_this_run(out: Path) -> list[int]:
    """The SFU's processes whose logs are under `out`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "fd" / "1").readlink().is_relative_to(out):
                found.append(int(process.name))
    return found


def test_who_is_told_to_stop_leaves_no_server_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--seconds", "60", "--out", str(tmp_path)]
    command += ["--scenario", "fan_out", "--sizes", "2", "--server", "vtp", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as bench:
        deadline = time.monotonic() + 60
        while len(of_this_run(tmp_path)) < 2 and time.monotonic() < deadline and bench.poll() is None:
            time.sleep(0.05)
        assert of_this_run(tmp_path)
        bench.terminate()
        assert bench.wait(30) == TERMINATED
    assert of_this_run(tmp_path) == []


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
