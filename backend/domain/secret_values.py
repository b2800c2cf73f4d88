"""Random secrets that a client shows once to be let in, of which we keep the hash alone."""

import hashlib
import secrets

SECRET_BYTES = 32
"""256 random bits: beyond guessing, so a plain fast hash protects them at rest."""

MAX_SECRET_LENGTH = 128
"""Ours have 43 characters; anything much longer is not worth hashing."""


def new_secret() -> str:
    """Make a secret of 43 URL-safe characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 of a secret, which is what storage keeps and looks for."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
