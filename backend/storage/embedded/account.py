"""Under which system account the server runs.

PostgreSQL refuses to run as root. As an ordinary user we run it as ourselves; as root we hand it to an
unprivileged account, which then owns the cluster.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

SYSTEM_USER = "vtp-postgres"
"""A user of its own, so that no other service's processes may open the cluster's socket."""

FALLBACK_USER = "nobody"
"""Where no user can be added: a read-only /etc, or no useradd."""

_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


class DropOptions(TypedDict, total=False):
    """Keyword arguments for `subprocess` that start a process under another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account that owns the cluster. `switched` tells whether it is another than our own."""

    uid: int
    gid: int
    switched: bool

    def drop_options(self) -> DropOptions:
        """Return what `subprocess.run` needs to start a process under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}

    def own(self, path: Path) -> None:
        """Give the path to the account."""
        if self.switched:
            os.chown(path, self.uid, self.gid)

    def may_pass(self, directory: Path) -> bool:
        """Tell whether the account may go through the directory and all above it, by their modes."""
        return not self.switched or all(self._may_enter(step) for step in (directory, *directory.parents))

    def _may_enter(self, directory: Path) -> bool:
        found = directory.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def choose_account(cluster: Path) -> Account:
    """Return the account for a cluster: its owner, or ourselves, or for root one without privileges."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, switched=True)
    entry = _find(SYSTEM_USER) or _added() or pwd.getpwnam(FALLBACK_USER)
    return Account(entry.pw_uid, entry.pw_gid, switched=True)


def _added() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=_SYSTEM_PATH)
    if useradd is None:
        return None
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
    subprocess.run(  # noqa: S603 -- fixed arguments
        [useradd, *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True, check=False
    )
    return _find(SYSTEM_USER)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
