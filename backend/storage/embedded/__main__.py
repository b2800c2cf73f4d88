"""Open the embedded database by hand: `python -m backend.storage.embedded {psql|dump|stop} [arguments]`.

Joins the server that a running backend uses, or starts one for as long as the program runs. Arguments go to psql
or pg_dump, so `psql -c "SELECT COUNT(*) FROM users;"` answers without asking; SQL may come from standard input.
With `DATABASE_URL` or `DATABASE_URL_FILE` set, that database is opened instead. `stop` ends a server that a killed
backend left behind.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from backend.storage.embedded.errors import EmbeddedError
from backend.storage.embedded.server import EmbeddedPostgres
from shared.settings import Env, SettingsError, secret

_TOOLS = {"psql": "psql", "dump": "pg_dump"}


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status, 2 for a wrong call, 1 when the database cannot be opened."""
    command = arguments[0] if arguments else "psql"
    if command not in {*_TOOLS, "stop"}:
        print(__doc__, file=sys.stderr)  # noqa: T201 -- a command line program
        return 2
    try:
        return _run(command, arguments[1:])
    except (EmbeddedError, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command line program
        return 1


def _run(command: str, arguments: list[str]) -> int:
    url = secret(Env(), "DATABASE_URL")
    if url and command in _TOOLS:
        tool = shutil.which(_TOOLS[command])
        if tool is None:
            raise EmbeddedError(f"DATABASE_URL is set, but there is no {_TOOLS[command]} on the PATH.")
        return _call([tool, "-d", url, *arguments])
    server = EmbeddedPostgres(Path(os.environ.get("DATA_DIR") or ".data"))
    conninfo = server.start()
    try:
        if command == "stop":
            return 0
        return _call([os.fspath(server.bin_dir / _TOOLS[command]), "-d", conninfo, *arguments])
    finally:
        server.stop()


def _call(command: list[str]) -> int:
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C cancels a query in psql; it does not end us
    return subprocess.run(command, check=False).returncode  # noqa: S603 -- the operator's own command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
