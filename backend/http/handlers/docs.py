"""The documents of the API."""

from typing import Any

from aiohttp import web

from backend.http.api_document import api_document
from backend.http.responses import json_response
from shared.operations import Media, operation

DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("api_document", dict)


@operation({200: Media("application/json", {"type": "object"})})
async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: this document."""
    return json_response(request.app[DOCUMENT])


async def make_document(app: web.Application) -> None:
    """Make the document, once all routes are there (`on_startup`)."""
    app[DOCUMENT] = api_document(app)
