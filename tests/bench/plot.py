"""CPU and latency over N as a picture, a curve a server."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.runner import Row
from tests.bench.scenarios.base import Json, Scenario

mpl.use("agg")

Point = tuple[int, float]


def draw(scenario: Scenario, rows: Sequence[Row], path: Path) -> bool:
    """Draw a scenario of several sizes; tell whether there was anything to draw."""
    measured = [row for row in rows if row.figures is not None and "cpu_us" in row.figures]
    if len({row.size for row in measured}) < 2:
        return False
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    cpu, latency = figure.subplots(1, 2)
    for number, server in enumerate(dict.fromkeys(row.label for row in measured)):
        colour = f"C{number}"
        mine = [row for row in measured if row.label == server]
        _curve(cpu, _points(mine, lambda figures: figures["cpu_us"]), server, colour, "-")
        _curve(latency, _points(mine, _latency("p50")), f"{server} p50", colour, "-")
        _curve(latency, _points(mine, _latency("p99")), f"{server} p99", colour, "--")
    _dress(cpu, "CPU a forwarded packet, us")
    cpu.set_ylim(bottom=0)
    _dress(latency, "latency through the server, ms")
    if latency.lines:  # none where all servers encode anew, and a logarithmic scale has to have a number
        latency.set_yscale("log")
        latency.yaxis.set_major_formatter("{x:g}")
        latency.yaxis.set_minor_formatter("{x:g}")
    figure.suptitle(scenario.title)
    figure.savefig(path, dpi=110)
    return True


def _latency(name: str) -> Callable[[Json], float | None]:
    return lambda figures: figures["latency_ms"].get(name)


def _points(rows: Sequence[Row], value: Callable[[Json], float | None]) -> list[Point]:
    points = ((row.size, value(row.figures)) for row in rows if row.figures is not None)
    return [(size, y) for size, y in points if y is not None]


def _curve(axes: Axes, points: Sequence[Point], label: str, colour: str, style: str) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), style, marker="o", label=label, color=colour)


def _dress(axes: Axes, what: str) -> None:
    axes.set_xlabel("N")
    axes.set_ylabel(what)
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.legend(fontsize="small")
