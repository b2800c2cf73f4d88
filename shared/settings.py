"""Reading settings from the environment: once, validated, with a sentence that says how to mend what is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from environs import Env, EnvError, validate

__all__ = ["Env", "SettingsError", "first_set", "ip", "ips", "port", "reading_settings", "secret", "validate"]

T = TypeVar("T")

MAX_SECRET_FILE_BYTES = 64 * 1024
"""No secret is so long; a file that never ends, such as a device, must not fill the memory."""


class SettingsError(Exception):
    """A setting is missing or wrong. The message names it and says what to do; the service prints it and ends."""


@contextmanager
def reading_settings() -> Iterator[None]:
    """Turn environs' errors into `SettingsError` with one readable sentence."""
    try:
        yield
    except EnvError as error:
        raise SettingsError(f"{str(error).rstrip('.')}. Set it in the environment and start again.") from error


def first_set(env: Env, read: Callable[..., T], names: tuple[str, ...], default: T, **options: Any) -> T:
    """Read the first of several names (a setting and its aliases) that the environment holds.

    An empty value counts as absent, as compose files and shells leave them behind.
    """
    for name in names:
        if env.str(name, "") != "":
            return read(name, **options)
    return default


def secret(env: Env, name: str, *aliases: str) -> str:
    """Read a secret from the setting of this name or from the file that `NAME_FILE` names; "" without either.

    Line ends at the end of the file are no part of the secret, since editors and shells leave one there.

    Raises:
        SettingsError: both are given, or the file cannot be read or says nothing. It never holds what a file says.
    """
    names = (name, *aliases)
    plain = next((one for one in names if env.str(one, "") != ""), None)
    from_file = next((f"{one}_FILE" for one in names if env.str(f"{one}_FILE", "") != ""), None)
    if plain is not None and from_file is not None:
        raise SettingsError(f"{plain} and {from_file} are both set: keep one of them.")
    if from_file is not None:
        return _secret_of_file(from_file, env.str(from_file))
    return env.str(plain) if plain is not None else ""


def _secret_of_file(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_SECRET_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SettingsError(f"{name}={path}: {reason}. Name a file that the service may read.") from None
    if len(raw) > MAX_SECRET_FILE_BYTES:
        raise SettingsError(f"{name}={path} is longer than {MAX_SECRET_FILE_BYTES} bytes: that is no secret.")
    try:
        value = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError(f"{name}={path} is no text in UTF-8.") from None
    if not value:
        raise SettingsError(f"{name}={path} is empty: write the secret into it, or leave {name} out.")
    return value


def port(env: Env, name: str, default: int, *aliases: str) -> int:
    """Read a TCP or UDP port number, 1 to 65535."""
    check = validate.Range(min=1, max=65535, error=f"{name} is a port number from 1 to 65535")
    return first_set(env, env.int, (name, *aliases), default, validate=check)


def ip(env: Env, name: str, default: str, *aliases: str) -> str:
    """Read one IPv4 or IPv6 address."""
    value = first_set(env, env.str, (name, *aliases), default)
    _check_ip(name, value)
    return value


def ips(env: Env, name: str, *aliases: str) -> tuple[str, ...]:
    """Read a comma list of IP addresses, perhaps empty."""
    raw = first_set(env, env.str, (name, *aliases), "")
    values = tuple(part.strip() for part in raw.split(",") if part.strip())
    for value in values:
        _check_ip(name, value)
    return values


def _check_ip(name: str, value: str) -> None:
    try:
        ip_address(value)
    except ValueError:
        raise SettingsError(f"{name} must be an IP address such as 127.0.0.1, not {value!r}.") from None
