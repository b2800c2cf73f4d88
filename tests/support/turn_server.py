"""The real coturn, started by `deploy/coturn/entrypoint.sh` with the configuration that installations use.

Only what a test on loopback needs is added, as arguments: the address, free ports, and leave to relay to loopback.
"""

import base64
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aioice import stun

from tests.support.debian_tools import tool
from tests.support.secret_watch import WATCH
from tests.support.services import REPOSITORY, free_tcp_port

ENTRYPOINT = REPOSITORY / "deploy" / "coturn" / "entrypoint.sh"
READY_WITHIN_S = 30.0
ANSWER_WITHIN_S = 0.2


@dataclass(slots=True)
class TurnServer:
    """A running coturn: its UDP and TCP port, the port of TLS, the secret it shares, its log."""

    port: int
    tls_port: int
    secret: str
    log_path: Path
    process: subprocess.Popen[bytes]
    tls: bool = False

    def url(self, transport: str) -> str:
        """Return what `TURN_URLS` has to say for clients to use it by UDP or TCP."""
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def log(self) -> str:
        """Return all that it has said."""
        return self.log_path.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Ask by STUN, without credentials, until it answers."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"coturn does not answer:\n{self.log()}")

    def _answers(self) -> bool:
        """Tell whether all that it listens on answers; TCP and TLS come last."""
        question = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(ANSWER_WITHIN_S)
            try:
                asker.connect(("127.0.0.1", self.port))
                asker.send(bytes(question))
                if stun.parse_message(asker.recv(2048)).transaction_id != question.transaction_id:
                    return False
                for port in (self.port, self.tls_port) if self.tls else (self.port,):
                    socket.create_connection(("127.0.0.1", port), READY_WITHIN_S).close()
            except OSError:
                return False
        return True


def start_entrypoint(folder: Path, env: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start the entrypoint as the container does, with nothing of our environment; its output goes to a file."""
    turnserver = tool("turnserver", "coturn")
    clean = {
        "PATH": f"{turnserver.path.parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": turnserver.env["LD_LIBRARY_PATH"],
        "TURN_STATE_DIR": str(folder),
    }
    with (folder / "coturn.log").open("wb") as log:
        return subprocess.Popen(
            [ENTRYPOINT, *arguments],
            env=clean | env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server and whatever looks after its certificate."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def admin_logs() -> set[Path]:
    """Return the logs of `turnadmin`, which it cannot be told to go without: a container's go with its tmpfs."""
    return {log for folder in ("/var/log", "/var/tmp") for log in Path(folder).glob("turn_*.log")}


@contextmanager
def running_turn_server(env: dict[str, str] | None = None, *arguments: str) -> Iterator[TurnServer]:
    """Run coturn with a secret of its own, relaying to 127.0.0.1 unless `env` says otherwise."""
    with tempfile.TemporaryDirectory(prefix="vtp-turn-") as name:
        folder = Path(name)
        secret = base64.b64encode(b"\xfb\xff" + secrets.token_bytes(47)).decode()  # with each of + / and =
        (folder / "turn_secret").write_text(secret + "\n")
        port, tls_port = free_tcp_port(), free_tcp_port()
        settings = {"TURN_SECRET_FILE": str(folder / "turn_secret"), "TURN_PEER_IPS": "127.0.0.1"} | (env or {})
        WATCH.settings({"TURN_SECRET": secret})
        WATCH.log_file("coturn", folder / "coturn.log")
        before = admin_logs()
        process = start_entrypoint(
            folder,
            settings,
            "--listening-ip=127.0.0.1",
            f"--listening-port={port}",
            f"--tls-listening-port={tls_port}",
            "--allow-loopback-peers",
            *arguments,
        )
        server = TurnServer(
            port, tls_port, secret, folder / "coturn.log", process, tls="TURN_CERT_FILE" in settings
        )
        try:
            server.wait_until_ready()
            yield server
        finally:
            end(process)
            for left_behind in admin_logs() - before:
                left_behind.unlink(missing_ok=True)
            WATCH.collect_logs(folder)
