"""Is the service alive, and can it take a class?"""

from datetime import UTC, datetime

from aiohttp import web

from sfu.api.keys import POOL
from sfu.api.responses import json_response


async def health(request: web.Request) -> web.Response:
    """`GET /health`: 200 while at least one media worker is up, else 503. Asks nobody, so it is always quick."""
    ready = bool(request.app[POOL].ready_workers)
    return _answer(ready)


async def live(_request: web.Request) -> web.Response:
    """`GET /health/live`: the process answers."""
    return json_response({"status": "ok", "timestamp": _now()})


async def ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: 200 when at least one media worker really answers, else 503."""
    return _answer(await request.app[POOL].any_answers())


def _answer(ready: bool) -> web.Response:
    body = {
        "status": "ok" if ready else "degraded",
        "timestamp": _now(),
        "worker": "ready" if ready else "not-ready",
    }
    return json_response(body, status=200 if ready else 503)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
