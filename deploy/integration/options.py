"""What the operator says: options on the command line, secrets in the environment or in files."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from deploy.probes.command import MAX_LIMIT_SCALE, WrongUse, base_url, limit_scale, number, secret

DEFAULT_BACKEND_URL = "http://localhost:8080"
DEFAULT_SFU_URL = "http://localhost:3000"
DEFAULT_TIMEOUT_S = 10.0

DEFAULT_VANISH_S = 60.0
"""The SFU waits PEER_TIMEOUT_S for a silent peer, the backend RESUME_GRACE_S for a seat: 30 each unless set."""

ACCOUNTS = (("VTP_TEACHER_EMAIL", "VTP_TEACHER_PASSWORD"), ("ADMIN_EMAIL", "ADMIN_PASSWORD"))
"""Who may be signed in: pairs of settings, the first that is there."""

EPILOG = """\
environment: SFU_API_TOKEN, the SFU's token, if it has one; VTP_TEACHER_EMAIL and VTP_TEACHER_PASSWORD, or
ADMIN_EMAIL and ADMIN_PASSWORD: an account that may make rooms. Without one the checks that need it are skipped. Of
each secret NAME, NAME_FILE may name a file that holds it. VTP_LIMIT_SCALE is the default of --limit-scale.

exit status: 0 all tests passed, 1 some did not (or the run was interrupted), 2 wrong use.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a run depends on. Secrets stay out of `repr`.

    Attributes:
        timeout: seconds for one call, one connection or one packet to arrive.
        vanish_timeout: seconds in which clients that died have to be removed; 0 skips these checks.
        limit_scale: what the checklist's limits of time are multiplied by.
    """

    backend_url: str
    sfu_url: str
    timeout: float
    vanish_timeout: float
    limit_scale: float
    as_json: bool
    sfu_token: str | None = field(default=None, repr=False)
    email: str | None = None
    password: str | None = field(default=None, repr=False)


def read_options(arguments: Sequence[str]) -> Options:
    """Read the command line and the environment.

    Raises:
        WrongUse: they make no sense; the message says why.
    """
    parsed = _parser().parse_args(arguments)
    email, password = _account()
    return Options(
        parsed.backend_url,
        parsed.sfu_url,
        parsed.timeout,
        parsed.vanish_timeout,
        parsed.limit_scale,
        parsed.json,
        secret("SFU_API_TOKEN", "MEDIASOUP_API_TOKEN"),
        email,
        password,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUse(message)


def _parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="vtp-integration",
        description="Check services that are up, by the five tests of the deployment checklist.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--backend-url", type=base_url, default=DEFAULT_BACKEND_URL, metavar="URL", help="(%(default)s)"
    )
    made.add_argument("--sfu-url", type=base_url, default=DEFAULT_SFU_URL, metavar="URL", help="(%(default)s)")
    made.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    _add_number(made, "--timeout", (0.1, 300), DEFAULT_TIMEOUT_S, "seconds for a call or a connection")
    _add_number(
        made,
        "--vanish-timeout",
        (0, 3600),
        DEFAULT_VANISH_S,
        "seconds until dead clients have to be removed, 0: skip",
    )
    _add_number(
        made,
        "--limit-scale",
        (1, MAX_LIMIT_SCALE),
        limit_scale(),
        "multiply the limits of time, for a runner far from the services",
    )
    return made


def _add_number(
    made: argparse.ArgumentParser, name: str, bounds: tuple[float, float], default: float, words: str
) -> None:
    made.add_argument(name, type=number(*bounds), default=default, metavar="NUMBER", help=f"{words} (%(default)g)")


def _account() -> tuple[str | None, str | None]:
    for email_name, password_name in ACCOUNTS:
        email, password = os.environ.get(email_name, "").strip(), secret(password_name)
        if email and password:
            return email, password
        if email or (password and email_name == ACCOUNTS[0][0]):
            missing = password_name if email else email_name
            raise WrongUse(f"{missing} is missing: set both {email_name} and {password_name}, or none")
    return None, None
