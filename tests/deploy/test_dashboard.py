"""The dashboard as a file: whole, consistent, and with every line of the checklist's limits drawn."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

GRAFANA = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "vtp.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

UNITS = {"none", "s", "bytes", "Bps", "bps", "pps", "ops", "reqps", "percentunit"}
COLUMNS = 24

LIMITS = {
    "Memory of the SFU": 200e6,
    "Memory of the backend": 100e6,
    "CPU of SFU and backend": 0.2,
    "Network traffic": 1e6,
    "Health": 0.005,
    "Room join": 0.2,
    "Transport creation": 0.2,
    "Producer creation": 0.2,
    "Consumer creation": 0.2,
    "Room list": 0.1,
}
"""The checklist's, by the panel that shows them."""


def test_it_is_written_from_its_panels() -> None:
    command = [sys.executable, GRAFANA / "build_dashboard.py", "--check"]
    subprocess.run(command, check=True)


def test_ids_and_titles_are_given_once_and_nothing_lies_over_something_else() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        )
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_each_panel_has_a_unit_a_source_and_questions(panel: dict[str, Any]) -> None:
    assert panel["datasource"]["uid"] in {"${datasource}", "${logs}"}
    assert panel["targets"]
    assert all(target["expr"] and target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert len({target["legendFormat"] for target in panel["targets"]}) == len(panel["targets"])
    if panel["type"] != "logs":
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@pytest.mark.parametrize("title", LIMITS)
def test_the_checklists_limits_are_drawn(title: str) -> None:
    panel = next(panel for panel in PANELS if panel["title"] == title)
    defaults = panel["fieldConfig"]["defaults"]
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, LIMITS[title]]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "line"}


def test_variables_are_all_used_and_all_there() -> None:
    declared = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    text = json.dumps(DASHBOARD["panels"])
    used = set(re.findall(r"\$\{?(\w+)\}?", text)) - {"__rate_interval"}
    assert used == declared


def test_the_datasources_that_grafana_is_given_are_of_the_kinds_that_are_asked() -> None:
    given = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "vtp.yaml").read_text())["datasources"]
    kinds = {source["type"] for source in given}
    asked = {v["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource"}
    assert asked <= kinds
