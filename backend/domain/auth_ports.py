"""What signing in needs from outside: sessions in storage, password hashing, token signatures.

Implemented by `backend.storage` (repositories) and `backend.security` (cryptography).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.origin import Origin
from backend.domain.pages import Page, PageRequest
from backend.domain.ports import Identity
from backend.domain.users import Role, User

Clock = Callable[[], datetime]
"""Returns the present moment in UTC."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a valid access token says: whose it is and which sign-in it comes from."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A sign-in as its user sees it. `origin` is where it was made from; it is used when tokens are refreshed."""

    id: str
    started_at: datetime
    last_used_at: datetime
    expires_at: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReusedToken:
    """A refresh token came a second time, so the session it belongs to has ended."""

    user: User
    session_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The answer to who wants to make an attempt.

    `id` names the hold. Without one the failures are used up for `retry_after_s` (whole seconds), or, when that is
    0, attempts that run hold all that are left.
    """

    id: str | None = None
    retry_after_s: int = 0


class FailureRepository(Protocol):
    """Attempts that failed, or whose end is not known yet, by the hash of what they count for."""

    async def hold(self, key: bytes, limit: int, window_s: float) -> Hold:
        """Hold one of `limit` failures within `window_s` seconds, if one is left."""

    async def settle(self, hold_id: str, *, failed: bool) -> None:
        """Make a held attempt a failure, or forget it."""


class PasswordHasher(Protocol):
    """Slow, salted password hashes, worked out off the event loop."""

    async def hash(self, password: str) -> str:
        """Return the hash of a password that passed `passwords.require_strong`.

        Raises:
            backend.errors.NotAvailable: too many passwords wait already.
        """

    def is_current(self, password_hash: str) -> bool:
        """Tell whether a hash takes as much work as a new one."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password fits; takes as long when there is no hash, and then says no.

        Raises:
            backend.errors.NotAvailable: too many passwords wait already.
        """


class AccessTokenSigner(Protocol):
    """Signed access tokens."""

    @property
    def lifetime_s(self) -> int:
        """How long a token is good for."""

    def sign(self, user_id: str, session_id: str, role: Role) -> str:
        """Make a token that starts to count now."""

    def verify(self, token: str) -> AccessClaims:
        """Check signature, times and use, and return the claims.

        Raises:
            backend.errors.Unauthorized: `TOKEN_EXPIRED`, or `INVALID_TOKEN` for everything else.
        """


class SessionRepository(Protocol):
    """Sign-ins. Each is a family of refresh tokens that replace one another; tokens are kept as hashes only."""

    async def start(
        self,
        user_id: str,
        password_hash: str,
        token_hash: bytes,
        now: datetime,
        expires_at: datetime,
        origin: Origin,
    ) -> str | None:
        """Begin a session with its first refresh token; return its id.

        None when the user is gone or inactive, or has another password hash by now than the one that was checked:
        what ended all sessions meanwhile is not to miss this one.
        """

    async def list(self, user_id: str, now: datetime, page: PageRequest) -> Page[SessionRecord]:
        """Return one page of a user's sessions that are not over, the last used first."""

    async def rotate(
        self, token_hash: bytes, new_hash: bytes, now: datetime, expires_at: datetime
    ) -> Identity | ReusedToken | None:
        """Use a refresh token up and put a new one in its place.

        None when it is unknown, expired, or its session or user is not active. A token that was used before is in
        two hands, one of them a thief's: its whole session ends, and the answer says which; once it has ended,
        None.
        """

    async def identity(self, session_id: str) -> Identity | None:
        """Return who a session belongs to, or None when it ended or its user is not active."""

    async def end(self, session_id: str, now: datetime) -> None:
        """End a session."""

    async def end_own(self, user_id: str, session_id: str, now: datetime) -> bool:
        """End a session of this user; False when there is no such session, or it is over."""

    async def end_surplus(self, user_id: str, now: datetime, keep: int) -> Sequence[str]:
        """End all sessions of a user but the last used ones; return the ids of those that ended."""

    async def end_by_token(self, token_hash: bytes, user_id: str, now: datetime) -> str | None:
        """End the session that a refresh token of this user belongs to; its id, None when there is none to end."""

    async def end_all(self, user_id: str, now: datetime, keep_session_id: str | None = None) -> Sequence[str]:
        """End all sessions of a user, perhaps but one; return the ids of those that ended."""


class TicketRepository(Protocol):
    """One-use tickets, kept as hashes."""

    async def add(self, ticket_hash: bytes, session_id: str, expires_at: datetime) -> None:
        """Keep a ticket of a session."""

    async def take(self, ticket_hash: bytes, now: datetime) -> Identity | None:
        """Remove a ticket and return whose it is; None when there is none, it expired, or its session is over."""

    async def holds(self, ticket_hash: bytes, now: datetime) -> bool:
        """Tell whether `take` would return somebody now."""
