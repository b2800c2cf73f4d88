"""From values to answers: compact JSON, as the services' clients compare it byte by byte in health checks."""

import json
from typing import Any

from aiohttp import web

to_json = json.JSONEncoder(separators=(",", ":")).encode
"""Write a value as JSON without a space too many."""


def json_response(data: Any, status: int = 200) -> web.Response:
    """Answer with a value as JSON."""
    return encoded_response(to_json(data), status)


def encoded_response(text: str, status: int = 200) -> web.Response:
    """Answer with what is JSON already."""
    return web.Response(text=text, status=status, content_type="application/json")
