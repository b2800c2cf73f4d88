"""Access tokens: JWT (RFC 7519), signed with HS256 and nothing else, in the profile of RFC 9068."""

import time
from collections.abc import Callable
from typing import Any

import jwt

from backend.domain.auth_ports import AccessClaims
from backend.domain.users import Role
from backend.errors import Unauthorized
from backend.security.key_ring import KeyRing
from shared.ids import new_id

ISSUER = "vtp-platform"
AUDIENCE = "vtp-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105 -- RFC 9068 section 2.1: what kind of token this is
CLOCK_SKEW_S = 5
"""How far the clocks of two backends may be apart."""

_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")


class JwtSigner:
    """Makes and checks access tokens."""

    def __init__(self, ring: KeyRing, lifetime_s: int, clock: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._lifetime_s = lifetime_s
        self._clock = clock

    @property
    def lifetime_s(self) -> int:
        """How long a token is good for."""
        return self._lifetime_s

    def sign(self, user_id: str, session_id: str, role: Role) -> str:
        """Make a token. The role is there for whoever reads it; what counts is the database's."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "role": role.value,
            "jti": new_id(),
            "iat": now,
            "nbf": now - CLOCK_SKEW_S,
            "exp": now + self._lifetime_s,
        }
        return self._ring.sign(claims, TOKEN_TYPE)

    def verify(self, token: str) -> AccessClaims:
        """Check signature, issuer, audience, times and kind.

        Raises:
            Unauthorized: `TOKEN_EXPIRED` for a genuine token past its time, else `INVALID_TOKEN`.
        """
        try:
            claims = self._ring.verify(token, TOKEN_TYPE, issuer=ISSUER, audience=AUDIENCE, required=_REQUIRED)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The access token has expired.", "TOKEN_EXPIRED") from None
        except jwt.InvalidTokenError:
            raise _invalid() from None
        if not isinstance(claims["sid"], str):
            raise _invalid()
        return AccessClaims(user_id=claims["sub"], session_id=claims["sid"])


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not valid.", "INVALID_TOKEN")
