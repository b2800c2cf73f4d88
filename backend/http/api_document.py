"""`/openapi.json`: the document of all routes that the application has, made of what their handlers declare."""

from collections.abc import Iterable, Iterator

from aiohttp import hdrs, web

from backend.error_codes import CODES
from shared.errors import INTERNAL_ERROR, INVALID_INPUT, INVALID_JSON, PAYLOAD_TOO_LARGE
from shared.ids import CLIENT_ID_PATTERN
from shared.openapi import Api, Json, Route, openapi_document
from shared.operations import SignIn, operation_of

_TOKEN_ERRORS = {
    SignIn.NONE: (),
    SignIn.OPTIONAL: ("INVALID_TOKEN", "TOKEN_EXPIRED"),
    SignIn.REQUIRED: ("MISSING_TOKEN", "INVALID_TOKEN", "TOKEN_EXPIRED"),
}

_PREFIX = "/api/v1/"


def api_document(app: web.Application) -> Json:
    """Build the document of an application's routes."""
    return openapi_document(API, declared_routes(app))


def declared_routes(app: web.Application) -> Iterator[Route]:
    """Yield the routes whose handlers declare what they take and answer."""
    for route in app.router.routes():
        declared = operation_of(route.handler)
        if declared is not None and route.resource is not None and route.method != hdrs.METH_HEAD:
            yield Route(route.method, route.resource.canonical, route.handler, declared)


def _usual_errors(route: Route) -> Iterable[str]:
    declared = route.operation
    yield INTERNAL_ERROR
    yield from _TOKEN_ERRORS[declared.sign_in]
    if declared.sign_in is not SignIn.NONE or declared.body is not None:
        yield "DATABASE_UNAVAILABLE"
    if declared.body is not None:
        yield from (INVALID_JSON, INVALID_INPUT, PAYLOAD_TOO_LARGE)
    if declared.query is not None or "{room_id}" in route.path:
        yield INVALID_INPUT


def _tag_of(path: str) -> str:
    if path.startswith(_PREFIX):
        return path.removeprefix(_PREFIX).split("/")[0]
    return "page" if path in {"/", "/assets/{path}", "/{name}"} else "service"


API = Api(
    title="VTP",
    description=(
        "Live teaching over WebRTC: accounts, rooms and what signalling needs over REST. What goes over the "
        "WebSocket is described at [/docs/signalling](/docs/signalling). Unknown fields of a request are ignored, "
        "null means absent, and every answer carries `X-Request-ID`."
    ),
    token="The access token of `POST /api/v1/auth/login`.",  # noqa: S106 -- the description of one
    codes=CODES,
    usual_errors=_usual_errors,
    path_parameters={
        "room_id": {"type": "string", "pattern": CLIENT_ID_PATTERN},
        "user_id": {"type": "string", "format": "uuid"},
        "session_id": {"type": "string", "format": "uuid"},
        "path": {"type": "string"},
        "name": {"type": "string"},
    },
    tag_of=_tag_of,
)
