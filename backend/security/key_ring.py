"""The keys that tokens are signed with: one that signs, and former ones that are still honoured."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

ALGORITHM = "HS256"
"""Pinned: a token does not choose how it is checked (RFC 8725 section 3.1)."""

_KEY_ID_BYTES = 8


class KeyRing:
    """Signs and checks JWTs (RFC 7519). `kid` in a token's header says which key it is of.

    To change the key, make a new one the current and keep the old among the previous for as long as its tokens
    live; on several backends name the new one among the previous of all of them first.
    """

    def __init__(self, current: str, previous: Sequence[str] = ()) -> None:
        self._current = current
        self._keys = {key_id(key): key for key in (*reversed(previous), current)}

    @property
    def keys(self) -> Sequence[str]:
        """All keys, the current one first."""
        return [self._current, *(key for key in self._keys.values() if key != self._current)]

    def sign(self, claims: Mapping[str, Any], kind: str) -> str:
        """Make a token of the claims; `kind` becomes `typ` of its header (RFC 8725 section 3.11)."""
        headers = {"typ": kind, "kid": key_id(self._current)}
        return jwt.encode(dict(claims), self._current, ALGORITHM, headers=headers)

    def verify(
        self, token: str, kind: str, *, issuer: str, audience: str, required: Sequence[str]
    ) -> dict[str, Any]:
        """Check signature, kind, issuer, audience, times and the presence of required claims; return the claims.

        Raises:
            jwt.ExpiredSignatureError: it is genuine and its time is over.
            jwt.InvalidTokenError: anything else is wrong with it.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key_of(header),
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=issuer,
                leeway=0,
                options={"require": list(required), "verify_iat": False, "strict_aud": True},
            )
        except (ValueError, RecursionError) as error:
            raise jwt.InvalidTokenError from error
        if header.get("typ") != kind:
            raise jwt.InvalidTokenError("another kind of token")
        return claims

    def _key_of(self, header: Mapping[str, Any]) -> str:
        """Find the key; a token without `kid` can only be of the current one."""
        wanted = header.get("kid")
        key = self._current if wanted is None else self._keys.get(wanted)
        if key is None:
            raise jwt.InvalidTokenError("no key of ours")
        return key


def key_id(key: str) -> str:
    """Return what names a key without telling anything of it."""
    return hmac.digest(key.encode(), b"vtp key id", hashlib.sha256)[:_KEY_ID_BYTES].hex()
