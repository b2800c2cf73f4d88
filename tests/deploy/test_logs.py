"""What the services log: the runbook's table is complete, a class is all there, and nothing in it is an alarm."""

import ast
import asyncio
import json
import re
from collections import defaultdict
from typing import Any

import pytest

from tests.support.compose_file import example_variables, read_stack
from tests.support.lively_class import lively_class
from tests.support.services import REPOSITORY, Service, running_platform

LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error", "critical": "critical"}
LOGGERS = {"_log", "log", "logger"}
BOTH_LEVELS = "database chore failed"
"""An error when it is a bug; the table says so."""

COMMON = {"timestamp", "level", "service", "event"}


def events_in_the_code() -> dict[str, set[str]]:
    """Names of events from `info` on, with their levels."""
    found: dict[str, set[str]] = defaultdict(set)
    for service in ("backend", "sfu", "shared"):
        for path in (REPOSITORY / service).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if (logged := event_of(node)) is not None:
                    found[logged[0]].add(logged[1])
    return found


def event_of(node: ast.AST) -> tuple[str, str] | None:
    """The event's name and level, if this is a call of a logger."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if ast.unparse(node.func.value).split(".")[-1] not in LOGGERS:
        return None
    texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if node.func.attr == "log":
        return texts[0], "info"
    return (texts[0], LEVELS[node.func.attr]) if node.func.attr in LEVELS else None


def events_in_the_table() -> dict[str, set[str]]:
    text = (REPOSITORY / "deploy/prometheus/README.md").read_text()
    rows = re.search(r"^\| event \| level \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows is not None
    found = {}
    for row in rows[1].splitlines():
        _, names, level, *_ = (cell.strip() for cell in row.split("|"))
        found.update({name: {level} for name in re.findall(r"`([^`]+)`", names)})
    return found


def test_the_table_has_every_event_and_its_level() -> None:
    code = events_in_the_code()
    assert code.pop(BOTH_LEVELS) == {"warning", "error"}
    table = events_in_the_table()
    assert table.pop(BOTH_LEVELS) == {"warning"}
    assert table == code


def records(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log_path.read_text().splitlines()]


@pytest.mark.integration
def test_a_class_from_its_beginning_to_its_end() -> None:
    with running_platform({"LOG_FORMAT": "json", "SFU_WORKERS": "1", "RESUME_GRACE_S": "1"}) as platform:

        async def a_class() -> None:
            async with lively_class(platform) as more:
                await more()

        asyncio.run(a_class())
        platform.stop()
        logs = {"backend": records(platform.backend), "sfu": records(platform.sfu)}
    for service, lines in logs.items():
        assert all(line.keys() >= COMMON for line in lines), service
        assert {line["level"] for line in lines} == {"info"}, service
    in_the_log(logs["backend"], "a client connected", {"user_id"})
    in_the_log(logs["backend"], "participant joined", {"room_id", "participant_id", "user_id", "request_id"})
    in_the_log(logs["backend"], "participant left", {"room_id", "participant_id", "reason"})
    in_the_log(logs["backend"], "a client disconnected", {"user_id", "close_code"})
    in_the_log(logs["sfu"], "room opened", {"room_id", "worker"})
    in_the_log(logs["sfu"], "peer joined", {"room_id", "peer_id", "peers"})
    in_the_log(logs["sfu"], "transport state", {"room_id", "peer_id", "transport_id", "ice_state", "dtls_state"})
    in_the_log(logs["sfu"], "peer left", {"room_id", "peer_id", "reason"})
    in_the_log(logs["sfu"], "room closed", {"room_id", "reason"})
    joins = {line["request_id"] for line in logs["backend"] if line["event"] == "participant joined"}
    assert {line["request_id"] for line in logs["sfu"] if line["event"] == "peer joined"} == joins


def in_the_log(lines: list[dict[str, Any]], event: str, fields: set[str]) -> None:
    """Have an event in the log, with its fields."""
    found = [line for line in lines if line["event"] == event]
    assert found, event
    assert all(line.keys() >= fields for line in found), found[0]


def test_the_collector_reads_what_the_stack_writes() -> None:
    """The names of the project and the service go from Docker's labels through its records to Loki's labels."""
    collector = (REPOSITORY / "deploy/alloy/config.alloy").read_text()
    read = re.findall(r'^ +(project|service) += "attrs\.\\"([\w.]+)\\""', collector, re.MULTILINE)
    assert read == [("project", "com.docker.compose.project"), ("service", "com.docker.compose.service")]
    stack = read_stack(example_variables())
    for name, service in stack.services.items():
        assert set(service["logging"]["options"]["labels"].split(",")) == {label for _, label in read}, name


def test_the_dashboard_asks_by_labels_that_the_collector_gives() -> None:
    collector = (REPOSITORY / "deploy/alloy/config.alloy").read_text()
    given = set(
        re.findall(r'(\w+) = ""', "".join(re.findall(r"stage\.labels \{(.*?)\n  \}", collector, re.DOTALL)))
    )
    panels = json.loads((REPOSITORY / "deploy/grafana/dashboards/vtp.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels if panel["type"] == "logs" for target in panel["targets"]]
    assert asked
    assert {label for expr in asked for label in re.findall(r"(\w+)=", expr)} <= given
