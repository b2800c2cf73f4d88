"""From a request to checked values: JSON body, query, page, who asks."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, NoReturn

from aiohttp import web
from marshmallow import Schema, ValidationError

from backend import keys
from backend.domain.permissions import Action, require_somewhere
from backend.domain.ports import Identity
from backend.errors import InvalidInput, Unauthorized
from shared.errors import INVALID_JSON
from shared.ids import is_client_id
from shared.operations import require_sign_in

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SignedInHandler = Callable[[web.Request, Identity], Awaitable[web.StreamResponse]]

_INVALID_INPUT = "The request is not valid."


async def read_body(request: web.Request, schema: Schema) -> dict[str, Any]:
    """Read the JSON body and load it by the schema.

    Raises:
        InvalidInput: `INVALID_JSON` when it does not parse, else `INVALID_INPUT` with messages by field.
        aiohttp.web.HTTPRequestEntityTooLarge: it is over 1 MiB.
    """
    raw = await request.read()
    try:
        data = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested beyond reason
        raise InvalidInput("The request body is not valid JSON.", INVALID_JSON) from None
    return _load(schema, data)


def read_query(request: web.Request, schema: Schema) -> dict[str, Any]:
    """Load the query string by the schema; of a name given twice the first counts.

    Raises:
        InvalidInput: with messages by field.
    """
    return _load(schema, {name: request.query[name] for name in request.query})


def path_room_id(request: web.Request) -> str:
    """Return the room's id in the path.

    Raises:
        InvalidInput: no room can have it.
    """
    room_id = request.match_info["room_id"]
    if not is_client_id(room_id):
        raise InvalidInput("No room can have this id.", details={"room_id": ["Not a valid id."]})
    return room_id


def allowed(action: Action, handler: SignedInHandler) -> Handler:
    """Wrap a handler that only a valid access token may call, of a role that may do the action somewhere.

    The handler is given whose token it is. Where the action is about one room, the domain checks it again with
    what the user is to that room.
    """

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        identity = await require_identity(request)
        require_somewhere(identity.user, action)
        return await handler(request, identity)

    require_sign_in(wrapped)
    return wrapped


async def require_identity(request: web.Request) -> Identity:
    """Return whose access token the request carries.

    Raises:
        Unauthorized: `MISSING_TOKEN`, `INVALID_TOKEN` or `TOKEN_EXPIRED`.
    """
    identity = await identity_if_any(request)
    if identity is None:
        raise Unauthorized("Sign in first.", "MISSING_TOKEN")
    return identity


async def identity_if_any(request: web.Request) -> Identity | None:
    """Return whose access token the request carries, or None when it carries none.

    Raises:
        Unauthorized: the token is not valid.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("The Authorization header must be `Bearer <access token>`.")
    return await request.app[keys.TOKENS].verify_access(token.strip())


def _load(schema: Schema, data: Any) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise InvalidInput(_INVALID_INPUT, details=error.messages_dict) from None
    return loaded


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
