"""What every request passes: a request id, a clock, error answers, and the question who may ask."""

import hmac
import time
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from sfu.api.keys import API_TOKEN, METRICS, TURNS
from sfu.api.responses import json_response
from sfu.errors import (
    Broken,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAvailable,
    NotFound,
    SfuError,
    Unauthorized,
)
from shared.errors import (
    INTERNAL_ERROR,
    INVALID_INPUT,
    INVALID_JSON,
    MAX_BODY_BYTES,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
    FieldErrors,
    error_body,
)
from shared.ids import REQUEST_ID_HEADER, request_id
from shared.logging import get_logger

REQUEST_ID = web.RequestKey("request_id", str)
ERROR_CODE = web.ResponseKey("error_code", str)

STATUS_OF = {
    InvalidInput: 400,
    Unauthorized: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    Broken: 500,
    NotAvailable: 503,
}

HTTP_ERRORS = {
    404: (NOT_FOUND, "there is no such route"),
    405: (METHOD_NOT_ALLOWED, "this route does not take that method"),
    413: (PAYLOAD_TOO_LARGE, f"the request body is larger than {MAX_BODY_BYTES} bytes"),
}

SERVER = "vtp-sfu"
"""Instead of the versions of our libraries, which are nobody's business."""

RETRY_AFTER_S = "1"
"""A worker that died is replaced within about a second."""

_log = get_logger(__name__)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, put that into every log line, and time it."""
    request[REQUEST_ID] = request_id(request.headers.get(REQUEST_ID_HEADER))
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        response = await handler(request)
        seconds = time.perf_counter() - started
        _log.debug(
            "request", method=request.method, path=_path_of(request), status=response.status, seconds=seconds
        )
    if not isinstance(response, web.WebSocketResponse):
        request.app[METRICS].observe_request(request.method, _route_of(request), response.status, seconds)
    if (code := response.get(ERROR_CODE)) is not None:
        request.app[METRICS].observe_error(code)
    return response


async def add_common_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Send the request's id back, and no versions of our libraries (on_response_prepare)."""
    response.headers[hdrs.SERVER] = SERVER
    response.headers[REQUEST_ID_HEADER] = request.get(REQUEST_ID) or request_id(None)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into JSON of the one shape; nothing internal leaves the process."""
    try:
        return await handler(request)
    except SfuError as error:
        return _sfu_error(error)
    except web.HTTPException as error:
        return _http_error(error)
    except (ConnectionError, web.RequestPayloadError):
        return error_response(400, INVALID_JSON, "the request body broke off")
    except Exception:
        _log.exception("request failed", method=request.method, path=_path_of(request))
        return _internal_error()


@web.middleware
async def authorize(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who has the token or, where none is needed, everybody but web pages; health is for all.

    A browser names the page's origin in every request that could change something. Without this check any page
    that someone opens on this machine could close its rooms.
    """
    if request.path == "/health" or request.path.startswith("/health/"):
        return await handler(request)
    if token := request.app[API_TOKEN]:
        if not _has_token(request, token):
            raise Unauthorized("this service wants its token: Authorization: Bearer <token>")
    elif "Origin" in request.headers:
        raise NotAllowed("this service answers no web pages")
    return await handler(request)


@web.middleware
async def take_turns(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let requests begin one after another, so that a probe of health need not wait for a class that joins."""
    if request.path != "/health" and not request.path.startswith("/health/"):
        await request.app[TURNS].take()
    return await handler(request)


MIDDLEWARES = (identify, answer_errors, authorize, take_turns)


def _has_token(request: web.Request, token: str) -> bool:
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    matches = hmac.compare_digest(_to_bytes(offered.strip()), _to_bytes(token))
    return matches and scheme.lower() == "bearer"


def _to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _path_of(request: web.Request) -> str:
    """Return the path as it came, escaped: unescaped it could begin a line of its own in the log."""
    return request.rel_url.raw_path


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _sfu_error(error: SfuError) -> web.Response:
    status = next(status for kind, status in STATUS_OF.items() if isinstance(error, kind))
    if status == 500:
        _log.error("request failed", error=error.message)
        return _internal_error()
    details = error.details if isinstance(error, InvalidInput) else None
    response = error_response(status, error.code, error.message, details)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, NotAvailable):
        response.headers["Retry-After"] = RETRY_AFTER_S
    return response


def _http_error(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    code, sentence = HTTP_ERRORS.get(error.status, (INVALID_INPUT, error.reason))
    response = error_response(error.status, code, sentence)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _internal_error() -> web.Response:
    return error_response(500, INTERNAL_ERROR, "something went wrong in this service")


def error_response(status: int, code: str, sentence: str, details: FieldErrors | None = None) -> web.Response:
    """Make an error's answer."""
    body: Any = error_body(sentence, code, details)
    response = json_response(body, status=status)
    response[ERROR_CODE] = code
    return response
