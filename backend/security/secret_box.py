"""Encryption of secrets at rest, under keys derived from those that sign tokens."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.security.key_ring import KeyRing, key_id

_FERNET_KEY_BYTES = 32
_PURPOSE = b"vtp secrets at rest"
"""RFC 5869 section 3.2: what tells these keys from others that come of the same secret."""


class SecretBox:
    """Implements `backend.domain.second_factor_ports.Sealer` by Fernet (AES-128-CBC and HMAC-SHA256).

    What was sealed under a former key of the ring is still opened; sealed anew it is under the current one.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._fernet = MultiFernet([_fernet(key) for key in ring.keys])
        self._key_id = key_id(ring.keys[0])

    @property
    def key_id(self) -> str:
        """What names the key that is used now."""
        return self._key_id

    def seal(self, secret: str) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(secret.encode())

    def unseal(self, sealed: bytes) -> str:
        """Decrypt.

        Raises:
            ValueError: no key of ours fits.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise ValueError("no key of ours opens this") from None


def _fernet(key: str) -> Fernet:
    derived = HKDF(SHA256(), _FERNET_KEY_BYTES, salt=None, info=_PURPOSE).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
