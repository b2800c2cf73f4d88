"""The results for people and for programs: a table a scenario, JSON with everything."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.runner import Row, spread
from tests.bench.scenarios.base import Json, Scenario

SPREAD_OF = "cpu_us"
"""The figure whose spread over the rounds is shown."""


def table(scenario: Scenario, rows: Sequence[Row]) -> str:
    """Write one scenario's rows under each other, with what has to be said about them below."""
    has_rounds = any(len(row.rounds) > 1 for row in rows)
    heads = ["N", "server", *scenario.columns, *(["CPU spread"] if has_rounds else [])]
    lines = [heads]
    for row in rows:
        if row.figures is not None:
            lines.append([str(row.size), row.label, *scenario.cells(row.figures)])
            if has_rounds:
                share = spread(row.rounds, SPREAD_OF)
                lines[-1].append("-" if share is None else f"{share:.0%}")
    parts = [f"{scenario.name}: {scenario.title}", *_aligned(lines), *_remarks(rows)]
    return "\n".join(parts)


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if n == 1 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _remarks(rows: Sequence[Row]) -> list[str]:
    remarks = []
    for row in rows:
        who = f"{row.label} at {row.size}"
        if row.is_saturated:
            remarks.append(f"  ! {who} was saturated: it did not deliver all")
        if row.problem:
            remarks.append(f"  ! {who}: {row.problem}")
        remarks += [f"  ! {who}: {remark}" for remark in (row.figures or {}).get("remarks", [])]
    return remarks


def headline(machine: Json, settings: Json, rows: Sequence[Row]) -> str:
    """Say in a few lines what was measured, on what."""
    versions = {row.label: row.version for row in rows if row.version}
    return "\n".join(
        [
            f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}",
            f"  {machine['date']}, revision {machine['revision']}",
            *(f"  {server}: {version}" for server, version in versions.items()),
            "  " + ", ".join(f"{name} {value}" for name, value in settings.items()),
        ]
    )


def as_json(machine: Json, settings: Json, rows: Sequence[Row]) -> Json:
    """Put all that is known into one object; `figures` of a row are the medians of its `rounds`."""
    return {"machine": machine, "settings": settings, "rows": [asdict(row) for row in rows]}


def write_json(path: Path, results: Json) -> None:
    """Write the object to a file."""
    path.write_text(json.dumps(results, indent=1) + "\n")
