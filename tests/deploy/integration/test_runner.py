"""The runner as operators run it: against services that are well, down, elsewhere, or not let in to."""

import asyncio
import json
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.deploy.integration.conftest import GENEROUS, SFU_TOKEN
from tests.support.classmate import sign_in
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, REPOSITORY, Platform, free_tcp_port
from tests.support.sfu import SfuApi

HEADINGS = [
    "TEST 1: Service Health Checks",
    "TEST 2: Room Operations",
    "TEST 3: Multi-Peer Scenario",
    "TEST 4: Transport Operations",
    "TEST 5: Cleanup",
]
TEACHER = {"VTP_TEACHER_EMAIL": ADMIN_EMAIL, "VTP_TEACHER_PASSWORD": ADMIN_PASSWORD}
RELAXED = ("--limit-scale", str(GENEROUS), "--vanish-timeout", "0")


@dataclass(frozen=True)
class Ended:
    status: int
    output: str
    errors: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output)
        return found

    def failed(self) -> dict[str, str]:
        return {
            check["name"]: check["reason"]
            for test in self.report["tests"]
            for check in test["checks"]
            if check["status"] == "fail"
        }


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.integration", *arguments),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts() -> None:
    """A shell's background job has its children ignore Ctrl-C, and the tests may run in one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def integration(*arguments: str, **environment: str) -> Ended:
    process = await start(*arguments, **environment)
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


def urls(platform: Platform) -> tuple[str, ...]:
    return ("--backend-url", platform.backend.url, "--sfu-url", platform.sfu.url)


async def test_services_that_are_well_pass_all_five_tests(platform: Platform, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SFU_TOKEN + "\n")
    environment = {"SFU_API_TOKEN_FILE": str(token), "VTP_LIMIT_SCALE": str(GENEROUS), **TEACHER}
    ended = await integration(*urls(platform), "--vanish-timeout", "60", **environment)
    assert ended.status == 0, ended.output
    assert [line for line in ended.output.splitlines() if line.startswith("TEST ")] == HEADINGS
    assert "✗ FAIL" not in ended.output
    assert "- SKIP" not in ended.output
    assert len(re.findall("50 of 50 packets came through by (UDP|TCP)", ended.output)) == 3
    assert re.search(r"✓ PASS  Room join: response time \.+ [\d.]+ ms \(< 200000 ms, median of 7\)", ended.output)
    assert "ALL TESTS PASSED: " in ended.output
    assert ADMIN_PASSWORD not in ended.output
    assert SFU_TOKEN not in ended.output


async def test_without_an_account_the_rest_runs_and_the_skipped_is_told(platform: Platform) -> None:
    ended = await integration(*urls(platform), *RELAXED, "--json", SFU_API_TOKEN=SFU_TOKEN)
    assert ended.status == 0, ended.output
    assert ended.report["passed"] is True
    assert [test["heading"] for test in ended.report["tests"]] == HEADINGS
    skipped = [check for test in ended.report["tests"] for check in test["checks"] if check["status"] == "skip"]
    assert ended.report["counts"]["skip"] == len(skipped) > 0
    [sign_in] = [check for check in skipped if check["name"] == "Backend: a teacher signs in"]
    assert "VTP_TEACHER_EMAIL" in sign_in["reason"]


async def test_sfu_down(platform: Platform) -> None:
    nobody = f"http://127.0.0.1:{free_tcp_port()}"
    ended = await integration(
        "--backend-url", platform.backend.url, "--sfu-url", nobody, *RELAXED, "--json", **TEACHER
    )
    assert ended.status == 1
    assert ended.report["passed"] is False
    assert [test["passed"] for test in ended.report["tests"]][3] is False
    failed = ended.failed()
    assert f"cannot reach {nobody}" in failed["SFU: GET /health: 200 OK, status ok, worker ready"]
    assert not [name for name in failed if name.startswith("Backend: refuses")]


async def test_backend_down(platform: Platform) -> None:
    nobody = f"http://127.0.0.1:{free_tcp_port()}"
    ended = await integration(
        *("--backend-url", nobody, "--sfu-url", platform.sfu.url, *RELAXED, "--json"),
        SFU_API_TOKEN=SFU_TOKEN,
        **TEACHER,
    )
    assert ended.status == 1
    failed = ended.failed()
    assert all(name.startswith("Backend: ") for name in failed)
    assert f"cannot reach {nobody}" in failed["Backend: a teacher signs in"]
    assert [test["passed"] for test in ended.report["tests"]] == [False, True, True, True, True]


@pytest.mark.parametrize("token", [None, "another-token"])
async def test_wrong_token(platform: Platform, token: str | None) -> None:
    environment = {} if token is None else {"SFU_API_TOKEN": token}
    ended = await integration(*urls(platform), *RELAXED, "--json", **environment)
    assert ended.status == 1
    assert "status 401 instead of 200" in ended.failed()["SFU: takes our calls: GET /rooms: 200 OK"]


async def test_the_sfus_url_leads_to_the_backend(platform: Platform) -> None:
    ended = await integration(
        "--backend-url", platform.backend.url, "--sfu-url", platform.backend.url, *RELAXED, "--json"
    )
    assert ended.status == 1
    assert "lacks timestamp, worker" in ended.failed()["SFU: GET /health: 200 OK, status ok, worker ready"]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--sfu-url", "localhost:3000"], {}, "is no URL"),
        (["--timeout", "0"], {}, "no number from 0.1 to 300"),
        (["--fast"], {}, "unrecognized arguments: --fast"),
        ([], {"VTP_TEACHER_EMAIL": ADMIN_EMAIL}, "VTP_TEACHER_PASSWORD is missing"),
        ([], {"VTP_TEACHER_PASSWORD": ADMIN_PASSWORD}, "VTP_TEACHER_EMAIL is missing"),
        ([], {"SFU_API_TOKEN_FILE": "/does/not/exist"}, "SFU_API_TOKEN_FILE names /does/not/exist"),
    ],
)
async def test_wrong_use(arguments: list[str], environment: dict[str, str], words: str) -> None:
    ended = await integration(*arguments, **environment)
    assert (ended.status, ended.output) == (2, "")
    assert ended.errors.startswith("wrong use: ")
    assert words in ended.errors
    assert len(ended.errors.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_leaves_nothing_behind(platform: Platform, number: signal.Signals) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {SFU_TOKEN}"}) as session:
        sfu = SfuApi(session, platform.sfu.url)
        (await sfu.join("a-running-class", "anna")).ok()
        process = await start(*urls(platform), "--limit-scale", "1000", SFU_API_TOKEN=SFU_TOKEN, **TEACHER)
        assert process.stdout is not None
        while b"seat 2 joins" not in (line := await process.stdout.readline()):
            assert line
        rooms = {room["roomId"] for room in (await sfu.get("/rooms")).ok()["rooms"]}
        assert len(rooms) > 1
        process.send_signal(number)
        output, _ = await process.communicate()
        assert process.returncode == 1
        assert "✗ interrupted before its end" in output.decode()
        assert [room["roomId"] for room in (await sfu.get("/rooms")).ok()["rooms"]] == ["a-running-class"]
        (await sfu.leave("a-running-class", "anna")).ok()
        token = await sign_in(session, platform.backend.url, ADMIN_EMAIL, ADMIN_PASSWORD)
        url = f"{platform.backend.url}/api/v1/rooms?search=integration-"
        async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert (await answer.json())["items"] == []
