"""Run the scripts of deploy/backup/ as an operator does, against a database of the tests."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tests.support.secret_watch import WATCH
from tests.support.services import REPOSITORY

SCRIPTS = REPOSITORY / "deploy" / "backup"
ENDS_WITHIN_S = 60.0
"""Only bounds a script that hangs."""


@dataclass
class Backups:
    """A folder of backups and the environment to work on it with."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self, script: str, *arguments: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
        """Run a script beside a `with` block; it is killed at its end."""
        with subprocess.Popen(
            [SCRIPTS / script, *arguments],
            env=self.env | env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, script: str, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run a script to its end."""
        with self.started(script, *arguments, **env) as process:
            output, errors = process.communicate(timeout=ENDS_WITHIN_S)
        WATCH.output("backup", output + errors)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def made(self) -> list[str]:
        """The names of all dumps, the oldest first."""
        return sorted(path.name for path in self.folder.glob("vtp_db-*.dump"))

    def newest(self) -> Path:
        """The newest dump."""
        return self.folder / self.made()[-1]

    def left_over(self) -> list[str]:
        """What lies in the folder of a backup that was not finished."""
        return [path.name for path in self.folder.iterdir() if ".part" in path.name]


def backups_of(conninfo: str, tools: Path, folder: Path, **env: str) -> Backups:
    """Return the means to back a database up into `folder`, with PostgreSQL's programs from `tools`."""
    given = conninfo_to_dict(conninfo)
    way: Mapping[str, str] = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PGHOST": str(given["host"]),
        "PGPORT": str(given["port"]),
        "PGUSER": str(given["user"]),
        "PGDATABASE": str(given["dbname"]),
        "BACKUP_DIR": str(folder),
    }
    return Backups(folder, {**way, **env})
