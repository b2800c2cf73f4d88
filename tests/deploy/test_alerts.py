"""The alert rules by promtool: each fires for what it is there for and for nothing else, and is explained."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.debian_tools import tool

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
RULES = ("rules.yml", "alerts.yml")

BACKEND, SFU = 'job="vtp-backend",instance="b:8080"', 'job="vtp-sfu",instance="s:3000"'
HOST = 'job="vtp-host",instance="h:9100"'
MINUTES = 40
"""How long things are so before the alerts are looked at."""

WELL = {
    f"up{{{BACKEND}}}": "1x200",
    f"up{{{SFU}}}": "1x200",
    f"up{{{HOST}}}": "1x200",
    "vtp_backup_last_success_timestamp_seconds": "0+60x200",
    f'vtp_backend_sfu_up{{{BACKEND},sfu="http://sfu:3000"}}': "1x200",
    f"vtp_sfu_workers{{{SFU}}}": "2x200",
    f"vtp_sfu_workers_ready{{{SFU}}}": "2x200",
    f"vtp_sfu_worker_restarts_total{{{SFU}}}": "0x200",
    f"vtp_sfu_draining{{{SFU}}}": "0x200",
    f'vtp_backend_build_info{{{BACKEND},version="1.0.0"}}': "1x200",
    f'vtp_sfu_build_info{{{SFU},version="1.0.0"}}': "1x200",
    f'vtp_backend_http_requests_total{{{BACKEND},method="GET",route="/health",status="200"}}': "0+60x200",
    f'vtp_backend_http_requests_total{{{BACKEND},method="GET",route="/health",status="503"}}': "0x200",
    f'vtp_backend_log_messages_total{{{BACKEND},level="error"}}': "0x200",
    f'vtp_backend_log_messages_total{{{BACKEND},level="warning"}}': "0+5x200",
    f'vtp_sfu_log_messages_total{{{SFU},process="control",level="error"}}': "0x200",
    f"vtp_sfu_peers{{{SFU}}}": "0x200",
    f'vtp_sfu_consumers{{{SFU},kind="video"}}': "0x200",
    f'vtp_sfu_producers{{{SFU},kind="video"}}': "0x200",
    f'vtp_sfu_memory_bytes{{{SFU},process="control"}}': "60000000x200",
    f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "50000000x200",
    f"vtp_backend_memory_bytes{{{BACKEND}}}": "55000000x200",
    f"vtp_backend_sockets{{{BACKEND}}}": "0x200",
    f'vtp_sfu_worker_cpu_seconds_total{{{SFU},worker="0"}}': "0+1x200",
    f"process_cpu_seconds_total{{{SFU}}}": "0+1x200",
    f"process_cpu_seconds_total{{{BACKEND}}}": "0+1x200",
    f'vtp_sfu_rtp_packets_total{{{SFU},worker="0",direction="out"}}': "0+6000x200",
    f'vtp_sfu_packets_lost_total{{{SFU},worker="0",direction="out"}}': "0+60x200",
    f'vtp_sfu_transports_closed_total{{{SFU},outcome="connected"}}': "0+5x200",
    f'vtp_sfu_transports_closed_total{{{SFU},outcome="unreached"}}': "0x200",
    f'vtp_sfu_transports_closed_total{{{SFU},outcome="unused"}}': "0+5x200",
    f"vtp_backend_database_up{{{BACKEND}}}": "1x200",
    f"vtp_backend_database_requests_waiting{{{BACKEND}}}": "0x200",
    f"vtp_backend_database_pool_available{{{BACKEND}}}": "3x200",
    f"vtp_backend_chores_owed{{{BACKEND}}}": "0x200",
    f'node_filesystem_avail_bytes{{{HOST},mountpoint="/",fstype="ext4"}}': "50x200",
    f'node_filesystem_size_bytes{{{HOST},mountpoint="/",fstype="ext4"}}': "100x200",
    f'node_filesystem_avail_bytes{{{HOST},mountpoint="/run",fstype="tmpfs"}}': "0x200",
    f'node_filesystem_size_bytes{{{HOST},mountpoint="/run",fstype="tmpfs"}}': "100x200",
}
"""A platform at rest, a sample a minute. A minute's CPU time of a second is 2 % of a core."""

GONE = "_x400"


def quick_and_slow(name: str, labels: str, end: str, *, share: float) -> dict[str, str]:
    """A histogram of 100 observations a minute, of which so many took longer than `end` seconds."""
    quick = 100 - round(100 * share)
    ends = {end: quick, "10.0": 100, "+Inf": 100}
    return {f'{name}_bucket{{{labels},le="{le}"}}': f"0+{count}x200" for le, count in ends.items()}


CASES: dict[str, tuple[dict[str, str], set[str]]] = {
    "well": ({}, set()),
    "backend gone": ({f"up{{{BACKEND}}}": "1x20 0x200"}, {"VtpBackendDown"}),
    "sfu gone": (
        {f"up{{{SFU}}}": "0x200", f'vtp_backend_sfu_up{{{BACKEND},sfu="http://sfu:3000"}}': "0x200"},
        {"VtpSfuDown", "VtpSfuAway"},
    ),
    "no targets": ({f"up{{{SFU}}}": GONE}, {"VtpNotWatched"}),
    "no workers": ({f"vtp_sfu_workers_ready{{{SFU}}}": "0x200"}, {"VtpSfuNotReady", "VtpSfuWorkersMissing"}),
    "one worker less": ({f"vtp_sfu_workers_ready{{{SFU}}}": "1x200"}, {"VtpSfuWorkersMissing"}),
    "a worker died": ({f"vtp_sfu_worker_restarts_total{{{SFU}}}": "0x35 1x200"}, {"VtpWorkerDied"}),
    "a worker died a while ago": ({f"vtp_sfu_worker_restarts_total{{{SFU}}}": "0x20 1x200"}, set()),
    "draining": ({f"vtp_sfu_draining{{{SFU}}}": "1x200"}, set()),
    "backend fails": (
        {f'vtp_backend_http_requests_total{{{BACKEND},method="GET",route="/health",status="503"}}': "0+6x200"},
        {"VtpBackendErrors"},
    ),
    "signalling fails": (
        {
            f'vtp_backend_signalling_request_seconds_count{{{BACKEND},method="chat",outcome="ok"}}': "0+60x200",
            f'vtp_backend_signalling_request_seconds_count{{{BACKEND},method="chat",outcome="503"}}': "0+6x200",
            f'vtp_backend_signalling_request_seconds_count{{{BACKEND},method="chat",outcome="403"}}': "0+60x200",
        },
        set(),
    ),
    "signalling fails often": (
        {
            f'vtp_backend_signalling_request_seconds_count{{{BACKEND},method="chat",outcome="ok"}}': "0+60x200",
            f'vtp_backend_signalling_request_seconds_count{{{BACKEND},method="chat",outcome="503"}}': "0+6x200",
        },
        {"VtpSignallingErrors"},
    ),
    "sfu fails": (
        {
            f'vtp_sfu_http_request_seconds_count{{{SFU},method="GET",route="/rooms",status="500"}}': "0+6x200",
            f'vtp_sfu_http_request_seconds_count{{{SFU},method="GET",route="/rooms",status="200"}}': "0+60x200",
        },
        {"VtpSfuErrors"},
    ),
    "an error was logged": (
        {f'vtp_backend_log_messages_total{{{BACKEND},level="error"}}': "0x37 1x200"},
        {"VtpErrorsLogged"},
    ),
    "a worker has logged an error": (
        {f'vtp_sfu_log_messages_total{{{SFU},process="worker-1",level="error"}}': "0x37 1x200"},
        {"VtpErrorsLogged"},
    ),
    "a fault": (
        {
            f'vtp_sfu_packets_dropped_total{{{SFU},worker="0",reason="packet_fault"}}': "0x37 1x200",
            f'vtp_sfu_packets_dropped_total{{{SFU},worker="0",reason="srtp_refused"}}': "0+9x200",
        },
        {"VtpFault"},
    ),
    "health is slow": (
        quick_and_slow("vtp_sfu_http_request_seconds", f'{SFU},method="GET",route="/health"', "0.005", share=0.2),
        {"VtpHealthSlow"},
    ),
    "health is quick": (
        quick_and_slow("vtp_sfu_http_request_seconds", f'{SFU},method="GET",route="/health"', "0.005", share=0.05),
        set(),
    ),
    "joining is slow": (
        quick_and_slow(
            "vtp_backend_signalling_request_seconds", f'{BACKEND},method="join-room"', "0.2", share=0.1
        ),
        {"VtpJoinSlow"},
    ),
    "consuming is slow": (
        quick_and_slow(
            "vtp_sfu_http_request_seconds",
            f'{SFU},method="POST",route="/rooms/{{roomId}}/consumers"',
            "0.2",
            share=0.1,
        ),
        {"VtpMediaRequestsSlow"},
    ),
    "the list of rooms is slow": (
        quick_and_slow(
            "vtp_backend_http_request_seconds", f'{BACKEND},method="GET",route="/api/v1/rooms"', "0.1", share=0.1
        ),
        {"VtpRoomListSlow"},
    ),
    "a worker's loop is late": (
        quick_and_slow("vtp_sfu_loop_delay_seconds", f'{SFU},process="worker-1"', "0.05", share=0.1),
        {"VtpWorkerBehind"},
    ),
    "the backend's loop is late": (
        quick_and_slow("vtp_backend_loop_delay_seconds", BACKEND, "0.2", share=0.1),
        {"VtpLoopBehind"},
    ),
    "much memory for nobody": (
        {f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "150000000x200"},
        {"VtpSfuMemoryHigh"},
    ),
    "as much for a full house": (
        {
            f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "150000000x200",
            f'vtp_sfu_consumers{{{SFU},kind="video"}}': "400x200",
        },
        set(),
    ),
    "as much for four workers": (
        {
            f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "150000000x200",
            **dict.fromkeys((f"vtp_sfu_workers{{{SFU}}}", f"vtp_sfu_workers_ready{{{SFU}}}"), "4x200"),
        },
        set(),
    ),
    "a large backend": ({f"vtp_backend_memory_bytes{{{BACKEND}}}": "110000000x200"}, {"VtpBackendMemoryHigh"}),
    "a backend with many sockets": (
        {
            f"vtp_backend_memory_bytes{{{BACKEND}}}": "110000000x200",
            f"vtp_backend_sockets{{{BACKEND}}}": "100x200",
        },
        set(),
    ),
    "a busy worker": (
        {
            f'vtp_sfu_worker_cpu_seconds_total{{{SFU},worker="0"}}': "0+54x200",
            f"vtp_sfu_peers{{{SFU}}}": "300x200",
        },
        {"VtpWorkerBusy"},
    ),
    "a busy backend": (
        {f"process_cpu_seconds_total{{{BACKEND}}}": "0+54x200", f"vtp_backend_sockets{{{BACKEND}}}": "900x200"},
        {"VtpControlBusy"},
    ),
    "busy with nobody": ({f"process_cpu_seconds_total{{{SFU}}}": "0+15x200"}, {"VtpBusyWithoutLoad"}),
    "a full disk": (
        {f'node_filesystem_avail_bytes{{{HOST},mountpoint="/",fstype="ext4"}}': "9x200"},
        {"VtpDiskFull"},
    ),
    "loss": (
        {f'vtp_sfu_packets_lost_total{{{SFU},worker="0",direction="out"}}': "0+400x200"},
        {"VtpPacketLoss"},
    ),
    "transports that nobody reaches": (
        {f'vtp_sfu_transports_closed_total{{{SFU},outcome="unreached"}}': "0+1x200"},
        {"VtpTransportsFail"},
    ),
    "a client here and there": (
        {f'vtp_sfu_transports_closed_total{{{SFU},outcome="unreached"}}': "0x30 2x200"},
        set(),
    ),
    "database gone": ({f"vtp_backend_database_up{{{BACKEND}}}": "1x30 0x200"}, {"VtpDatabaseDown"}),
    "pool exhausted": (
        {
            f"vtp_backend_database_requests_waiting{{{BACKEND}}}": "4x200",
            f"vtp_backend_database_pool_available{{{BACKEND}}}": "0x200",
        },
        {"VtpDatabasePoolExhausted"},
    ),
    "chores pile up": ({f"vtp_backend_chores_owed{{{BACKEND}}}": "150x200"}, {"VtpChoresOwed"}),
    "an old backup": ({"vtp_backup_last_success_timestamp_seconds": "-95000x200"}, {"VtpBackupTooOld"}),
    "no backup yet": ({"vtp_backup_last_success_timestamp_seconds": GONE}, set()),
    "a part of the monitoring is gone": ({f"up{{{HOST}}}": "0x200"}, {"VtpMonitoringDown"}),
}
"""What is otherwise than well, and the alerts that fire then."""

LONG_STEP = 48
"""A day is a multiple of it."""

LONG_CASES: dict[str, tuple[dict[str, str], set[str]]] = {
    "draining without an end": ({f"vtp_sfu_draining{{{SFU}}}": "1x200"}, {"VtpSfuDrainsTooLong"}),
    "two versions": ({f'vtp_sfu_build_info{{{SFU},version="1.0.1"}}': "1x200"}, {"VtpVersionsDiffer"}),
    "an empty SFU that has grown": (
        {f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "50000000x20 125000000x250"},
        {"VtpSfuMemoryLeak"},
    ),
    "an SFU that has grown and is not empty": (
        {
            f'vtp_sfu_memory_bytes{{{SFU},process="worker-0"}}': "50000000x20 125000000x250",
            f"vtp_sfu_peers{{{SFU}}}": "30x400",
        },
        set(),
    ),
    "no backup for a day": ({"vtp_backup_last_success_timestamp_seconds": GONE}, {"VtpNoBackup"}),
}
"""What takes longer than a day, with a sample each `LONG_STEP` minutes."""


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def a_test(
    name: str, changes: dict[str, str], expected: set[str], step: int = 1, among: str = ".+"
) -> dict[str, Any]:
    """What promtool is to try, `MINUTES` times `step` minutes from the beginning."""
    return {
        "name": name,
        "interval": f"{step}m",
        "input_series": [{"series": series, "values": values} for series, values in {**WELL, **changes}.items()],
        "promql_expr_test": [
            {
                "expr": f'group by (alertname) (ALERTS{{alertstate="firing",alertname=~"{among}"}})',
                "eval_time": f"{MINUTES * step}m",
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(expected)],
            }
        ],
    }


def run_promtool(folder: Path, tests: list[dict[str, Any]], step: int = 1) -> subprocess.CompletedProcess[str]:
    for name in RULES:
        (folder / name).write_text((FOLDER / name).read_text())
    document = {"rule_files": list(RULES), "evaluation_interval": f"{step}m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(document))
    promtool = tool("promtool", "prometheus")
    command = [promtool.path, "test", "rules", "tests.yml"]
    return subprocess.run(command, cwd=folder, env=promtool.env, capture_output=True, text=True, check=False)


def test_each_alert_fires_for_what_it_is_there_for_and_for_nothing_else(tmp_path: Path) -> None:
    done = run_promtool(tmp_path, [a_test(name, *case) for name, case in CASES.items()])
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_shows_after_a_day(tmp_path: Path) -> None:
    slow = "|".join(alert for _, expected in LONG_CASES.values() for alert in expected)
    tests = [a_test(name, *case, step=LONG_STEP, among=slow) for name, case in LONG_CASES.items()]
    done = run_promtool(tmp_path, tests, step=LONG_STEP)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_alert_is_forgotten() -> None:
    tried = {alert for _, expected in (*CASES.values(), *LONG_CASES.values()) for alert in expected}
    assert tried == {rule["alert"] for rule in alerts()}


def test_promtool_tells_when_an_alert_does_not_fire(tmp_path: Path) -> None:
    done = run_promtool(tmp_path, [a_test("well", {}, {"VtpSfuDown"})])
    assert done.returncode == 1
    assert "VtpSfuDown" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_each_alert_says_what_it_means_and_where_to_read_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^### (\S+)$", (FOLDER.parents[1] / page).read_text(), re.MULTILINE)
    assert rule["alert"] in headings
    assert anchor == rule["alert"].lower()


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    promtool = tool("promtool", "prometheus")
    for name in RULES:
        (tmp_path / name).write_text((FOLDER / name).read_text())
    token = tmp_path / "token"
    token.write_text("a-token")
    config = (FOLDER / "prometheus.yml").read_text().replace("/run/secrets/sfu_api_token", str(token))
    (tmp_path / "prometheus.yml").write_text(config)
    command = [promtool.path, "check", "config", tmp_path / "prometheus.yml"]
    done = subprocess.run(command, env=promtool.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
