"""Where the request that is being served comes from: for the audit log and the list of sessions.

A context variable, since it says nothing about what is done and would otherwise go through every signature. Tasks
that a request starts inherit it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

MAX_USER_AGENT_LENGTH = 300
"""Real ones have some 150 characters; the rest would only fill the database."""

UNKNOWN_ADDRESS = "unknown"
"""Where a request comes from when the socket does not tell (a Unix socket)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address, behind proxies that we trust, and what its software calls itself."""

    address: str | None = None
    user_agent: str | None = None


_current: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 -- it is frozen


def current_origin() -> Origin:
    """Return the origin of the request being served; an empty one outside of requests."""
    return _current.get()


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Serve a request of this origin within the block."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
