"""The one shape of an error on the wire, and the codes that both services use."""

from typing import Any, TypedDict

INVALID_JSON = "INVALID_JSON"
INVALID_INPUT = "INVALID_INPUT"
NOT_FOUND = "NOT_FOUND"
METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
INTERNAL_ERROR = "INTERNAL_ERROR"

MAX_BODY_BYTES = 1 << 20
"""Largest request body of either HTTP API; more is answered with 413 `PAYLOAD_TOO_LARGE`."""

FieldErrors = dict[str, Any]
"""Messages by field, nested as marshmallow nests them."""


class _RequiredBody(TypedDict):
    error: str
    code: str


class ErrorBody(_RequiredBody, total=False):
    """An error as JSON: one human sentence, a stable code and, for bad input, messages by field."""

    details: FieldErrors


def error_body(message: str, code: str, details: FieldErrors | None = None) -> ErrorBody:
    """Build an error's JSON object: `{"error", "code", "details"?}`."""
    body: ErrorBody = {"error": message, "code": code}
    if details:
        body["details"] = details
    return body
