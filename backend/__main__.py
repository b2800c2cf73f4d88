"""Start the backend: `python -m backend`, or do one thing with its data and end.

    python -m backend                       serve, until SIGTERM or SIGINT
    python -m backend create-admin EMAIL    make an admin, or give an account the role and a new password
    python -m backend migrate [--to N]      bring the schema to a version, up or down; without one to the newest
    python -m backend migrate --status      say which version the schema has; changes nothing

Exit status: 0 after a graceful stop, 1 when something is in the way (one sentence says what), 2 for a wrong
setting or a wrong call.
"""

import asyncio
import getpass
import sys
from functools import partial

import uvloop

from backend.commands import create_admin, migrate_to, schema_status
from backend.errors import InvalidInput, StartError
from backend.serve import serve
from backend.settings import Settings, load_settings
from shared.logging import LogFormat, configure_logging, operator_line, wanted_log_format
from shared.settings import SettingsError


def main(arguments: list[str]) -> int:
    """Read the settings, do what the arguments say, and return the exit status."""
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, service="backend")
        return _run(settings, arguments)
    except SettingsError as error:
        return _complain(str(error), 2)
    except InvalidInput as error:
        return _complain(error.message, 2)
    except StartError as error:
        return _complain(str(error), 1)


def _run(settings: Settings, arguments: list[str]) -> int:
    say = partial(_say, settings.log_format)
    match arguments:
        case []:
            uvloop.run(serve(settings, announce=say))
        case ["create-admin", email]:
            say(asyncio.run(create_admin(settings, email, _read_password())))
        case ["migrate"]:
            say(asyncio.run(migrate_to(settings, None)))
        case ["migrate", "--status"]:
            say(asyncio.run(schema_status(settings)))
        case ["migrate", version] | ["migrate", "--to", version] if version.isdecimal():
            say(asyncio.run(migrate_to(settings, int(version))))
        case _:
            return _complain(__doc__ or "", 2)
    return 0


def _read_password() -> str:
    """Ask on the terminal, unseen; otherwise the first line of standard input is the password."""
    if sys.stdin.isatty():
        return getpass.getpass("Password for the admin: ")
    return sys.stdin.readline().rstrip("\r\n")


def _say(log_format: LogFormat, line: str) -> None:
    line = operator_line(log_format, line, service="backend")
    print(line, flush=True)  # noqa: T201 -- for the person who starts the service, whatever the log level


def _complain(sentence: str, status: int) -> int:
    sentence = operator_line(wanted_log_format(), sentence, level="error", service="backend")
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 -- for the person who starts the service
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
