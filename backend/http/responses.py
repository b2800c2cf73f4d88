"""From values to responses: JSON, pages, errors."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from backend.domain.pages import Page
from backend.errors import InvalidInput, NotAvailable, TooManyAttempts, VtpError, status_of
from shared.errors import FieldErrors, error_body

T = TypeVar("T")

ERROR_CODE = web.ResponseKey("error_code", str)

_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def json_response(data: Any, status: int = 200) -> web.Response:
    """Render data as a JSON response."""
    return web.json_response(data, status=status, dumps=_dumps)


def page_response(page: Page[T], render: Callable[[T], dict[str, Any]]) -> web.Response:
    """Render one page of a list."""
    return json_response(
        {
            "items": [render(item) for item in page.items],
            "total": page.total,
            "page": page.request.page,
            "per_page": page.request.per_page,
        }
    )


def no_content() -> web.Response:
    """Say that it is done and there is nothing to show."""
    return web.Response(status=204)


def failure(status: int, message: str, code: str, details: FieldErrors | None = None) -> web.Response:
    """Render an error."""
    response = json_response(error_body(message, code, details), status)
    response[ERROR_CODE] = code
    return response


def error_response(error: VtpError) -> web.Response:
    """Render one of our errors, with the headers that its status asks for."""
    details = error.details if isinstance(error, InvalidInput) else None
    response = failure(status_of(error), error.message, error.code, details)
    if isinstance(error, NotAvailable | TooManyAttempts):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
