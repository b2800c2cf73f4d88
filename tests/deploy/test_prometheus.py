"""A real Prometheus with our configuration watches both real services; the dashboard asks it, and alerts come."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.debian_tools import Tool, tool
from tests.support.lively_class import lively_class
from tests.support.services import Platform, free_tcp_port, running_platform

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TOKEN = "a-token-for-the-tests-of-prometheus"
WITHIN_S = 60.0
STATES = ("pending", "firing")

BACKUP = "vtp_backup_last_success_timestamp_seconds"
NEEDS_REPORTS = "vtp_sfu_round_trip_seconds"
"""Our people in the class send no receiver reports."""

Json = Any


@contextmanager
def running(program: Tool, *arguments: str) -> Iterator[None]:
    """Run a program for the length of a `with` block."""
    with subprocess.Popen([program.path, *arguments], env=program.env, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def configured(folder: Path, platform: Platform, host: int, own: int) -> Path:
    """Put our configuration there, with the targets of this test, and all periods a hundredth or less."""
    (folder / "token").write_text(TOKEN + "\n")
    config = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    targets = {
        "backend:8080": platform.backend.url.removeprefix("http://"),
        "sfu:3000": platform.sfu.url.removeprefix("http://"),
        "node-exporter:9100": f"127.0.0.1:{host}",
        '"localhost:9090", "alertmanager:9093", "grafana:3001", "loki:3100", "alloy:12345"': f'"127.0.0.1:{own}"',
        "/run/secrets/sfu_api_token": str(folder / "token"),
        "_interval: 15s": "_interval: 500ms",
        "scrape_timeout: 10s": "scrape_timeout: 500ms",
    }
    for ours, theirs in targets.items():
        assert ours in config
        config = config.replace(ours, theirs)
    (folder / "rules.yml").write_text((DEPLOY / "prometheus" / "rules.yml").read_text())
    alerts = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    (folder / "alerts.yml").write_text(re.sub(r"\bfor: \w+", "for: 2s", alerts))
    (folder / "prometheus.yml").write_text(config)
    return folder / "prometheus.yml"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform({"SFU_WORKERS": "2", "SFU_API_TOKEN": TOKEN}) as platform:
        yield platform


@pytest.fixture(scope="module")
def prometheus(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL; the figures of the machine come from a real node_exporter."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "vtp_backup.prom").write_text(f"{BACKUP} {int(time.time())}\n")
    host, own = free_tcp_port(), free_tcp_port()
    config = configured(folder, platform, host, own)
    exporter = tool("prometheus-node-exporter", "prometheus-node-exporter")
    with (
        running(exporter, f"--web.listen-address=127.0.0.1:{host}", f"--collector.textfile.directory={folder}"),
        running(
            tool("prometheus", "prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{own}",
        ),
    ):
        yield f"http://127.0.0.1:{own}"


async def ask(session: aiohttp.ClientSession, path: str, **query: str) -> Json:
    """Ask Prometheus's HTTP API; None while it starts."""
    try:
        async with session.get(f"/api/v1/{path}", params=query) as answer:
            body = await answer.json()
    except aiohttp.ClientConnectionError:
        return None
    assert body["status"] == "success", (query, body)
    return body["data"]


def panels() -> list[Json]:
    return list(json.loads((DEPLOY / "grafana" / "dashboards" / "vtp.json").read_text())["panels"])


def queries() -> dict[str, str]:
    """The dashboard's queries of metrics, as Grafana would ask them for everything, by their panels' titles."""
    found = {}
    for panel in panels():
        if panel.get("datasource", {}).get("type") == "prometheus":
            for target in panel["targets"]:
                expr = target["expr"].replace("$__rate_interval", "10s")
                found[f"{panel['title']} {target['refId']}"] = re.sub(r"\$\w+", ".*", expr)
    return found


async def test_every_panel_shows_something(platform: Platform, prometheus: str) -> None:
    wanted = {title: expr for title, expr in queries().items() if NEEDS_REPORTS not in expr}
    assert len(wanted) > 70
    async with (
        aiohttp.ClientSession(prometheus) as session,
        lively_class(platform) as more,
    ):
        missing = set(wanted)
        deadline = time.monotonic() + WITHIN_S
        while missing and time.monotonic() < deadline:
            await more()
            for title in list(missing):
                answer = await ask(session, "query", query=wanted[title])
                if any(each["value"][1] != "NaN" for each in (answer or {"result": []})["result"]):
                    missing.discard(title)
        assert not missing
        assert await ask(session, "query", query=NEEDS_REPORTS) is not None
        targets = (await ask(session, "targets"))["activeTargets"]
        assert {target["labels"]["job"]: target["health"] for target in targets} == {
            "vtp-backend": "up",
            "vtp-sfu": "up",
            "vtp-host": "up",
            "monitoring": "up",
        }
        rules = [rule for group in (await ask(session, "rules"))["groups"] for rule in group["rules"]]
        assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] == "err"} == {}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; another process brings it about."""
    while not await condition():  # noqa: ASYNC110 - nothing tells when
        await asyncio.sleep(0.05)


async def test_who_is_gone_is_called_for_and_who_is_back_is_not(platform: Platform, prometheus: str) -> None:
    seen: list[str] = []

    async def states() -> dict[str, str]:
        found = (await ask(session, "alerts") or {"alerts": []})["alerts"]
        return {each["labels"]["alertname"]: each["state"] for each in found}

    async def watched() -> bool:
        return bool((await ask(session, "query", query='up{job="vtp-sfu"} == 1') or {}).get("result"))

    async def both_fire() -> bool:
        now = await states()
        if (state := now.get("VtpSfuDown")) is not None and state not in seen:
            seen.append(state)
        return now.get("VtpSfuDown") == now.get("VtpSfuAway") == "firing"

    async def neither_fires() -> bool:
        return not {"VtpSfuDown", "VtpSfuAway"} & set(await states())

    async with aiohttp.ClientSession(prometheus) as session, asyncio.timeout(WITHIN_S):
        await until(watched)
        await asyncio.to_thread(platform.sfu.stop)
        await until(both_fire)
        assert tuple(seen) == STATES
        assert "VtpBackendDown" not in await states()
        await asyncio.to_thread(platform.sfu.start)
        await until(neither_fires)
