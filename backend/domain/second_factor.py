"""The second factor: a code of the moment from an app, or one of ten backup codes."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from backend.domain.audit import AuditAction, AuditLog, Target, TargetType
from backend.domain.auth_ports import Clock
from backend.domain.permissions import Action, require
from backend.domain.ports import Transactions, UserRepository
from backend.domain.second_factor_ports import KeptFactor, OneTimeCodes, Sealer, SecondFactorRepository
from backend.domain.secret_values import hash_secret
from backend.domain.users import User
from backend.errors import Conflict, NotFound, Unauthorized
from shared.logging import get_logger

BACKUP_CODES = 10
BACKUP_CODE_LENGTH = 16
"""80 bits: beyond guessing, so a plain fast hash protects them at rest."""

BACKUP_CODE_GROUP = 4
_BACKUP_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"
"""Crockford's Base32: nothing that looks like something else."""

_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": ""})

TOTP_DIGITS = 6
MAX_CODE_LENGTH = 64
"""A backup code with its dashes has 19 characters, and people type spaces."""

INVALID_TOTP = "INVALID_TOTP"
TOTP_REQUIRED = "TOTP_REQUIRED"

_RESEAL_BATCH = 500

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SecondFactorStatus:
    """What one may know of one's own second factor."""

    enabled: bool
    backup_codes_left: int


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What an authenticator app needs; shown this once."""

    secret: str
    uri: str


class SecondFactor:
    """Sets second factors up, checks them, and takes them away. The password is the caller's to check."""

    def __init__(
        self,
        factors: SecondFactorRepository,
        users: UserRepository,
        codes: OneTimeCodes,
        sealer: Sealer,
        audit: AuditLog,
        transactions: Transactions,
        clock: Clock,
    ) -> None:
        self._factors = factors
        self._users = users
        self._codes = codes
        self._sealer = sealer
        self._audit = audit
        self._transactions = transactions
        self._clock = clock

    async def status(self, user_id: str) -> SecondFactorStatus:
        """Tell whether it is on, and how many backup codes are left."""
        enabled = await self.is_enabled(user_id)
        return SecondFactorStatus(enabled, await self._factors.backup_codes_left(user_id) if enabled else 0)

    async def is_enabled(self, user_id: str) -> bool:
        """Tell whether signing in asks for it."""
        factor = await self._factors.get(user_id)
        return factor is not None and factor.enabled

    async def enabled_among(self, user_ids: Collection[str]) -> Collection[str]:
        """Return which of these users have it on."""
        return await self._factors.enabled_among(user_ids)

    async def set_up(self, user: User) -> NewSecret:
        """Make a secret; it counts once `enable` has seen a code of it. Raises: Conflict `TOTP_ENABLED`."""
        secret = self._codes.new_secret()
        if not await self._factors.set_up(user.id, self._sealer.seal(secret), self._sealer.key_id):
            raise Conflict("The second factor is on already. Turn it off first.", "TOTP_ENABLED")
        return NewSecret(secret, self._codes.uri(secret, user.email))

    async def enable(self, user: User, code: str) -> list[str] | None:
        """Turn it on and return the backup codes; None when the code is wrong.

        Raises:
            Conflict: `TOTP_ENABLED`, or `TOTP_NOT_SET_UP`.
        """
        factor = await self._factors.get(user.id)
        if factor is None:
            raise Conflict("Set the second factor up first.", "TOTP_NOT_SET_UP")
        if factor.enabled:
            raise Conflict("The second factor is on already.", "TOTP_ENABLED")
        step, backup = self._step_of(factor, _typed(code)), _new_backup_codes()
        if step is None:
            return None
        async with self._transactions.transaction():
            if not await self._factors.enable(factor, step, [_hash(one) for one in backup]):
                return None
            await self._audit.record(AuditAction.TOTP_ENABLED, user, _target(user.id))
        return backup

    async def passes(self, user_id: str, code: str) -> str | None:
        """Use a code up; returns which kind it was, `totp` or `backup-code`, None when it is wrong or used."""
        factor = await self._factors.get(user_id)
        if factor is None or not factor.enabled or len(code) > MAX_CODE_LENGTH:
            return None
        typed = _typed(code)
        if len(typed) == TOTP_DIGITS:
            step = self._step_of(factor, typed)
            return "totp" if step is not None and await self._factors.use_step(user_id, step) else None
        return "backup-code" if await self._factors.use_backup_code(user_id, _hash(typed)) else None

    async def disable(self, user: User) -> None:
        """Turn one's own off. Raises: Conflict `TOTP_NOT_ENABLED`."""
        if not await self._remove(user, user.id):
            raise not_enabled()

    async def renew_backup_codes(self, user: User) -> list[str]:
        """Make new backup codes in place of all former ones."""
        codes = _new_backup_codes()
        async with self._transactions.transaction():
            await self._factors.replace_backup_codes(user.id, [_hash(one) for one in codes])
        return codes

    async def reset(self, by: User, user_id: str) -> None:
        """Turn somebody's off who has lost it; does nothing when it is off.

        Raises:
            NotAllowed: only admins may.
            NotFound: `USER_NOT_FOUND`.
        """
        require(by, Action.MANAGE_USERS)
        if await self._users.get(user_id) is None:
            raise NotFound("There is no such user.", "USER_NOT_FOUND")
        await self._remove(by, user_id)

    async def reseal_all(self) -> int:
        """Encrypt under the current key what is not; then former keys may go. Returns how many no key opens."""
        lost, after = 0, None
        while batch := await self._factors.under_other_keys(self._sealer.key_id, after, _RESEAL_BATCH):
            for factor in batch:
                lost += not await self._resealed(factor)
            after = batch[-1].user_id
        if lost:
            _log.warning("second factors that no key opens: JWT_PREVIOUS_SECRETS lacks one", count=lost)
        return lost

    async def _resealed(self, factor: KeptFactor) -> bool:
        try:
            secret = self._sealer.unseal(factor.sealed_secret)
        except ValueError:
            return False
        await self._factors.reseal(factor, self._sealer.seal(secret), self._sealer.key_id)
        return True

    async def _remove(self, by: User, user_id: str) -> bool:
        async with self._transactions.transaction():
            removed = await self._factors.remove(user_id)
            if removed:
                await self._audit.record(AuditAction.TOTP_DISABLED, by, _target(user_id))
        return removed

    def _step_of(self, factor: KeptFactor, typed: str) -> int | None:
        try:
            secret = self._sealer.unseal(factor.sealed_secret)
        except ValueError:
            _log.warning("a second factor that no key opens", user_id=factor.user_id)
            return None
        return self._codes.step_of(secret, typed, self._clock())


def not_enabled() -> Conflict:
    """Make the error for somebody who has no second factor."""
    return Conflict("The second factor is not on.", "TOTP_NOT_ENABLED")


def wrong_code() -> Unauthorized:
    """Make the error for a code that is wrong, too old, or used."""
    return Unauthorized("The code is wrong, too old, or was used already.", INVALID_TOTP)


def _target(user_id: str) -> Target:
    return Target(TargetType.USER, user_id)


def _new_backup_codes() -> list[str]:
    return [_new_backup_code() for _ in range(BACKUP_CODES)]


def _new_backup_code() -> str:
    letters = "".join(secrets.choice(_BACKUP_ALPHABET) for _ in range(BACKUP_CODE_LENGTH))
    return "-".join(letters[at : at + BACKUP_CODE_GROUP] for at in range(0, len(letters), BACKUP_CODE_GROUP))


def _typed(code: str) -> str:
    """Return a code as it was meant: people type spaces, dashes, small letters, and O for 0."""
    return "".join(code.split()).upper().translate(_MISREAD)


def _hash(code: str) -> bytes:
    return hash_secret(_typed(code))
