"""The backend as a real process: how it starts, refuses to start, stops, and what it leaves in its log."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.storage.migrate import read_migrations
from tests.support.database import DatabaseServer, as_url
from tests.support.embedded import is_running
from tests.support.secret_watch import WATCH
from tests.support.services import REPOSITORY, Service, free_tcp_port, fresh_data_dir

PASSWORD = "Chalk-and-Board-1"
JWT_SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
API = "/api/v1"


@pytest.fixture
def service() -> Iterator[Service]:
    with fresh_data_dir() as data_dir:
        port = free_tcp_port()
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "PORT": str(port),
            "DATA_DIR": str(data_dir / "data"),
            "SFU_URL": f"http://127.0.0.1:{free_tcp_port()}",
            "BCRYPT_COST": "4",
        }
        url = f"http://127.0.0.1:{port}"
        made = Service("backend", "backend", env, url, "/health/ready", data_dir / "backend.log")
        yield made
        made.stop()


@pytest.fixture
def on_given_database(service: Service, database_server: DatabaseServer) -> Iterator[Service]:
    conninfo = database_server.make_empty()
    service.env["DATABASE_URL"] = as_url(conninfo)
    yield service
    service.stop()
    database_server.drop(conninfo)


def run(
    service: Service, *arguments: str, stdin: str = "", cwd: Path = REPOSITORY, **env: str
) -> subprocess.CompletedProcess[str]:
    WATCH.settings(service.env | env | {"PASSWORD": stdin.strip()})
    done = subprocess.run(
        [sys.executable, "-m", "backend", *arguments],
        cwd=cwd,
        env=service.env | env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    WATCH.output("backend", done.stdout + done.stderr)
    return done


def post(service: Service, path: str, body: Any, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = service.url + path
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 -- http, our own
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- http, our own
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def sign_in(service: Service, email: str, password: str) -> tuple[int, Any]:
    return post(service, f"{API}/auth/login", {"email": email, "password": password})


def postmaster(service: Service) -> int:
    (pid_file,) = Path(service.env["DATA_DIR"]).glob("postgres/pg*/postmaster.pid")
    return int(pid_file.read_text().splitlines()[0])


def test_a_first_start_says_its_steps_and_how_to_sign_in(service: Service) -> None:
    service.start()
    log = service.log_path.read_text()
    steps = [line for line in log.splitlines() if line.startswith(("[", "✓"))]
    assert [step[:5] for step in steps[:5]] == [f"[{number}/5]" for number in range(1, 6)]
    assert steps[4] == "[5/5] Starting HTTP server..."
    assert steps[5] == f"✓ Listening on http://localhost:{service.env['PORT']}"
    found = re.search(r"email +(\S+)\n +password +(\S+)\n", log)
    assert found is not None
    assert sign_in(service, found[1], found[2])[1]["user"]["role"] == "admin"
    key = Path(service.env["DATA_DIR"]) / "jwt_secret"
    assert key.stat().st_mode & 0o777 == 0o600

    pid = postmaster(service)
    assert service.stop() == 0
    assert not is_running(pid)
    service.start()
    assert "password" not in service.log_path.read_text()[len(log) :]
    assert sign_in(service, found[1], found[2])[0] == 200


def test_a_killed_service_finds_everything_again(service: Service) -> None:
    service.env |= {"ADMIN_EMAIL": "admin@school.example", "ADMIN_PASSWORD": PASSWORD}
    service.start()
    status, signed_in = sign_in(service, "admin@school.example", PASSWORD)
    assert status == 200
    pid = postmaster(service)
    service.kill()
    os.kill(pid, signal.SIGKILL)
    service.start()
    status, _ = post(service, f"{API}/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    assert status == 200


def test_production_without_an_admin_says_how_to_make_one(on_given_database: Service) -> None:
    service = on_given_database
    service.env |= {"APP_ENV": "production", "JWT_SECRET": JWT_SECRET, "BCRYPT_COST": "12"}
    service.start()
    assert "There is no admin yet. Set ADMIN_EMAIL" in service.log_path.read_text()
    made = run(service, "create-admin", "boss@school.example", stdin=f"{PASSWORD}\n")
    assert (made.returncode, made.stdout) == (0, "boss@school.example is an admin.\n")
    assert sign_in(service, "boss@school.example", PASSWORD)[0] == 200


def test_create_admin_gives_a_known_account_role_and_password(on_given_database: Service) -> None:
    service = on_given_database
    service.env |= {"ADMIN_EMAIL": "admin@school.example", "ADMIN_PASSWORD": PASSWORD}
    service.start()
    new = {"email": "teacher@school.example", "password": PASSWORD, "full_name": "T"}
    assert post(service, f"{API}/auth/register", new)[0] == 201
    made = run(service, "create-admin", "Teacher@school.example", stdin="Sponge-and-Water-2\n")
    assert made.returncode == 0
    assert "with a new password" in made.stdout
    assert sign_in(service, "teacher@school.example", PASSWORD)[0] == 401
    assert sign_in(service, "teacher@school.example", "Sponge-and-Water-2")[1]["user"]["role"] == "admin"
    weak = run(service, "create-admin", "x@school.example", stdin="weak\n")
    assert weak.returncode == 2
    assert weak.stderr.startswith("A password has 8 to 72 bytes")


def test_migrate_goes_down_and_up(on_given_database: Service) -> None:
    service = on_given_database
    steps = read_migrations()
    titles, newest = [step.title for step in steps], len(steps)
    status = f"this release knows {newest}, missing"
    assert run(service, "migrate", "--status").stdout == f"Schema version 0; {status}: {', '.join(titles)}.\n"
    assert run(service, "migrate").stdout == f"Schema version {newest}, it was 0: took {', '.join(titles)}.\n"
    assert run(service, "migrate").stdout == f"Schema version {newest}: there already, nothing was changed.\n"
    back = f"Schema version 1, it was {newest}: took back {', '.join(reversed(titles[1:]))}.\n"
    assert run(service, "migrate", "--to", "1").stdout == back
    assert run(service, "migrate", "--status").stdout == f"Schema version 1; {status}: {', '.join(titles[1:])}.\n"
    assert run(service, "migrate", "0").stdout == f"Schema version 0, it was 1: took back {titles[0]}.\n"
    beyond = run(service, "migrate", "--to", "9999")
    assert (beyond.returncode, beyond.stderr) == (1, f"There is no version 9999; the newest is {newest}.\n")


def newer_release(folder: Path) -> Path:
    """A checkout that knows one migration more than this one."""
    for package in ("backend", "shared"):
        not_needed = shutil.ignore_patterns("web", "__pycache__")
        shutil.copytree(REPOSITORY / package, folder / package, ignore=not_needed)
    migration = folder / "backend/storage/migrations" / f"{len(read_migrations()) + 1:04}_newer"
    migration.with_suffix(".up.sql").write_text("ALTER TABLE users ADD COLUMN pronouns text")
    migration.with_suffix(".down.sql").write_text("ALTER TABLE users DROP COLUMN pronouns")
    return folder


def test_the_schema_of_a_newer_release_is_refused_until_that_has_taken_it_back(
    on_given_database: Service, tmp_path: Path
) -> None:
    service, known = on_given_database, len(read_migrations())
    newer = newer_release(tmp_path)
    assert run(service, "migrate", cwd=newer).returncode == 0
    status = run(service, "migrate", "--status").stdout
    assert status == f"Schema version {known + 1}, of a newer release: this one knows {known}.\n"
    refused = run(service)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"The database has schema version {known + 1}, this release knows {known}. "
        f"Run the newer release, or let it go back first: `python -m backend migrate {known}`.\n"
    )
    assert run(service, "migrate", "--to", str(known), cwd=newer).returncode == 0
    service.health_path = "/health/live"
    service.start()


def said(output: str) -> list[dict[str, Any]]:
    """Every line is one record."""
    return [json.loads(line) for line in output.splitlines()]


def test_as_json_every_line_is_a_record(service: Service) -> None:
    service.env |= {"LOG_FORMAT": "json", "LOG_LEVEL": "warning"}
    service.start()
    service.stop()
    records = said(service.log_path.read_text())
    assert {record["service"] for record in records} == {"backend"}
    assert all({"event", "level", "timestamp"} <= set(record) for record in records)
    events = [record["event"] for record in records]
    for step in ("[1/5]", "[2/5]", "[3/5]", "[4/5]", "[5/5] Starting HTTP server...", "✓ Listening on http://"):
        assert any(event.startswith(step) for event in events), step
    assert any("There is no admin yet" in event for event in events)
    assert "admin@localhost" not in service.log_path.read_text()

    wrong = run(service, PORT="many")
    (complaint,) = said(wrong.stderr)
    assert (wrong.returncode, wrong.stdout, complaint["level"]) == (2, "", "error")
    assert "PORT" in complaint["event"]


def test_as_json_what_nobody_caught_is_a_record_too(service: Service) -> None:
    script = """
import asyncio, threading, warnings
from shared.logging import configure_logging
configure_logging("info", "json", service="backend")
warnings.warn("an old way")
class Unlucky:
    def __del__(self): raise ValueError("at the end")
Unlucky()
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("nobody")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=service.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    warning, *errors = said(done.stdout)
    assert "an old way" in warning["event"]
    for error, word in zip(errors, ("at the end", "division by zero", "nobody"), strict=True):
        assert word in error["exception"]


def test_a_taken_port_is_one_sentence(service: Service) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(service.env["PORT"])))
        other.listen()
        done = run(service)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"Port \d+ on 127\.0\.0\.1 is in use already\. .*\n", done.stderr)


@pytest.mark.parametrize(
    ("env", "arguments", "status"),
    [
        ({"PORT": "many"}, (), 2),
        ({"JWT_SECRET": "short"}, (), 2),
        ({"DATABASE_URL": "postgresql://%zz"}, (), 1),
        ({"DATA_DIR": "/dev/null/data"}, (), 1),
    ],
)
def test_what_is_wrong_is_one_sentence(
    service: Service, env: dict[str, str], arguments: tuple[str, ...], status: int
) -> None:
    done = run(service, *arguments, **env)
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_wrong_call_shows_the_right_ones(service: Service) -> None:
    done = run(service, "dance")
    assert done.returncode == 2
    assert "create-admin EMAIL" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_leaves_nothing_running(service: Service, signum: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "backend"],
        cwd=REPOSITORY,
        env=service.env | {"LOG_LEVEL": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("[1/5]")
        pid = postmaster(service)
        process.send_signal(signum)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    assert not is_running(pid)


def test_the_log_holds_no_secret(on_given_database: Service) -> None:
    service = on_given_database
    service.env |= {
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "JWT_SECRET": JWT_SECRET,
        "SFU_API_TOKEN": "sfu-api-token-value",
        "ADMIN_EMAIL": "admin@school.example",
        "ADMIN_PASSWORD": PASSWORD,
    }
    service.start()
    _, signed_in = sign_in(service, "admin@school.example", PASSWORD)
    sign_in(service, "admin@school.example", "Wrong-Password-1")
    _, renewed = post(service, f"{API}/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    access = renewed["access_token"]
    _, ticket = post(service, f"{API}/signalling/ticket", {}, access)
    post(service, f"/ws?ticket={ticket['ticket']}", {}, access)
    post(service, f"{API}/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    service.stop()
    log = service.log_path.read_text()
    assert "backend started" in log
    secrets = [PASSWORD, "Wrong-Password-1", JWT_SECRET, "sfu-api-token-value", ticket["ticket"], access]
    secrets += [signed_in[name] for name in ("access_token", "refresh_token")] + [renewed["refresh_token"]]
    assert [secret for secret in secrets if secret in log] == []
