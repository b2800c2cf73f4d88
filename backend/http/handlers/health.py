"""Is the service well? For people, load balancers and orchestrators."""

from aiohttp import web

from backend import keys
from backend.errors import DATABASE_RETRY_S
from backend.http.responses import json_response
from backend.http.schemas.health import HealthAnswer, LiveAnswer, ReadyAnswer
from shared import __version__
from shared.operations import operation

SERVICE_NAME = "vtp-platform"


@operation({200: HealthAnswer, 503: HealthAnswer})
async def health(request: web.Request) -> web.Response:
    """`GET /health`: 200 while people can sign in, also without the SFU; 503 when the database is gone."""
    database = await request.app[keys.DATABASE].reachable()
    sfu = await request.app[keys.PRESENCE].sfu_available()
    response = json_response(
        {
            "status": "ok" if database else "degraded",
            "service": SERVICE_NAME,
            "version": __version__,
            "database": _state(database),
            "sfu": _state(sfu),
        },
        200 if database else 503,
    )
    return response if database else _later(response)


@operation({200: LiveAnswer})
async def live(_request: web.Request) -> web.Response:
    """`GET /health/live`: the process answers; if not, restart it."""
    return json_response({"status": "ok"})


@operation({200: LiveAnswer, 503: ReadyAnswer})
async def ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: send requests here, or not now."""
    if await request.app[keys.DATABASE].reachable():
        return json_response({"status": "ok"})
    return _later(json_response({"status": "degraded", "database": _state(False)}, 503))


def _later(response: web.Response) -> web.Response:
    response.headers["Retry-After"] = str(DATABASE_RETRY_S)
    return response


def _state(is_up: bool) -> str:
    return "ok" if is_up else "unavailable"
