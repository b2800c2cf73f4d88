"""Is the service alive, and can it take a class?"""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sfu.api.keys import POOL, ROOMS
from sfu.api.responses import json_response


async def health(request: web.Request) -> web.Response:
    """`GET /health`: 200 while at least one media worker is up, else 503. Asks nobody, so it is always quick."""
    return _answer(request, well=bool(request.app[POOL].ready_workers))


async def live(_request: web.Request) -> web.Response:
    """`GET /health/live`: the process answers."""
    return json_response({"status": "ok", "timestamp": _now()})


async def ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: 200 when a media worker really answers and new rooms are taken, else 503."""
    answers = await request.app[POOL].any_answers()
    response = _answer(request, well=answers)
    if request.app[ROOMS].draining:
        response.set_status(503)
    return response


def _answer(request: web.Request, *, well: bool) -> web.Response:
    body: dict[str, Any] = {
        "status": "ok" if well else "degraded",
        "timestamp": _now(),
        "worker": "ready" if well else "not-ready",
    }
    if request.app[ROOMS].draining:
        body["draining"] = True
    return json_response(body, status=200 if well else 503)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
