"""Both services, a class and a second factor: backed up, destroyed, restored, and signed in again."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.authenticator import totp
from tests.support.classmate import PASSWORD, Classmate, classmate, sign_in
from tests.support.secret_watch import WATCH
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, REPOSITORY, Platform, fresh_data_dir

pytestmark = pytest.mark.integration

Json = dict[str, Any]
TOTP_STEP_S = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    with fresh_data_dir() as made:
        yield made


@pytest.fixture
def platform(folder: Path) -> Iterator[Platform]:
    made = Platform(folder / "data", {"RESUME_GRACE_S": "1", "SFU_WORKERS": "1"})
    made.start()
    yield made
    made.stop()


def make(platform: Platform, folder: Path, target: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call one of the Makefile's targets; the environment is set up already."""
    env = platform.backend.env | {"BACKUP_DIR": str(folder / "backups"), "PATH": os.environ["PATH"]}
    command = ["make", "--no-print-directory", "-o", ".venv/.runtime", target, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    WATCH.output("make", done.stdout + done.stderr)
    return done


async def call(somebody: Classmate, method: str, path: str, body: Json | None = None) -> Json:
    headers = {"Authorization": f"Bearer {somebody.token}"}
    url = f"{somebody.url}/api/v1{path}"
    async with somebody.session.request(method, url, json=body, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        got: Json = await answer.json()
        return got


async def live_through_a_class(platform: Platform) -> tuple[str, str]:
    """Two in a room, a message, and a second factor; returns the room's id and the factor's secret."""
    async with (
        classmate(platform, "teacher@school.example", "teacher") as teacher,
        classmate(platform, "student@school.example") as student,
    ):
        room = (await call(teacher, "POST", "/rooms", {"name": "Physics"}))["id"]
        await teacher.join(room)
        await student.join(room)
        await student.socket.request("chat-message", text="What is a wave?")
        await teacher.socket.notification("chat-message", text="What is a wave?")
        factor = await call(teacher, "POST", "/auth/totp/setup", {"password": PASSWORD})
        code = totp(factor["secret"], int(time.time()) // TOTP_STEP_S - 1)
        await call(teacher, "POST", "/auth/totp/enable", {"code": code})
        return room, factor["secret"]


async def login(platform: Platform, email: str, **factor: str) -> tuple[int, Json]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{platform.backend.url}/api/v1/auth/login", json={"email": email, "password": PASSWORD, **factor}
        ) as answer,
    ):
        return answer.status, await answer.json()


async def test_backed_up_destroyed_restored(platform: Platform, folder: Path) -> None:
    room, secret = await live_through_a_class(platform)
    saved = make(platform, folder, "backup")  # beside the running services
    assert saved.returncode == 0, saved.stderr
    [dump] = (folder / "backups").glob("*.dump")
    assert dump.with_suffix(".key").exists()
    refused = make(platform, folder, "restore", f"FILE={dump}", "ARGS=--force")
    assert refused.returncode != 0
    assert "stop every backend first" in refused.stderr
    assert platform.backend.is_healthy()

    platform.stop()
    shutil.rmtree(folder / "data")  # database, signing key, everything

    restored = make(platform, folder, "restore", f"FILE={dump}")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "3 accounts" in restored.stdout
    assert "the signing key was put back" in restored.stdout
    platform.start()

    async with aiohttp.ClientSession() as session:
        await sign_in(session, platform.backend.url, ADMIN_EMAIL, ADMIN_PASSWORD)
    status, why = await login(platform, "teacher@school.example")
    assert (status, why["code"]) == (401, "TOTP_REQUIRED")
    code = totp(secret, int(time.time()) // TOTP_STEP_S)
    status, teacher = await login(platform, "teacher@school.example", totp_code=code)
    assert status == 200, teacher
    headers = {"Authorization": f"Bearer {teacher['access_token']}"}
    async with aiohttp.ClientSession(platform.backend.url, headers=headers) as session:
        async with session.get(f"/api/v1/rooms/{room}") as answer:
            assert (await answer.json())["name"] == "Physics"
        async with session.get(f"/api/v1/rooms/{room}/messages") as answer:
            assert [item["text"] for item in (await answer.json())["items"]] == ["What is a wave?"]
    async with classmate(platform, "student@school.example") as student:
        assert (await student.join(room))["room"]["name"] == "Physics"


async def test_without_the_key_second_factors_stay_shut(platform: Platform, folder: Path) -> None:
    """Why the key is saved with each dump: everything else of the database serves without it."""
    _, secret = await live_through_a_class(platform)
    assert make(platform, folder, "backup").returncode == 0
    [dump] = (folder / "backups").glob("*.dump")
    dump.with_suffix(".key").unlink()
    platform.stop()
    shutil.rmtree(folder / "data")
    assert make(platform, folder, "restore", f"FILE={dump}").returncode == 0
    platform.start()
    assert (await login(platform, "student@school.example"))[0] == 200
    code = totp(secret, int(time.time()) // TOTP_STEP_S)
    assert (await login(platform, "teacher@school.example", totp_code=code))[1]["code"] == "INVALID_TOTP"
    assert "second factors that no key opens" in platform.backend.log_path.read_text()
