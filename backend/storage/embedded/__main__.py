"""Open the embedded database by hand: `python -m backend.storage.embedded {psql|dump|run|stop} [arguments]`.

Joins the server that a running backend uses, or starts one for as long as the program runs. Arguments go to psql
or pg_dump, so `psql -c "SELECT COUNT(*) FROM users;"` answers without asking; SQL may come from standard input.
`run PROGRAM ...` runs any program that finds the database by libpq's `PG...` variables and PostgreSQL's own tools
on its PATH. With `DATABASE_URL` or `DATABASE_URL_FILE` set, that database is opened instead, with the tools of the
PATH. `stop` ends a server that a killed backend left behind.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from backend.storage.embedded.errors import EmbeddedError
from backend.storage.embedded.server import EmbeddedPostgres
from shared.settings import Env, SettingsError, secret

_TOOLS = {"psql": "psql", "dump": "pg_dump"}

_VARIABLES = {
    option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar
}
"""What a connection string may say, and libpq's variable for it: no password on any command line."""


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status, 2 for a wrong call, 1 when the database cannot be opened."""
    command = arguments[0] if arguments else "psql"
    if command not in {*_TOOLS, "run", "stop"} or (command == "run" and len(arguments) == 1):
        print(__doc__, file=sys.stderr)  # noqa: T201 -- a command line program
        return 2
    try:
        return _run(command, arguments[1:])
    except (EmbeddedError, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command line program
        return 1


def _run(command: str, arguments: list[str]) -> int:
    program = arguments if command == "run" else [_TOOLS.get(command, command), *arguments]
    url = secret(Env(), "DATABASE_URL")
    if url and command != "stop":
        return _call(program, os.environ | _variables(url))
    server = EmbeddedPostgres(Path(os.environ.get("DATA_DIR") or ".data"))
    conninfo = server.start()
    try:
        if command == "stop":
            return 0
        path = f"{server.bin_dir}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return _call(program, os.environ | _variables(conninfo) | {"PATH": path})
    finally:
        server.stop()


def _variables(conninfo: str) -> dict[str, str]:
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        raise EmbeddedError("DATABASE_URL must look like postgresql://user:password@host:5432/vtp_db.") from error
    unknown = given.keys() - _VARIABLES
    if unknown:
        words = ", ".join(sorted(unknown))
        raise EmbeddedError(f"DATABASE_URL says {words}, for which libpq has no variable: leave it out here.")
    return {_VARIABLES[name]: str(value) for name, value in given.items()}


def _call(command: list[str], env: Mapping[str, str]) -> int:
    program = shutil.which(command[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise EmbeddedError(f"There is no program {command[0]} on the PATH.")
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C cancels a query in psql; it does not end us
    return subprocess.run([program, *command[1:]], env=env, check=False).returncode  # noqa: S603 -- the operator's own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
