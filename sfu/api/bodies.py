"""Reading request bodies: bytes to JSON to a checked dataclass."""

import json
from typing import Any, TypeVar

from aiohttp import web
from marshmallow import ValidationError

from sfu.errors import InvalidInput
from shared.control_api import RequestSchema
from shared.errors import INVALID_JSON
from shared.ids import is_client_id

T = TypeVar("T")

BAD_ID = "Not 1 to 128 characters out of A-Z a-z 0-9 . _ ~ -"


async def read_body(request: web.Request, schema: RequestSchema[T]) -> T:
    """Read the body as JSON, whatever its content type, and check it. An empty one counts as `{}`.

    Raises:
        InvalidInput: `INVALID_JSON` or, with messages by field, `INVALID_INPUT`.
    """
    wire = parse_json(await request.read())
    try:
        return schema.load_request(wire)
    except ValidationError as error:
        raise InvalidInput("the request body is not valid", details=error.messages_dict) from error


def parse_json(raw: bytes) -> Any:
    """Parse JSON as RFC 8259 has it: UTF-8, no NaN or Infinity.

    Raises:
        InvalidInput: `INVALID_JSON`.
    """
    if not raw.strip():
        return {}
    try:
        return json.loads(raw.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the request body is not valid JSON", INVALID_JSON) from error


def client_id(request: web.Request, name: str) -> str:
    """Take a room's or peer's id out of the path.

    Raises:
        InvalidInput: it has not the form of one.
    """
    value = request.match_info[name]
    if not is_client_id(value):
        raise InvalidInput(f"the path holds no valid {name}", details={name: [BAD_ID]})
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
