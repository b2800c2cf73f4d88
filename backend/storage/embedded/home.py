"""Where the cluster lives: under the data directory, or elsewhere when the server's account cannot get there."""

import hashlib
import os
from pathlib import Path

from backend.storage.data_dir import make_passable
from backend.storage.embedded.account import Account, choose_account
from backend.storage.embedded.errors import EmbeddedError

ELSEWHERE = Path("/var/lib/vtp-platform")
"""For root whose checkout lies in a place that is closed to everybody else, such as /root."""

_UNSAFE_IN_SHELL = frozenset('"$`\\\n')
"""pg_ctl starts the server through a shell, with the path in double quotes."""


def prepare_home(data_dir: Path, major: int) -> tuple[Path, Account]:
    """Make and return the directory for the cluster, its locks and its logs, and the account that runs it.

    Never changes the mode of a directory that was there before.

    Raises:
        EmbeddedError: no place can serve.
    """
    data_dir = data_dir.resolve()
    unsafe = _UNSAFE_IN_SHELL & set(str(data_dir))
    if unsafe:
        raise EmbeddedError(f"The path {data_dir} holds a character that the database cannot live with.")
    try:
        make_passable(data_dir)
        home = data_dir / "postgres"
        account = choose_account(home / f"pg{major}")
        if not account.may_pass(data_dir):
            home = _elsewhere(data_dir)
            account = choose_account(home / f"pg{major}")
        make_passable(home)
    except OSError as error:
        raise EmbeddedError(_no_place(data_dir, error)) from error
    if not account.may_pass(home):
        raise EmbeddedError(_no_place(home, "the database's account may not go there"))
    return home, account


def _elsewhere(data_dir: Path) -> Path:
    """Choose by the data directory's path, and leave word in it where the cluster went."""
    note = data_dir / "postgres.location"
    if note.exists():
        return Path(note.read_text().strip())
    make_passable(ELSEWHERE)
    home = ELSEWHERE / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    note.write_text(f"{home}\n")
    return home


def _no_place(directory: Path, why: object) -> str:
    return (
        f"The embedded database cannot live in {directory} ({why}). "
        "Set DATA_DIR to a directory that others may pass through, or set DATABASE_URL."
    )
