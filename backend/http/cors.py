"""Cross-origin requests: allowed for the origins in `CORS_ORIGINS`, for nobody else."""

from aiohttp import hdrs, web

from backend import keys

_ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
_ALLOWED_HEADERS = "Authorization, Content-Type, X-Request-ID"
_EXPOSED_HEADERS = "Retry-After, X-Request-ID"
_MAX_AGE_S = 600
"""How long a browser may remember a preflight's answer."""


def preflight_response(request: web.Request) -> web.Response | None:
    """Answer a preflight request of an allowed origin; None when it is none."""
    asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    if not asks or not _is_allowed(request):
        return None
    return web.Response(
        status=204,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _ALLOWED_METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _ALLOWED_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(_MAX_AGE_S),
        },
    )


def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Let an allowed origin read the response. No cookies are in play, so no credentials are allowed."""
    if not request.app[keys.SETTINGS].cors_origins:
        return
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    if _is_allowed(request):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_HEADERS


def _is_allowed(request: web.Request) -> bool:
    return request.headers.get(hdrs.ORIGIN, "").lower() in request.app[keys.SETTINGS].cors_origins
