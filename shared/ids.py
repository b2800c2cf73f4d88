"""Identifiers: those the server makes, and the form of those a client may choose."""

import re
import uuid

REQUEST_ID_HEADER = "X-Request-ID"

CLIENT_ID_PATTERN = r"^(?!\.\.?$)[A-Za-z0-9._~-]{1,128}$"
"""`is_client_id` as a pattern of JSON schemas (ECMA-262)."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_id() -> str:
    """Make an identifier: a random UUID (RFC 9562 version 4) in its canonical text form."""
    return str(uuid.uuid4())


def is_client_id(value: str) -> bool:
    """Tell whether a client may call a room or peer so: 1 to 128 URL-safe characters, neither `.` nor `..`."""
    return _CLIENT_ID.fullmatch(value) is not None and value not in {".", ".."}


def request_id(offered: str | None) -> str:
    """Keep the offered `X-Request-ID` if it has the right form, otherwise make a new one."""
    if offered is not None and _REQUEST_ID.fullmatch(offered):
        return offered
    return new_id()
