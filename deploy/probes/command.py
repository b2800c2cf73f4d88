"""What all probes share: their options, their exit status and the one line that they print."""

import argparse
import enum
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

DEFAULT_TIMEOUT_S = 3.0
"""Less than the five seconds after which compose and Kubernetes give a probe up, so that it says itself why."""

MAX_TIMEOUT_S = 60.0

SERVICES = {
    "backend": (("PORT",), 8080, "LISTEN_IP"),
    "sfu": (("SFU_PORT", "MEDIASOUP_PORT"), 3000, "SFU_LISTEN_IP"),
}
"""The settings that say where a service listens: names of its port, the default, the address."""

LOOPBACK_OF = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
"""Where a service on every address is asked."""


LIMIT_SCALE = "VTP_LIMIT_SCALE"
"""What limits of time are multiplied by, where the machine is slow, busy or far from the services."""

MAX_LIMIT_SCALE = 1000


class Status(enum.IntEnum):
    """How a probe ends."""

    OK = 0
    FAILING = 1
    WRONG_USE = 2
    UNREACHABLE = 3


class Bad(Exception):  # noqa: N818 - a verdict, not a fault of the probe
    """The probe's verdict is not good; the message is its one line, the status how it ends."""

    status = Status.FAILING


class WrongUse(Bad):
    """The options or the environment make no sense."""

    status = Status.WRONG_USE


class Unreachable(Bad):
    """The service did not answer at all."""

    status = Status.UNREACHABLE


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message} (see --help)")


def parser(description: str | None, services: tuple[str, ...] = tuple(SERVICES)) -> argparse.ArgumentParser:
    """Make a parser with the options that every probe takes; `services` are those that it can ask."""
    made = _Parser(description=description, epilog="Exit status: 0 ok, 1 failing, 2 wrong use, 3 cannot reach.")
    where = made.add_mutually_exclusive_group(required=len(services) > 1)
    default = services[0] if len(services) == 1 else None
    where.add_argument(
        "--service", choices=services, default=default, help="ask on this machine, at the port of its settings"
    )
    where.add_argument("--url", type=base_url, help="ask at this address, such as http://localhost:8080")
    made.add_argument(
        "--timeout",
        type=number(0.05, MAX_TIMEOUT_S),
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="wait so long for an answer (%(default)s)",
    )
    return made


def run(made: argparse.ArgumentParser, probe: Callable[[argparse.Namespace], str]) -> NoReturn:
    """Parse the options, probe, print one line and exit. The probe returns the line of success or raises `Bad`."""
    signal.signal(signal.SIGTERM, _terminated)
    status = Status.OK
    try:
        line = f"ok: {probe(made.parse_args())}"
    except Bad as verdict:
        status, line = verdict.status, f"{_WORD[verdict.status]}: {verdict}"
    except KeyboardInterrupt:
        status, line = Status.FAILING, "interrupted"
    except Exception as error:  # a supervisor shows one line: it says what broke
        status, line = Status.FAILING, f"failing: the probe broke, {type(error).__name__}: {error}"
    print(line, file=sys.stderr if status is Status.WRONG_USE else sys.stdout)
    sys.exit(status)


_WORD = {Status.FAILING: "failing", Status.WRONG_USE: "wrong use", Status.UNREACHABLE: "cannot reach"}


def _terminated(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt  # what was made for the probe is removed on the way out


def url_of(options: argparse.Namespace) -> str:
    """Return the base URL that is asked. Raises: WrongUse."""
    if options.url is not None:
        return str(options.url)
    names, default, listen = SERVICES[options.service]
    name, value = next(
        ((name, os.environ[name]) for name in names if os.environ.get(name)), (names[0], str(default))
    )
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise WrongUse(f"{name} is {value!r}, which is no port to ask at: give --url")
    host = os.environ.get(listen, "").strip()
    host = LOOPBACK_OF.get(host, host)
    return f"http://[{host}]:{value}" if ":" in host else f"http://{host}:{value}"


def secret(*names: str) -> str | None:
    """Read a secret from the first of these settings that is there, or from the file that NAME_FILE names.

    Raises:
        WrongUse: the file cannot be read.
    """
    for name in names:
        if value := os.environ.get(name, "").strip():
            return value
        if path := os.environ.get(f"{name}_FILE", "").strip():
            try:
                return Path(path).read_text(encoding="utf-8").strip() or None
            except (OSError, UnicodeDecodeError) as error:
                raise WrongUse(f"{name}_FILE names {path}, which cannot be read: {_words(error)}") from None
    return None


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is no text"


def base_url(text: str) -> str:
    """Check a base URL. Raises: argparse.ArgumentTypeError."""
    try:
        parts = urlsplit(text)
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        well_formed = False
    if not well_formed or parts.query or parts.fragment or parts.username:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL such as http://localhost:3000")
    return text.rstrip("/")


def number(low: float, high: float) -> Callable[[str], float]:
    """Make a type of option: a number between two bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
        return value

    return read


def limit_scale() -> float:
    """Return what limits of time are multiplied by, from the environment; 1 by default. Raises: WrongUse."""
    try:
        return number(1, MAX_LIMIT_SCALE)(os.environ.get(LIMIT_SCALE, "") or "1")
    except argparse.ArgumentTypeError as error:
        raise WrongUse(f"{LIMIT_SCALE}: {error}") from None
