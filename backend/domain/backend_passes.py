"""Passes by which backends know each other: short-lived, for one backend each, made with the common key."""

from dataclasses import dataclass, field
from typing import Protocol

from backend.domain.origin import Origin


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client whom its edge hands on to the home of its room: the sign-in, and where the client comes from."""

    session_id: str
    origin: Origin = field(default_factory=Origin)


class BackendPasses(Protocol):
    """Makes and checks passes. Implemented by `backend.security`."""

    def sign(self, to: str, visitor: Visitor | None = None) -> str:
        """Make a pass for the backend with the id `to`; with a visitor it lets that one in there."""

    def verify(self, token: str, to: str) -> Visitor | None:
        """Check a pass that came to the backend `to`, and return its visitor, if it is for one.

        Raises:
            backend.errors.Unauthorized: `TOKEN_EXPIRED`, or `INVALID_TOKEN` for everything else.
        """
