"""An authenticator app: makes the codes of a secret (RFC 6238), by arithmetic of its own."""

import base64
import hashlib
import hmac
import struct


def totp(secret: str, step: int) -> str:
    """Return the code of a time step."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1)
    at = digest[-1] & 0x0F
    number: int = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def wrong_code(secret: str, step: int) -> str:
    """Return a code that is of no time step near this one."""
    near = {totp(secret, step + away) for away in range(-3, 4)}
    return next(code for number in range(10) if (code := f"{number:06}") not in near)
