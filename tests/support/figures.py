"""Figures that tests measure, kept as a file so that they can be stated."""

import json
from pathlib import Path

Value = float | int | str
MARGIN = "must be"


class Figures:
    """Notes measured values under headings; `write` leaves them behind as JSON and as a table."""

    def __init__(self) -> None:
        self._noted: list[dict[str, Value]] = []

    def note(self, case: str, what: str, measured: float, unit: str, must_be: str = "") -> None:
        """Note one value, and what it has to be if something depends on it."""
        self._noted.append(
            {"case": case, "what": what, "measured": round(measured, 3), "unit": unit, MARGIN: must_be}
        )

    def write(self, path: Path) -> None:
        """Write `path` with the endings .json and .md."""
        if not self._noted:
            return
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(self._noted, indent=1) + "\n")
        rows = [f"| {' | '.join(str(value) for value in noted.values())} |" for noted in self._noted]
        head = ["| case | what | measured | unit | must be |", "|---|---|---|---|---|"]
        path.with_suffix(".md").write_text("\n".join([*head, *rows]) + "\n")
