"""Write `dashboards/vtp.json` from the panels beside this, or `--check` that it is (`make docs` writes it).

A dashboard's JSON is mostly the same thirty lines a panel. Here each is its title, its unit and its queries.
"""

import json
import sys
from pathlib import Path
from typing import Any

from class_panels import CLASSES, MEDIA
from panel import Panel
from service_panels import DATABASE, LOGS, NOW, RESOURCES, RESPONSE_TIMES

FILE = Path(__file__).parent / "dashboards" / "vtp.json"
ROW_WIDTH, HEIGHT, STAT_HEIGHT = 24, 8, 4

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${logs}"}

ROWS = (
    ("Now", NOW),
    ("Resources", RESOURCES),
    ("Response times", RESPONSE_TIMES),
    ("Classes", CLASSES),
    ("Media", MEDIA),
    ("Database", DATABASE),
    ("Logs", LOGS),
)


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "vtp",
        "title": "VTP",
        "description": "The platform on one page: resources, response times, classes, media, database, logs.",
        "tags": ["vtp"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": _laid_out(),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Metrics", "type": "datasource", "query": "prometheus"},
        {"name": "logs", "label": "Logs", "type": "datasource", "query": "loki"},
        _instances("sfu", "SFU", "vtp-sfu"),
        _instances("backend", "Backend", "vtp-backend"),
    ]


def _instances(name: str, label: str, job: str) -> dict[str, Any]:
    query = f'label_values(up{{job="{job}"}}, instance)'
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _laid_out() -> list[dict[str, Any]]:
    """Put the panels into lines from the left, each row below the one before."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        panels.append(_panel_of_row(len(panels) + 1, title, y))
        x, y = 0, y + 1
        height = STAT_HEIGHT if row[0].kind == "stat" else HEIGHT
        for panel in row:
            if x + panel.width > ROW_WIDTH:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_rendered(panel)})
            x += panel.width
        y += height
    return panels


def _panel_of_row(number: int, title: str, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": ROW_WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _rendered(panel: Panel) -> dict[str, Any]:
    source = LOKI if panel.kind == "logs" else PROMETHEUS
    rendered: dict[str, Any] = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": source,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": source, "expr": expr, "legendFormat": legend}
            for number, (expr, legend) in enumerate(panel.queries)
        ],
    }
    if panel.kind == "logs":
        options = {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True, "sortOrder": "Descending"}
        return {**rendered, "options": options}
    return {**rendered, "fieldConfig": {"defaults": _defaults(panel), "overrides": []}, "options": _options(panel)}


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "red" if panel.bad_below else "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "green" if panel.bad_below else "red", "value": panel.limit})
    elif panel.bad_below:
        raise AssertionError(f"{panel.title}: below what?")
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        style = "line" if panel.limit is not None else "off"
        defaults["custom"] = {"fillOpacity": 10, "showPoints": "never", "thresholdsStyle": {"mode": style}}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        calculated = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        text = "value_and_name" if panel.title == "Versions" else "value"
        return {"reduceOptions": calculated, "colorMode": "value", "graphMode": "none", "textMode": text}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def rendered() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(FILE.read_text() != rendered() and f"{FILE} is stale: run {Path(__file__).name}")
    FILE.write_text(rendered())
