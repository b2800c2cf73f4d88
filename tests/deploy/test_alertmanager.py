"""The real Alertmanager with our configuration: what it tells whom, and what it keeps to itself."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.debian_tools import tool
from tests.support.services import free_tcp_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
WITHIN_S = 30.0

ALERTS = [
    {"labels": {"alertname": "VtpSfuDown", "instance": "sfu:3000", "severity": "critical"}},
    {"labels": {"alertname": "VtpSfuAway", "instance": "backend:8080", "severity": "critical"}},
    {"labels": {"alertname": "VtpDiskFull", "instance": "host:9100", "severity": "critical"}},
]


def configured(folder: Path, receiver: str, url: str) -> Path:
    """Write our configuration as an operator fills it in, at once instead of after seconds.

    Debian's Alertmanager is older than `url_file`, so the address stands in it.
    """
    text = CONFIG.read_text()
    for ours, theirs in (
        ("receiver: nobody", f"receiver: {receiver}"),
        ("url_file: /run/secrets/alert_webhook_url", f"url: {url}"),
        ("group_wait: 30s", "group_wait: 1s"),
        ("group_wait: 10s", "group_wait: 1s"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "alertmanager.yml").write_text(text)
    return folder / "alertmanager.yml"


@contextmanager
def running(config: Path, port: int) -> Iterator[None]:
    """Run it where it sees its templates: Debian's looks for them in /usr/share, where nothing was installed."""
    program = tool("prometheus-alertmanager", "prometheus-alertmanager")
    share = program.path.parents[1] / "share"
    mount = 'mount -t overlay overlay -o "lowerdir=$0:/usr/share" /usr/share && exec "$@"'
    arguments = (
        f"--config.file={config}",
        f"--storage.path={config.parent / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, share, program.path, *arguments]
    with subprocess.Popen(command, env=program.env, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("receiver", ["nobody", "webhook", "email"])
def test_each_receiver_is_valid(tmp_path: Path, receiver: str) -> None:
    amtool = tool("amtool", "prometheus-alertmanager")
    config = configured(tmp_path, receiver, "http://127.0.0.1:1/")
    command = [amtool.path, "check-config", config]
    done = subprocess.run(command, env=amtool.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_that_are_named_are_there() -> None:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    known = {rule["alert"] for group in groups for rule in group["rules"]}
    rules = yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
    matchers = [one for rule in rules for one in (*rule["source_matchers"], *rule["target_matchers"])]
    named = {name for one in matchers for name in one.split('"')[1].split("|")}
    assert named <= known


async def test_the_operator_is_told_the_cause_and_not_what_follows_from_it(tmp_path: Path) -> None:
    told: list[Any] = []
    both = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        told.extend((await request.json())["alerts"])
        if len(told) >= 2:
            both.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/alerts", take)
    port = free_tcp_port()
    async with TestServer(app) as gateway, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        with running(configured(tmp_path, "webhook", str(gateway.make_url("/alerts"))), port):
            async with asyncio.timeout(WITHIN_S):
                while not await posted(session):  # noqa: ASYNC110 - another process begins to listen
                    await asyncio.sleep(0.05)
                await both.wait()
            async with session.get("/api/v2/alerts") as answer:
                states = {each["labels"]["alertname"]: each["status"]["state"] for each in await answer.json()}
    assert {alert["labels"]["alertname"] for alert in told} == {"VtpSfuDown", "VtpDiskFull"}
    assert states == {"VtpSfuDown": "active", "VtpDiskFull": "active", "VtpSfuAway": "suppressed"}


async def posted(session: aiohttp.ClientSession) -> bool:
    """Send the alerts; false while nobody listens."""
    try:
        async with session.post("/api/v2/alerts", json=ALERTS) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False
