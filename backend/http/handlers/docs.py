"""The documents of the API: for programs, and as a page for people."""

from aiohttp import web

from backend.http.api_document import api_document
from backend.http.handlers.page import page_of_bundle
from backend.http.responses import json_response
from shared.openapi import Json
from shared.operations import Media, operation


class ApiDocument:
    """Makes the document when it is first asked for: no start has to wait for the tens of milliseconds."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._made: Json | None = None

    def __call__(self) -> Json:
        """Return the document of all routes that the application has."""
        if self._made is None:
            self._made = api_document(self._app)
        return self._made


DOCUMENT = web.AppKey("api_document", ApiDocument)


@operation({200: Media("application/json", {"type": "object"})})
async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: this document."""
    return json_response(request.app[DOCUMENT]())


@operation({200: Media("text/html"), 503: Media("text/plain")})
async def docs_page(request: web.Request) -> web.StreamResponse:
    """`GET /docs`: the API, for people, made by Swagger UI of `/openapi.json`."""
    return page_of_bundle(request, "docs.html")
