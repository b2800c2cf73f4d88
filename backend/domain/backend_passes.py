"""Passes by which backends know each other: short-lived, for one backend each, made with the common key."""

from typing import Protocol


class BackendPasses(Protocol):
    """Makes and checks passes. Implemented by `backend.security`."""

    def sign(self, to: str, session_id: str | None = None) -> str:
        """Make a pass for the backend with the id `to`; with a session it lets that session's user in there."""

    def verify(self, token: str, to: str) -> str | None:
        """Check a pass that came to the backend `to`, and return its session, if it is for one.

        Raises:
            backend.errors.Unauthorized: `TOKEN_EXPIRED`, or `INVALID_TOKEN` for everything else.
        """
