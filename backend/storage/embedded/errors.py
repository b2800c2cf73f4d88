"""The one error of the embedded server."""

from backend.errors import StartError


class EmbeddedError(StartError):
    """The embedded PostgreSQL cannot be used here. The message says why and what to do instead."""
