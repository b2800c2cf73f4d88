"""protoo's framing without any I/O: text frames in, messages out, and back.

A message is one JSON object: a request (`request`, `id`, `method`, `data`), a response (`response`, `id`, `ok`,
then `data` or `errorCode` and `errorReason`) or a notification (`notification`, `method`, `data`), as npm's
`protoo-client` 4 has them.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from shared.errors import FieldErrors

SUBPROTOCOL = "protoo"

MAX_MESSAGE_BYTES = 256 * 1024
"""Largest message taken. The largest real one, a `consume` with all capabilities, has about 10 KiB."""

MAX_METHOD_LENGTH = 100
"""Longer names are no method of ours, and not worth a log line."""

MAX_REQUEST_ID = 2**53 - 1
"""JavaScript's largest safe integer: beyond it an id does not survive the way there and back."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """Something the other side wants answered under `id`. `data` is as it came, so perhaps no object.

    `raw` is the whole frame.
    """

    id: int
    method: str
    data: Any
    raw: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to a request of ours: `data` when `ok`."""

    id: int
    ok: bool
    data: Any


@dataclass(frozen=True, slots=True)
class Notification:
    """Something the other side tells."""

    method: str
    data: Any


Message = Request | Response | Notification


def parse(raw: bytes) -> Message:
    """Read one text frame.

    Raises:
        ValueError: it is not UTF-8, not a JSON object or not a protoo message.
    """
    try:
        message = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    if message.get("request"):
        return Request(_id(message), _method(message), _data(message), raw)
    if message.get("response"):
        return Response(_id(message), bool(message.get("ok")), _data(message))
    if message.get("notification"):
        return Notification(_method(message), _data(message))
    raise ValueError("neither a request nor a response nor a notification")


def success(request_id: int, data: JsonObject) -> str:
    """Write the answer to a request that went well."""
    return _dump({"response": True, "id": request_id, "ok": True, "data": data})


def failure(
    request_id: int,
    status: int,
    reason: str,
    code: str,
    details: FieldErrors | None = None,
    retry_after_s: int | None = None,
) -> str:
    """Write the answer to a request that failed: `status` is HTTP-like, `reason` a sentence for people."""
    answer = {
        "response": True,
        "id": request_id,
        "ok": False,
        "errorCode": status,
        "errorReason": reason,
        "code": code,
    }
    if details:
        answer["details"] = details
    if retry_after_s is not None:
        answer["retryAfter"] = retry_after_s
    return _dump(answer)


def notification(method: str, data: JsonObject) -> str:
    """Write a notification."""
    return _dump({"notification": True, "method": method, "data": data})


def request(request_id: int, method: str, data: JsonObject) -> str:
    """Write a request, as a client does."""
    return _dump({"request": True, "id": request_id, "method": method, "data": data})


def _id(message: JsonObject) -> int:
    value = message.get("id")
    if not isinstance(value, int) or isinstance(value, bool) or not -MAX_REQUEST_ID <= value <= MAX_REQUEST_ID:
        raise ValueError("the id is not an integer")
    return value


def _method(message: JsonObject) -> str:
    value = message.get("method")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_METHOD_LENGTH:
        raise ValueError("the method is not a name")
    return value


def _data(message: JsonObject) -> Any:
    data = message.get("data")
    return {} if data is None else data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _dump(message: JsonObject) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
