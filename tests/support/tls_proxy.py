"""The real Caddy with `deploy/caddy/Caddyfile`, on free ports of loopback, with an authority of its own."""

import base64
import hashlib
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.support.debian_tools import tool
from tests.support.secret_watch import WATCH
from tests.support.services import REPOSITORY, free_tcp_port, fresh_data_dir

CADDYFILE = REPOSITORY / "deploy" / "caddy" / "Caddyfile"
READY_WITHIN_S = 30.0
POLL_EVERY_S = 0.05

Change = Callable[[str], str]


@dataclass(slots=True)
class TlsProxy:
    """A running Caddy for one host name. `env` is its whole environment."""

    host: str
    https_port: int
    http_port: int
    folder: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        """Base URL; the name leads to it only when that is localhost."""
        return f"https://{self.host}:{self.https_port}"

    @property
    def trusting(self) -> ssl.SSLContext:
        """Settings of a client that trusts this proxy's authority and nobody else."""
        return ssl.create_default_context(cafile=self._authority / "root.crt")

    @property
    def key_pin(self) -> str:
        """The SHA-256 of its authority's public key, as Chromium's command line takes it."""
        [issuer] = x509.load_pem_x509_certificates((self._authority / "intermediate.crt").read_bytes())
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        key = issuer.public_key().public_bytes(encoding, form)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    @property
    def _authority(self) -> Path:
        return self.folder / "data" / "caddy" / "pki" / "authorities" / "local"

    def log(self) -> str:
        """Return all that it has said."""
        return (self.folder / "caddy.log").read_text(errors="replace")

    def caddy(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Caddy's commands on its configuration, as an operator does in the container."""
        line = [tool("caddy", "caddy").path, command, "--config", self.folder / "Caddyfile", *arguments]
        return subprocess.run(line, env=self.env, capture_output=True, text=True, check=False, timeout=60)

    def answers(self) -> bool:
        """Tell whether a TLS handshake for its name comes about."""
        try:
            with socket.create_connection(("127.0.0.1", self.https_port), 5) as plain:
                self.trusting.wrap_socket(plain, server_hostname=self.host).close()
        except OSError:
            return False
        return True


@contextmanager
def running_tls_proxy(backend: str, host: str = "localhost", change: Change = str) -> Iterator[TlsProxy]:
    """Run Caddy before a backend (`host:port`); `change` is made to the text of the Caddyfile first."""
    with fresh_data_dir() as folder:
        (folder / "Caddyfile").write_text(change(CADDYFILE.read_text()))
        https_port, http_port = free_tcp_port(), free_tcp_port()
        env = {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "VTP_DOMAIN": host,
            "VTP_BACKENDS": backend,
            "VTP_BIND": "127.0.0.1",
            "VTP_HTTP_PORT": str(http_port),
            "VTP_HTTPS_PORT": str(https_port),
            "CADDY_ADMIN": f"127.0.0.1:{free_tcp_port()}",
        }
        proxy = TlsProxy(host, https_port, http_port, folder, env)
        WATCH.log_file("caddy", folder / "caddy.log")
        with (folder / "caddy.log").open("wb") as log:
            line = [tool("caddy", "caddy").path, "run", "--config", folder / "Caddyfile"]
            process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(proxy, process)
            yield proxy
        finally:
            process.terminate()
            process.wait(30)


def _wait(proxy: TlsProxy, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not proxy.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"Caddy does not answer:\n{proxy.log()}")
        time.sleep(POLL_EVERY_S)
