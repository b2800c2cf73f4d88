"""A PostgreSQL as its container runs it: on TCP with passwords, a superuser `postgres`, and our init script."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.storage.embedded.binaries import major_version, usable_bin_dir
from backend.storage.embedded.home import prepare_home
from tests.support.services import REPOSITORY, free_tcp_port, fresh_data_dir

INIT_SCRIPT = REPOSITORY / "deploy/postgres/10-vtp.sh"
DATABASE = "vtp_db"


@dataclass(frozen=True, slots=True)
class TcpPostgres:
    """A running server. `url` signs in as the backend does, with the role that the init script has made."""

    port: int
    url: str
    sockets: Path
    bin_dir: Path


@contextmanager
def tcp_postgres(password: str) -> Iterator[TcpPostgres]:
    """Run a server for the length of a `with` block, made as the image's entry point makes it."""
    with fresh_data_dir() as data_dir:
        home, account = prepare_home(data_dir, major_version())
        bin_dir, cluster, port = usable_bin_dir(home, account), home / "tcp", free_tcp_port()
        cluster.mkdir(mode=0o700)
        account.own(cluster)

        def run(tool: str, *arguments: object) -> None:
            command = [bin_dir / tool, "-D", cluster, *map(str, arguments)]
            log = home / "tcp.log"
            with log.open("ab") as out:
                done = subprocess.run(
                    command, cwd="/", stdout=out, stderr=out, check=False, **account.drop_options()
                )
            assert done.returncode == 0, log.read_text()

        run("initdb", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -k {cluster}"
        run("pg_ctl", "-w", "-o", options, "start")
        try:
            url = f"postgresql://vtp:{password}@127.0.0.1:{port}/{DATABASE}"
            server = TcpPostgres(port, url, cluster, bin_dir)
            _initialise(server, data_dir)
            yield server
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def psql(server: TcpPostgres, *arguments: str) -> str:
    """Ask as the superuser over the socket; return the bare answer."""
    command = [server.bin_dir / "psql", "-h", server.sockets, "-p", str(server.port), "-U", "postgres", "-XAtq"]
    return subprocess.run(
        [*command, *arguments], cwd="/", capture_output=True, text=True, check=True
    ).stdout.strip()


def _initialise(server: TcpPostgres, folder: Path) -> None:
    psql(server, "-d", "postgres", "-c", f"CREATE DATABASE {DATABASE}")
    secret = folder / "database_url"
    secret.write_text(f"{server.url}\n")
    env = {
        "PATH": f"{server.bin_dir}:{os.defpath}",
        "PGHOST": str(server.sockets),
        "PGPORT": str(server.port),
        "POSTGRES_DB": DATABASE,
        "DATABASE_URL_FILE": str(secret),
    }
    done = subprocess.run([INIT_SCRIPT], cwd="/", env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert server.url.rpartition("@")[0].rpartition(":")[2] not in done.stdout + done.stderr
