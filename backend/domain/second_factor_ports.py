"""What the second factor needs from outside: storage, one-time codes, encryption."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeptFactor:
    """A second factor as it is kept; the secret is encrypted. Not `enabled`: no code of it has come yet."""

    user_id: str
    sealed_secret: bytes
    enabled: bool


class SecondFactorRepository(Protocol):
    """The second factors, one a user at most."""

    async def get(self, user_id: str) -> KeptFactor | None:
        """Return a user's second factor, enabled or not."""

    async def set_up(self, user_id: str, sealed_secret: bytes, key_id: str) -> bool:
        """Keep a new secret that is not enabled yet, in place of such a one; False when one is enabled."""

    async def enable(self, factor: KeptFactor, step: int, code_hashes: Collection[bytes]) -> bool:
        """Enable exactly this secret, a code of `step` being used; False when another one is set up by now."""

    async def use_step(self, user_id: str, step: int) -> bool:
        """Use a time step up; False when it, or a later one, was used before."""

    async def use_backup_code(self, user_id: str, code_hash: bytes) -> bool:
        """Use a backup code up; False when there is no such code (any more)."""

    async def replace_backup_codes(self, user_id: str, code_hashes: Collection[bytes]) -> None:
        """Forget all backup codes and keep these."""

    async def backup_codes_left(self, user_id: str) -> int:
        """Return how many backup codes were not used yet."""

    async def remove(self, user_id: str) -> bool:
        """Forget secret and backup codes; False when none was enabled."""

    async def enabled_among(self, user_ids: Collection[str]) -> Collection[str]:
        """Return which of these users have an enabled second factor."""

    async def under_other_keys(self, key_id: str, after: str | None, limit: int) -> Sequence[KeptFactor]:
        """Return factors that are not encrypted under this key, of users after this one in order of id."""

    async def reseal(self, factor: KeptFactor, sealed_secret: bytes, key_id: str) -> None:
        """Replace how exactly this secret is encrypted."""


class OneTimeCodes(Protocol):
    """Codes of the moment (TOTP, RFC 6238)."""

    def new_secret(self) -> str:
        """Make a secret, in Base32."""

    def uri(self, secret: str, account: str) -> str:
        """Return the `otpauth://` address that authenticator apps read, mostly from a QR code."""

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """Return the time step around `at` that the code is of; None when it is of none."""


class Sealer(Protocol):
    """Encrypts secrets for storage."""

    @property
    def key_id(self) -> str:
        """What names the key that is used now."""

    def seal(self, secret: str) -> bytes:
        """Encrypt."""

    def unseal(self, sealed: bytes) -> str:
        """Decrypt.

        Raises:
            ValueError: no key of ours fits.
        """
