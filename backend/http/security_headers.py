"""Headers that tell a browser what our answers may not do."""

import re

from aiohttp import hdrs, web

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"

SERVER = "vtp"
"""Instead of the versions of our libraries, which are nobody's business."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}


def add_security_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Set the headers on any response; those that a handler chose itself stay."""
    response.headers[hdrs.SERVER] = SERVER
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _API_POLICY)
    if request.path.startswith("/api/"):
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def page_policy(request: web.Request) -> str:
    """Return the page's Content-Security-Policy: our own files, API and WebSocket, and no inline code.

    The WebSocket's origins are named beside 'self', which some browsers take for http(s) only.
    """
    sockets = f" ws://{request.host} wss://{request.host}" if _HOST.fullmatch(request.host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "media-src 'self' blob: mediastream:",
            f"connect-src 'self'{sockets}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
