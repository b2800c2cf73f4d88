"""The key that signs access tokens, kept in the data directory when the environment gives none."""

import os
import secrets
import tempfile
from pathlib import Path

KEY_FILE = "jwt_secret"
_KEY_BYTES = 48
MIN_KEY_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the size of the hash, 256 bits."""

_OWNER_ONLY = 0o600


def load_or_create_key(data_dir: Path) -> str:
    """Return the key in `data_dir`/jwt_secret; made at the first call, for its owner alone. The directory exists.

    Made aside and linked into place, so that of two processes that start at once both get the same whole key.

    Raises:
        OSError: the directory cannot be written, or the file not read.
        ValueError: what the file holds is too short for a key; with an empty one anybody could sign.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        descriptor, aside = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=data_dir)  # for its owner alone
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_KEY_BYTES))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            Path(aside).unlink()
    path.chmod(_OWNER_ONLY)
    key = path.read_text().strip()
    if len(key.encode()) < MIN_KEY_BYTES:
        raise ValueError(f"{KEY_FILE} holds less than {MIN_KEY_BYTES} bytes")
    return key
