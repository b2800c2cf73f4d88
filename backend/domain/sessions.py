"""Signing in and staying so: short access tokens, refresh tokens that serve once, sessions that can be ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.audit import AuditAction, AuditLog, Target, TargetType
from backend.domain.auth_ports import (
    AccessTokenSigner,
    Clock,
    PasswordHasher,
    ReusedToken,
    SessionRecord,
    SessionRepository,
)
from backend.domain.login_attempts import LoginAttempts
from backend.domain.origin import UNKNOWN_ADDRESS, current_origin
from backend.domain.pages import Page, PageRequest
from backend.domain.password_check import PasswordCheck, wrong_credentials, wrong_password
from backend.domain.passwords import require_strong
from backend.domain.ports import Identity, Presence, Transactions, UserRepository
from backend.domain.secret_values import MAX_SECRET_LENGTH, hash_secret, new_secret
from backend.domain.users import User
from backend.errors import NotFound, Unauthorized

MAX_SESSIONS_PER_USER = 1000
"""Devices and browsers of one account at once; one more ends the one that was not used for longest."""

TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105 -- the name of an error

SESSION_ENDED = "session-ended"
"""Why somebody left a class whose sign-in is over."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds while it is signed in. `expires_in_s` is the access token's lifetime."""

    access_token: str
    refresh_token: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user and the tokens of the sign-in."""

    user: User
    tokens: TokenPair


class Sessions:
    """Sign-in, refresh, sign-out. A session that ends takes its sockets and seats with it."""

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionRepository,
        check: PasswordCheck,
        hasher: PasswordHasher,
        signer: AccessTokenSigner,
        attempts: LoginAttempts,
        refresh_lifetime: timedelta,
        audit: AuditLog,
        transactions: Transactions,
        clock: Clock,
        presence: Presence,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._check = check
        self._hasher = hasher
        self._signer = signer
        self._attempts = attempts
        self._refresh_lifetime = refresh_lifetime
        self._audit = audit
        self._transactions = transactions
        self._clock = clock
        self._presence = presence

    async def login(self, email: str, password: str, code: str | None = None) -> SignedIn:
        """Sign in by email and password, and by a code where the account has a second factor.

        Raises:
            Unauthorized: `INVALID_CREDENTIALS`, the same and as late whether or not the account exists;
                `TOTP_REQUIRED`, `INVALID_TOTP`.
            TooManyAttempts: a limit is used up.
        """
        self._attempts.count_address(current_origin().address or UNKNOWN_ADDRESS)
        proven = await self._check.sign_in(email, password, code)
        user, factor = proven.user, proven.factor
        secret, now = new_secret(), self._clock()
        async with self._transactions.transaction():
            session_id = await self._sessions.start(
                user.id,
                proven.password_hash,
                hash_secret(secret),
                now,
                now + self._refresh_lifetime,
                current_origin(),
            )
            if session_id is None:
                raise wrong_credentials()
            details = {"second_factor": factor} if factor is not None else {}
            await self._audit.record(AuditAction.SIGN_IN, user, _target(session_id), details=details)
            surplus = await self._sessions.end_surplus(user.id, now, MAX_SESSIONS_PER_USER)
        await self._end_live(surplus)
        return self._signed_in(Identity(user, session_id), secret)

    async def refresh(self, refresh_token: str) -> SignedIn:
        """Exchange a refresh token for a new pair of tokens.

        Raises:
            Unauthorized: `TOKEN_INVALID`; if it had been used before, the whole session has ended.
        """
        secret, now = new_secret(), self._clock()
        rotated = None
        if len(refresh_token) <= MAX_SECRET_LENGTH:
            rotated = await self._rotate(refresh_token, secret, now)
        if isinstance(rotated, ReusedToken):
            await self._presence.end_session(rotated.session_id, SESSION_ENDED)
        if not isinstance(rotated, Identity):
            raise Unauthorized("The refresh token is not valid. Sign in again.", TOKEN_INVALID)
        return self._signed_in(rotated, secret)

    async def logout(self, identity: Identity, refresh_token: str) -> None:
        """End the session of the access token, and that of the refresh token if it is the same user's."""
        now, user, ended = self._clock(), identity.user, [identity.session_id]
        async with self._transactions.transaction():
            await self._sessions.end(identity.session_id, now)
            if len(refresh_token) <= MAX_SECRET_LENGTH:
                other = await self._sessions.end_by_token(hash_secret(refresh_token), user.id, now)
                ended += [other] if other is not None else []
            for session_id in ended:
                await self._audit.record(AuditAction.SIGN_OUT, user, _target(session_id))
        await self._end_live(ended)

    async def list(self, identity: Identity, page: PageRequest) -> Page[SessionRecord]:
        """Return one page of one's own sessions, the last used first."""
        return await self._sessions.list(identity.user.id, self._clock(), page)

    async def end(self, identity: Identity, session_id: str) -> None:
        """End one of one's own sessions, perhaps this one. Raises: NotFound `SESSION_NOT_FOUND`."""
        async with self._transactions.transaction():
            if not await self._sessions.end_own(identity.user.id, session_id, self._clock()):
                raise NotFound("You have no such session.", "SESSION_NOT_FOUND")
            await self._audit.record(AuditAction.SIGN_OUT, identity.user, _target(session_id))
        await self._end_live([session_id])

    async def change_password(self, identity: Identity, current: str, new: str) -> None:
        """Replace one's password; all other sessions of the user end.

        Raises:
            InvalidInput: `WRONG_PASSWORD` or `WEAK_PASSWORD`.
            TooManyAttempts: too many wrong ones.
        """
        require_strong(new, "new_password")
        user = identity.user
        old_hash = await self._check.require_password(user, current)
        new_hash = await self._hasher.hash(new)
        async with self._transactions.transaction():
            if not await self._users.replace_password_hash(user.id, old_hash, new_hash):
                raise wrong_password()  # by now
            ended = await self._sessions.end_all(user.id, self._clock(), keep_session_id=identity.session_id)
            await self._audit.record(AuditAction.PASSWORD_CHANGED, user, Target(TargetType.USER, user.id))
        await self._end_live(ended)

    async def _rotate(self, old: str, new: str, now: datetime) -> Identity | ReusedToken | None:
        async with self._transactions.transaction():
            expires_at = now + self._refresh_lifetime
            rotated = await self._sessions.rotate(hash_secret(old), hash_secret(new), now, expires_at)
            if isinstance(rotated, ReusedToken):
                await self._audit.record(AuditAction.REFRESH_REUSE, rotated.user, _target(rotated.session_id))
        return rotated

    async def _end_live(self, session_ids: Sequence[str]) -> None:
        for session_id in session_ids:
            await self._presence.end_session(session_id, SESSION_ENDED)

    def _signed_in(self, identity: Identity, secret: str) -> SignedIn:
        user = identity.user
        access = self._signer.sign(user.id, identity.session_id, user.role)
        return SignedIn(user, TokenPair(access, secret, self._signer.lifetime_s))


def _target(session_id: str) -> Target:
    return Target(TargetType.SESSION, session_id)
