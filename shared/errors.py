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

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "minLength": 1, "description": "One sentence for people."},
        "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$", "description": "Stable, for programs."},
        "details": {"type": "object", "description": "What is wrong, by field of the request."},
    },
}
"""The JSON schema of an error."""

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
