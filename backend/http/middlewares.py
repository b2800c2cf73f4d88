"""Around every request: its id, its origin, errors in one shape, CORS, security headers, metrics."""

import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from backend import keys
from backend.errors import VtpError
from backend.http.cors import add_cors_headers, preflight_response
from backend.http.metrics import REQUEST_METRICS, route_of
from backend.http.origin import with_origin
from backend.http.responses import ERROR_CODE, error_response, failure
from backend.http.security_headers import add_security_headers
from shared.errors import (
    INTERNAL_ERROR,
    INVALID_INPUT,
    MAX_BODY_BYTES,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
)
from shared.ids import REQUEST_ID_HEADER, request_id
from shared.logging import get_logger

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID = web.RequestKey("request_id", str)

logger = get_logger(__name__)

_HTTP_ERRORS: dict[int, tuple[str, str]] = {
    404: ("There is nothing at this address.", NOT_FOUND),
    405: ("This address does not take that method.", METHOD_NOT_ALLOWED),
    413: (f"The request body is larger than {MAX_BODY_BYTES} bytes.", PAYLOAD_TOO_LARGE),
}


@web.middleware
async def with_request_id(request: web.Request, handler: Next) -> web.StreamResponse:
    """Give the request its id: in every log line (structlog's context variables) and on the response."""
    request[REQUEST_ID] = request_id(request.headers.get(REQUEST_ID_HEADER))
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        return await handler(request)


@web.middleware
async def with_metrics(request: web.Request, handler: Next) -> web.StreamResponse:
    """Count the request and the time it took."""
    counted, started, status = request.app[REQUEST_METRICS], time.monotonic(), 499  # 499: the client went away
    counted.begin()
    try:
        response = await handler(request)
        status = response.status
        if (code := response.get(ERROR_CODE)) is not None:
            request.app[keys.METER].refused("http", code)
        return response
    finally:
        counted.end(request.method, route_of(request), status, time.monotonic() - started)


@web.middleware
async def with_errors(request: web.Request, handler: Next) -> web.StreamResponse:
    """Turn whatever is raised into an error of our shape; nothing internal gets out."""
    try:
        return preflight_response(request) or await handler(request)
    except VtpError as error:
        if error.code == INTERNAL_ERROR:
            logger.exception("request failed", method=request.method, route=route_of(request))
        return error_response(error)
    except web.HTTPException as error:
        return _http_error(error)
    except Exception:
        logger.exception("request failed", method=request.method, route=route_of(request))
        return failure(500, "Something went wrong on our side.", INTERNAL_ERROR)


MIDDLEWARES = (with_request_id, with_metrics, with_errors, with_origin)
"""From the outermost to the innermost."""


async def prepare_response(request: web.Request, response: web.StreamResponse) -> None:
    """Put the common headers on a response just before it is sent (`on_response_prepare`)."""
    response.headers[REQUEST_ID_HEADER] = request.get(REQUEST_ID) or request_id(None)
    add_security_headers(request, response)
    add_cors_headers(request, response)


def _http_error(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    message, code = _HTTP_ERRORS.get(error.status, ("The request is not valid.", INVALID_INPUT))
    response = failure(error.status, message, code)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
