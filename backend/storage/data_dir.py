"""The directory that holds what the service keeps on this machine: the signing key and the embedded database."""

import os
from pathlib import Path

PASS_MODE = 0o711
"""Others may pass through to what is theirs (the database's account), and list nothing."""


def make_passable(directory: Path) -> None:
    """Make the directory if it is missing, open for passing through whatever the umask says.

    Never changes one that was there before. Made by root, it belongs to the owner of the directory above.

    Raises:
        OSError: it cannot be made.
    """
    if directory.exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(PASS_MODE)
    if os.geteuid() == 0:
        owner = directory.parent.stat()
        os.chown(directory, owner.st_uid, owner.st_gid)
