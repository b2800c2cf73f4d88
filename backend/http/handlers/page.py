"""The page's files, as the bundler left them in `backend/web/dist`."""

import re
from pathlib import Path

from aiohttp import hdrs, web

from backend.http.security_headers import page_policy
from shared.errors import NOT_FOUND
from shared.operations import Media, operation

DIST = web.AppKey("page_dist", Path)
"""The directory that holds the built page."""

NOT_BUILT = "The page has not been built yet: run `make web`.\n"

_HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+")
"""The bundler puts a hash of the content into the names of the files under assets/: they never change."""

_FOREVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"

_ANY_FILE = Media("*/*", {})


@operation({200: Media("text/html"), 503: Media("text/plain")})
async def index(request: web.Request) -> web.StreamResponse:
    """`GET /`: the page itself."""
    return page_of_bundle(request, "index.html")


def page_of_bundle(request: web.Request, name: str) -> web.StreamResponse:
    """Answer with one of the bundle's pages, or say that there is no bundle."""
    if not (request.app[DIST] / name).is_file():
        return web.Response(status=503, text=NOT_BUILT, headers={hdrs.CACHE_CONTROL: "no-store"})
    return _file(request, name)


@operation({200: _ANY_FILE, 304: None}, errors=(NOT_FOUND,))
async def asset(request: web.Request) -> web.StreamResponse:
    """`GET /assets/{path}`: a file of the page, named by its content."""
    return _file(request, request.path.lstrip("/"))


@operation({200: _ANY_FILE, 304: None}, errors=(NOT_FOUND,))
async def file(request: web.Request) -> web.StreamResponse:
    """`GET /{name}`: another file of the page."""
    return _file(request, request.path.lstrip("/"))


def _file(request: web.Request, name: str) -> web.StreamResponse:
    dist = request.app[DIST].resolve()
    try:
        path = (dist / name).resolve()
        found = path.is_relative_to(dist) and path.is_file()
    except (ValueError, OSError):  # a zero byte, or a name longer than the file system takes
        found = False
    if not found:
        raise web.HTTPNotFound
    is_asset = name.startswith("assets/") and _HASHED.search(name) is not None
    return web.FileResponse(
        path,
        headers={
            hdrs.CACHE_CONTROL: _FOREVER if is_asset else _ASK_FIRST,
            "Content-Security-Policy": page_policy(request),
        },
    )
