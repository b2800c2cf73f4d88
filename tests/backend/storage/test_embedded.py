"""The embedded server: start and stop, crashes, several users at once, awkward places."""

import os
import pwd
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from backend.storage.embedded import EmbeddedError, EmbeddedPostgres, home
from backend.storage.embedded.binaries import major_version
from backend.storage.embedded.cluster import MAX_SOCKET_PATH_BYTES
from backend.storage.embedded.postmaster import PidFile
from tests.support.embedded import is_running, start_and_stop_as, user_process
from tests.support.services import REPOSITORY, fresh_data_dir

NO_SYNC = {"fsync": "off"}
"""Safe here: processes crash in these tests, the machine does not."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives privileges up")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with fresh_data_dir() as directory:
        yield directory / "data"


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(data_dir, NO_SYNC)
    yield embedded
    embedded.stop()


def ask(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def cluster(data_dir: Path) -> Path:
    return data_dir / "postgres" / f"pg{major_version()}"


def kill_hard(pid: int) -> None:
    """Kill a process that is not our child, and wait until the kernel has ended it."""
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([descriptor], [], [], 30)[0]
    finally:
        os.close(descriptor)


def test_data_outlives_a_restart(server: EmbeddedPostgres) -> None:
    server.start()
    assert ask(server, "SELECT current_database()") == "vtp_db"
    assert ask(server, "SHOW listen_addresses") == ""
    ask(server, "CREATE TABLE kept (n integer); INSERT INTO kept VALUES (7)")
    first = server.pid()
    server.stop()
    server.stop()
    assert server.pid() is None
    assert first is not None
    assert not is_running(first)
    server.start()
    assert ask(server, "SELECT n FROM kept") == 7


@as_root
def test_root_gives_the_cluster_to_somebody_without_privileges(server: EmbeddedPostgres, data_dir: Path) -> None:
    server.start()
    found = cluster(data_dir).stat()
    assert found.st_uid != 0
    assert stat.S_IMODE(found.st_mode) == 0o700
    pid = server.pid()
    assert pid is not None
    assert Path(f"/proc/{pid}").stat().st_uid == found.st_uid
    sockets = Path(str(psycopg.conninfo.conninfo_to_dict(server.conninfo())["host"]))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


@as_root
def test_root_in_a_closed_place_keeps_the_data_elsewhere(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = data_dir / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    monkeypatch.setattr(home, "ELSEWHERE", data_dir / "elsewhere")
    embedded = EmbeddedPostgres(closed / ".data", NO_SYNC)
    try:
        embedded.start()
        ask(embedded, "CREATE TABLE kept (n integer)")
        place = Path((closed / ".data" / "postgres.location").read_text().strip())
        assert place.is_relative_to(data_dir / "elsewhere")
        assert (place / f"pg{major_version()}").is_dir()
        embedded.stop()
        embedded.start()
        assert ask(embedded, "SELECT count(*) FROM kept") == 0
    finally:
        embedded.stop()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_runs_it_as_itself(data_dir: Path) -> None:
    uid = pwd.getpwnam("nobody").pw_uid
    data_dir.mkdir(parents=True)
    os.chown(data_dir, uid, -1)
    assert start_and_stop_as(uid, data_dir) == uid
    assert cluster(data_dir).stat().st_uid == uid
    joined = EmbeddedPostgres(data_dir, NO_SYNC)  # root goes on with the owner that the cluster has
    joined.start()
    assert ask(joined, "SELECT 1") == 1
    joined.stop()
    assert start_and_stop_as(uid, data_dir) == uid


def test_a_stale_pid_that_belongs_to_somebody_else(server: EmbeddedPostgres, data_dir: Path) -> None:
    server.start()
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        pid_file = cluster(data_dir) / "postmaster.pid"
        pid_file.write_text(f"{bystander.pid}\n{cluster(data_dir)}\n1\n5432\n\n\n\n")
        assert server.pid() is None
        server.start()
        assert ask(server, "SELECT 1") == 1
        server.stop()
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("text", ["", "\n", "garbage\n", "-1\n", "999999999999999999\n"])
def test_a_broken_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    assert PidFile.of(tmp_path).live_pid() is None
    assert PidFile.of(tmp_path).socket_dir() is None


def test_a_killed_initdb_leaves_nothing_behind(server: EmbeddedPostgres, data_dir: Path) -> None:
    half_done = cluster(data_dir).with_name(cluster(data_dir).name + ".new")
    (half_done / "base").mkdir(parents=True)
    (half_done / "PG_VERSION").write_text("18\n")
    half_done.parent.chmod(0o755)
    half_done.parent.parent.chmod(0o755)
    server.start()
    assert ask(server, "SELECT 1") == 1
    assert not half_done.exists()


def test_two_at_once_share_one_server_and_the_last_stops_it(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir, NO_SYNC), EmbeddedPostgres(data_dir, NO_SYNC)
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(EmbeddedPostgres.start, (first, second)))) == 1
    pid = first.pid()
    assert pid == second.pid() is not None
    first.stop()
    assert second.pid() == pid
    assert ask(second, "SELECT 1") == 1
    second.stop()
    assert second.pid() is None


def test_a_killed_user_does_not_keep_the_server(server: EmbeddedPostgres, data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        server.start()
        assert server.pid() == pid
        process.kill()
        process.wait()
    server.stop()
    assert server.pid() is None


def test_a_server_left_by_a_killed_service_is_joined(server: EmbeddedPostgres, data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        process.kill()
        process.wait()
        server.start()
        assert server.pid() == pid


def test_a_killed_postmaster_is_started_again(server: EmbeddedPostgres) -> None:
    server.start()
    ask(server, "CREATE TABLE kept (n integer)")
    assert not server.revive()
    pid = server.pid()
    assert pid is not None
    kill_hard(pid)
    assert server.revive()
    assert server.pid() not in {None, pid}
    assert ask(server, "SELECT count(*) FROM kept") == 0


def test_recovery_after_everything_was_killed(server: EmbeddedPostgres, data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        server.start()
        ask(server, "CREATE TABLE kept (n integer); INSERT INTO kept SELECT generate_series(1, 1000)")
        process.kill()
        kill_hard(pid)
        process.wait()
    again = EmbeddedPostgres(data_dir, NO_SYNC)
    again.start()
    assert ask(again, "SELECT count(*) FROM kept") == 1000
    again.stop()


def test_a_long_path_with_spaces(data_dir: Path) -> None:
    deep = data_dir / "a place with spaces" / ("x" * MAX_SOCKET_PATH_BYTES)
    embedded = EmbeddedPostgres(deep, NO_SYNC)
    conninfo = embedded.start()
    sockets = Path(str(psycopg.conninfo.conninfo_to_dict(conninfo)["host"]))
    try:
        assert not sockets.is_relative_to(deep)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == cluster(deep).stat().st_uid
        assert ask(embedded, "SELECT 1") == 1
    finally:
        embedded.stop()
        sockets.rmdir()


def test_a_path_that_a_shell_would_read_is_refused(data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match="holds a character"):
        EmbeddedPostgres(data_dir / "$HOME").start()


def test_a_foreign_environment_changes_nothing(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "xx_XX.nothing",
        "PGDATA": "/nonexistent",
        "PGPORT": "1",
        "PGHOST": "nowhere.invalid",
        "TZ": "Nowhere/Land",
    }.items():
        monkeypatch.setenv(name, value)
    server.start()
    assert ask(server, "SELECT lower('ÄÖÜ') || current_setting('server_encoding')") == "äöüUTF8"


def test_a_cluster_of_another_version_says_what_to_do(server: EmbeddedPostgres, data_dir: Path) -> None:
    (data_dir / "postgres" / "pg9").mkdir(parents=True)
    for directory in (data_dir, data_dir / "postgres"):
        directory.chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"was made by PostgreSQL 9, .* dump > vtp\.sql"):
        server.start()
    assert not cluster(data_dir).exists()


def test_a_place_that_is_no_directory_is_refused(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(EmbeddedError, match="cannot live in"):
        EmbeddedPostgres(data_dir).start()


def test_psql_joins_and_answers(server: EmbeddedPostgres, data_dir: Path) -> None:
    server.start()
    ask(server, "CREATE TABLE users (n integer)")
    command = [sys.executable, "-m", "backend.storage.embedded"]
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)}
    done = subprocess.run(
        [*command, "psql", "-At", "-c", "SELECT COUNT(*) FROM users;"],
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0", "")
    server.stop()
    piped = subprocess.run(
        command, cwd=REPOSITORY, env=env, input="SELECT 6 * 7;", capture_output=True, text=True, check=False
    )
    assert piped.returncode == 0
    assert "42" in piped.stdout
    assert server.pid() is None
    wrong = subprocess.run([*command, "nonsense"], cwd=REPOSITORY, env=env, capture_output=True, check=False)
    assert wrong.returncode == 2


def test_whatever_a_connection_string_says_reaches_the_program() -> None:
    url = "postgresql://school:Sponge-2@db.example/vtp_db?connect_timeout=5&application_name=vtp&sslcrl=/crl.pem"
    done = subprocess.run(
        [sys.executable, "-m", "backend.storage.embedded", "run", "env"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {"PGHOST=db.example", "PGCONNECT_TIMEOUT=5", "PGAPPNAME=vtp", "PGSSLCRL=/crl.pem"} <= set(
        done.stdout.splitlines()
    )
