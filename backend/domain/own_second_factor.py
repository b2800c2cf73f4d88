"""One's own second factor, as its owner turns it on and off: never by a session alone."""

from backend.domain.password_check import PasswordCheck
from backend.domain.second_factor import NewSecret, SecondFactor, SecondFactorStatus
from backend.domain.users import User


class OwnSecondFactor:
    """What one may do with one's own second factor.

    Every method but `status` may raise `TooManyAttempts`; a wrong password is `InvalidInput` `WRONG_PASSWORD`, a
    wrong code `Unauthorized` `INVALID_TOTP`.
    """

    def __init__(self, factor: SecondFactor, check: PasswordCheck) -> None:
        self._factor = factor
        self._check = check

    async def status(self, user: User) -> SecondFactorStatus:
        """Tell whether it is on, and how many backup codes are left."""
        return await self._factor.status(user.id)

    async def set_up(self, user: User, password: str) -> NewSecret:
        """Make a secret; it counts once `enable` has seen a code of it. Raises: Conflict `TOTP_ENABLED`."""
        await self._check.require_password(user, password)
        return await self._factor.set_up(user)

    async def enable(self, user: User, code: str) -> list[str]:
        """Turn it on and return the backup codes. Raises: Conflict `TOTP_ENABLED` or `TOTP_NOT_SET_UP`."""
        return await self._check.enable_second_factor(user, code)

    async def disable(self, user: User, password: str, code: str) -> None:
        """Turn it off. Raises: Conflict `TOTP_NOT_ENABLED`."""
        await self._check.require_password(user, password)
        await self._check.require_code(user, code)
        await self._factor.disable(user)

    async def renew_backup_codes(self, user: User, code: str) -> list[str]:
        """Make new backup codes in place of all former ones. Raises: Conflict `TOTP_NOT_ENABLED`."""
        await self._check.require_code(user, code)
        return await self._factor.renew_backup_codes(user)
