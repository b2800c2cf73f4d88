"""From values to answers: compact JSON, as the services' clients compare it byte by byte in health checks."""

import json
from functools import partial
from typing import Any

from aiohttp import web

to_json = partial(json.dumps, separators=(",", ":"))
"""Write a value as JSON without a space too many."""


def json_response(data: Any, status: int = 200) -> web.Response:
    """Answer with a value as JSON."""
    return web.json_response(data, status=status, dumps=to_json)
