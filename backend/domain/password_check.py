"""Is it really them? Password and second factor, with the limits on guessing either."""

from dataclasses import dataclass

from backend.domain.audit import AuditAction, AuditLog, Target, TargetType
from backend.domain.auth_ports import PasswordHasher
from backend.domain.login_attempts import LoginAttempts
from backend.domain.passwords import WRONG_PASSWORD
from backend.domain.ports import Credentials, UserRepository
from backend.domain.second_factor import TOTP_REQUIRED, SecondFactor, not_enabled, wrong_code
from backend.domain.users import User, is_email
from backend.errors import InvalidInput, Unauthorized

INVALID_CREDENTIALS = "INVALID_CREDENTIALS"


@dataclass(frozen=True, slots=True)
class Proven:
    """Who signs in, the password hash that fits, and which kind of second factor was used, if any."""

    user: User
    password_hash: str
    factor: str | None


class PasswordCheck:
    """Checks who signs in, and who does something that a stolen session must not be enough for."""

    def __init__(
        self,
        users: UserRepository,
        hasher: PasswordHasher,
        attempts: LoginAttempts,
        second_factor: SecondFactor,
        audit: AuditLog,
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._attempts = attempts
        self._second_factor = second_factor
        self._audit = audit

    async def sign_in(self, email: str, password: str, code: str | None) -> Proven:
        """Return whose email and password these are, and what proves it.

        An email that nobody has costs the same work as a wrong password: one look-up, one comparison, one entry.

        Raises:
            Unauthorized: `INVALID_CREDENTIALS`; `TOTP_REQUIRED` when only the code is missing; `INVALID_TOTP`.
            TooManyAttempts: a limit is used up.
        """
        found = await self._users.credentials_by_email(email.strip())
        async with self._attempts.attempt(_account(email, found)) as failed:
            matches = await self._hasher.verify(password, found.password_hash if found else None)
            if found is None or not matches or not found.user.active:
                failed()
                await self._note_failure(email, found, "password")
                raise wrong_credentials()
            try:
                used = await self._used_factor(found.user, code)
            except Unauthorized as error:
                if error.code != TOTP_REQUIRED:
                    failed()
                    await self._note_failure(email, found, "totp")
                raise
        return Proven(found.user, await self._renewed_hash(found, password), used)

    async def require_password(self, user: User, password: str) -> str:
        """Let pass who knows the password; return the hash that it fits.

        Raises:
            InvalidInput: `WRONG_PASSWORD`.
            TooManyAttempts: too many wrong ones.
        """
        found = await self._users.credentials_by_id(user.id)
        async with self._attempts.attempt(user.id) as failed:
            matches = await self._hasher.verify(password, found.password_hash if found else None)
            if found is None or not matches:
                failed()
                raise wrong_password()
            return found.password_hash

    async def require_code(self, user: User, code: str) -> None:
        """Let pass who has the second factor; the code is used up.

        Raises:
            Conflict: `TOTP_NOT_ENABLED`.
            Unauthorized: `INVALID_TOTP`.
            TooManyAttempts: too many wrong ones.
        """
        if not await self._second_factor.is_enabled(user.id):
            raise not_enabled()
        async with self._attempts.attempt(user.id) as failed, self._attempts.code_attempt(user.id) as code_failed:
            if await self._second_factor.passes(user.id, code) is None:
                failed()
                code_failed()
                raise wrong_code()

    async def enable_second_factor(self, user: User, code: str) -> list[str]:
        """Turn on what was set up, by a code of it; return the backup codes.

        Raises:
            Conflict: `TOTP_ENABLED` or `TOTP_NOT_SET_UP`.
            Unauthorized: `INVALID_TOTP`.
            TooManyAttempts: too many wrong ones.
        """
        async with self._attempts.attempt(user.id) as failed, self._attempts.code_attempt(user.id) as code_failed:
            backup_codes = await self._second_factor.enable(user, code)
            if backup_codes is None:
                failed()
                code_failed()
                raise wrong_code()
            return backup_codes

    async def _used_factor(self, user: User, code: str | None) -> str | None:
        if not await self._second_factor.is_enabled(user.id):
            return None
        if not code:
            raise Unauthorized("A code of the second factor is needed.", TOTP_REQUIRED)
        async with self._attempts.code_attempt(user.id) as failed:
            used = await self._second_factor.passes(user.id, code)
            if used is None:
                failed()
                raise wrong_code()
            return used

    async def _renewed_hash(self, found: Credentials, password: str) -> str:
        """Hash anew what was hashed with another work factor: all comparisons are to take the same time."""
        if self._hasher.is_current(found.password_hash):
            return found.password_hash
        new_hash = await self._hasher.hash(password)
        if await self._users.replace_password_hash(found.user.id, found.password_hash, new_hash):
            return new_hash
        now = await self._users.credentials_by_id(found.user.id)  # renewed by another sign-in, or a new password
        if now is None or not await self._hasher.verify(password, now.password_hash):
            raise wrong_credentials()
        return now.password_hash

    async def _note_failure(self, email: str, found: Credentials | None, reason: str) -> None:
        """Note a failed sign-in, with the email that was given; what is none may be a password in its place."""
        target = Target(TargetType.USER, found.user.id) if found is not None else None
        claimed = email.strip() if is_email(email) else None
        details = {"reason": reason}
        await self._audit.record(AuditAction.SIGN_IN_FAILED, None, target, email=claimed, details=details)


def wrong_credentials() -> Unauthorized:
    """Make the error that says as little as possible."""
    return Unauthorized("Email or password is wrong.", INVALID_CREDENTIALS)


def wrong_password() -> InvalidInput:
    """Make the error for somebody signed in who does not know the password."""
    return InvalidInput("The current password is wrong.", WRONG_PASSWORD)


def _account(email: str, found: Credentials | None) -> str:
    """Return what an attempt counts for: the account, however its email is spelt, or an email that nobody has."""
    return found.user.id if found is not None else email.strip().lower()
