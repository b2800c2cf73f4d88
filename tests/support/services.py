"""Start the services as real processes, wait until they are healthy, and stop them again.

`Service` is one process with a log file and a health endpoint; `Platform` is the SFU and the backend together, on
free ports and with a data directory of their own, so that many can run side by side. Everything here blocks:
from a coroutine call it through `asyncio.to_thread`.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.secret_watch import WATCH

REPOSITORY = Path(__file__).resolve().parents[2]

READY_WITHIN_S = 60.0
"""A cold start runs initdb and the migrations; a loaded machine may take many times the usual second."""
STOPPED_WITHIN_S = 20.0
"""Longer than the graceful stop of either service, its workers and the database included."""
POLL_EVERY_S = 0.05
LOG_TAIL_LINES = 80
RTC_PORTS = 64
"""Ports in a platform's media range: a worker takes one, so this leaves room for neighbours on the same ports."""
ADMIN_EMAIL = "admin@school.example"
ADMIN_PASSWORD = "Chalk-and-Board-1"

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")
"""What a service inherits from the test run's environment: nothing that would change its settings."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks the services directly, whatever proxy the environment names."""


class ServiceError(Exception):
    """A service did not become healthy or did not stop in time. The message ends with the tail of its log."""


def free_tcp_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_udp_range(size: int = RTC_PORTS) -> tuple[int, int]:
    """Return the first and last port of a range whose UDP ports are free at this moment.

    It lies below the range from which the system hands out ports by itself.
    """
    for _ in range(100):
        first = random.randrange(20000, 32000 - size)  # noqa: S311 - it picks a port, it guards nothing
        if all(_udp_port_is_free(port) for port in range(first, first + size)):
            return first, first + size - 1
    raise ServiceError("found no free range of UDP ports between 20000 and 32000")


def _udp_port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass(slots=True)
class Service:
    """One service of the platform as a child process.

    `url` is its base URL and `health_path` the path that answers 200 once it can serve. Output goes to `log_path`,
    appended over restarts. `env` is the whole environment of the process, `cwd` the checkout whose code it runs.
    `stop_signal` makes it end at once.
    """

    name: str
    module: str
    env: dict[str, str]
    url: str
    health_path: str
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    cwd: Path = REPOSITORY
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def pid(self) -> int:
        """Process id of the running service. Raises: AssertionError when it does not run."""
        if self.process is None:
            raise AssertionError(f"{self.name} is not running")
        return self.process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start the process and, unless told otherwise, wait until it is healthy. Raises: ServiceError."""
        if self.process is not None:
            raise AssertionError(f"{self.name} is running already")
        WATCH.settings(self.env)
        WATCH.log_file(self.name, self.log_path)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self.wait_until_healthy()

    def wait_until_healthy(self, within_s: float = READY_WITHIN_S) -> None:
        """Poll the health endpoint until it answers 200. Raises: ServiceError if it never does."""
        deadline = time.monotonic() + within_s
        while not self.is_healthy():
            if self._has_ended_within(POLL_EVERY_S):
                raise ServiceError(self._complaint("ended before it was healthy"))
            if time.monotonic() > deadline:
                raise ServiceError(self._complaint(f"was not healthy within {within_s:.0f} s"))

    def is_healthy(self) -> bool:
        """Tell whether the health endpoint answers 200 right now."""
        try:
            with _DIRECT.open(self.url + self.health_path, timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False
        except OSError:
            return False

    def stop(self, within_s: float = STOPPED_WITHIN_S) -> int:
        """Signal the end and wait for it; return the exit status. Raises: ServiceError when it hangs."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(self.stop_signal)
        try:
            return process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._kill_group(process)
            raise ServiceError(
                self._complaint(f"did not stop within {within_s:.0f} s of {self.stop_signal.name}")
            ) from None
        finally:
            self._kill_group(process)

    def kill(self) -> None:
        """End the process with SIGKILL, as a crash would; its own children stay, to notice by themselves."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines of the log."""
        with suppress(FileNotFoundError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _has_ended_within(self, seconds: float) -> bool:
        if self.process is None:
            raise AssertionError(f"{self.name} is not running")
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _complaint(self, what: str) -> str:
        return f"{self.name} {what}; the end of {self.log_path}:\n{self.log_tail()}"


@dataclass(slots=True)
class Platform:
    """An SFU and one or several backends on free ports, with one data directory and a first admin.

    `extra_env` is laid over the settings of all services. Call `start()`, and `stop()` in every case.
    """

    data_dir: Path
    extra_env: Mapping[str, str] = field(default_factory=dict)
    backend_count: int = 1
    sfu: Service = field(init=False)
    backends: list[Service] = field(init=False)

    def __post_init__(self) -> None:
        sfu_port = free_tcp_port()
        first_rtc_port, last_rtc_port = free_udp_range()
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env |= {
            "PYTHONUNBUFFERED": "1",
            "SFU_PORT": str(sfu_port),
            "SFU_URL": f"http://127.0.0.1:{sfu_port}",
            "RTC_MIN_PORT": str(first_rtc_port),
            "RTC_MAX_PORT": str(last_rtc_port),
            "DATA_DIR": str(self.data_dir),
            "ADMIN_EMAIL": ADMIN_EMAIL,
            "ADMIN_PASSWORD": ADMIN_PASSWORD,
            "BCRYPT_COST": "4",
        }
        env |= self.extra_env
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.sfu = self._service("sfu", env, sfu_port)
        self.sfu.stop_signal = signal.SIGINT  # SIGTERM alone lets its rooms come to their end first
        names = ["backend", *(f"backend-{number}" for number in range(2, self.backend_count + 1))]
        ports = [free_tcp_port() for _ in names]
        self.backends = [
            self._service(name, env | {"PORT": str(port)}, port) for name, port in zip(names, ports, strict=True)
        ]

    @property
    def backend(self) -> Service:
        """The backend, or the first of several."""
        return self.backends[0]

    def _service(self, name: str, env: dict[str, str], port: int) -> Service:
        url = f"http://127.0.0.1:{port}"
        log_path = self.data_dir / f"{name}.log"
        module = name.split("-")[0]
        return Service(name=name, module=module, env=env, url=url, health_path="/health/ready", log_path=log_path)

    def start(self) -> None:
        """Start all services at once and wait until they are healthy. Raises: ServiceError, with all stopped."""
        try:
            for service in (self.sfu, *self.backends):
                service.start(wait=False)
            for service in (self.sfu, *self.backends):
                service.wait_until_healthy()
        except BaseException:
            with suppress(ServiceError):
                self.stop()
            raise

    def stop(self) -> None:
        """Stop all services, the backends first. Raises: ServiceError when one hangs; all are gone then too."""
        with ExitStack() as stack:
            for service in (self.sfu, *self.backends):
                stack.callback(service.stop)

    def logs(self) -> str:
        """Return the tails of all logs under headings, for a failure's report."""
        services = (self.sfu, *self.backends)
        return "\n".join(f"--- {service.name} ---\n{service.log_tail()}" for service in services)


@contextmanager
def fresh_data_dir() -> Iterator[Path]:
    """Make a data directory for the length of a `with` block.

    The embedded database may run as another user than the tests do, so the directory lets others pass through,
    which pytest's own temporary directories do not. Its path is short, as paths of sockets have to be.
    """
    with tempfile.TemporaryDirectory(prefix="vtp-") as name:
        path = Path(name)
        path.chmod(0o755)
        try:
            yield path
        finally:
            WATCH.collect_logs(path)


@contextmanager
def running_platform(extra_env: Mapping[str, str] | None = None, backends: int = 1) -> Iterator[Platform]:
    """Run an SFU and backends on fresh data for the length of a `with` block."""
    with fresh_data_dir() as data_dir:
        platform = Platform(data_dir, extra_env or {}, backends)
        platform.start()
        try:
            yield platform
        finally:
            platform.stop()
