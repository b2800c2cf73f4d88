"""The documents of the API: for programs, and as a page for people."""

from typing import Any

from aiohttp import web

from backend.http.api_document import api_document
from backend.http.handlers.page import page_of_bundle
from backend.http.responses import json_response
from shared.operations import Media, operation

DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("api_document", dict)


@operation({200: Media("application/json", {"type": "object"})})
async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: this document."""
    return json_response(request.app[DOCUMENT])


@operation({200: Media("text/html"), 503: Media("text/plain")})
async def docs_page(request: web.Request) -> web.StreamResponse:
    """`GET /docs`: the API, for people, made by Swagger UI of `/openapi.json`."""
    return page_of_bundle(request, "docs.html")


async def make_document(app: web.Application) -> None:
    """Make the document, once all routes are there (`on_startup`)."""
    app[DOCUMENT] = api_document(app)
