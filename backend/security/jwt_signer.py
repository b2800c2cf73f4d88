"""Access tokens: JWT (RFC 7519), signed with HS256 and nothing else."""

import time
from collections.abc import Callable
from typing import Any

import jwt

from backend.domain.auth_ports import AccessClaims
from backend.domain.users import Role
from backend.errors import Unauthorized
from shared.ids import new_id

ALGORITHM = "HS256"
"""Pinned: a token does not choose how it is checked (RFC 8725 section 3.1)."""

ISSUER = "vtp-platform"
AUDIENCE = "vtp-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105 -- RFC 9068 section 2.1: what kind of token this is
CLOCK_SKEW_S = 5
"""How far the clocks of two backends may be apart."""

_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")


class JwtSigner:
    """Makes and checks access tokens with one key."""

    def __init__(self, key: str, lifetime_s: int, clock: Callable[[], float] = time.time) -> None:
        self._key = key
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
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TOKEN_TYPE})

    def verify(self, token: str) -> AccessClaims:
        """Check signature, issuer, audience, times and kind.

        Raises:
            Unauthorized: `TOKEN_EXPIRED` for a genuine token past its time, else `INVALID_TOKEN`.
        """
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=0,
                options={"require": list(_REQUIRED), "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The access token has expired.", "TOKEN_EXPIRED") from None
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise _invalid() from None
        claims = decoded["payload"]
        if decoded["header"].get("typ") != TOKEN_TYPE or not isinstance(claims["sid"], str):
            raise _invalid()
        return AccessClaims(user_id=claims["sub"], session_id=claims["sid"])


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not valid.", "INVALID_TOKEN")
