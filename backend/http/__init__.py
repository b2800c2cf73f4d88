"""The REST edge: routes, middlewares, schemas, and one handlers file a resource; and the page's files.

Handlers parse, call the domain and render; they hold no rule and no SQL. Put into the application by
`backend.app` through `setup_http`. May import `backend.domain`, `backend.keys`, `shared`, aiohttp, marshmallow and
prometheus-client.
"""

from backend.http.middlewares import MIDDLEWARES
from backend.http.routes import setup_http

__all__ = ["MIDDLEWARES", "setup_http"]
