"""Passes between backends: JWT (RFC 7519) with the common key, of an audience of their own."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from backend.domain.backend_passes import Visitor
from backend.domain.origin import Origin
from backend.errors import Unauthorized
from backend.security.jwt_signer import CLOCK_SKEW_S, ISSUER
from backend.security.key_ring import KeyRing
from shared.ids import new_id

PASS_TYPE = "backend-pass+jwt"  # noqa: S105 -- what kind of token this is (RFC 8725 section 3.11)
LIFETIME_S = 30
"""A pass is used at once; this is for clocks that differ."""

_REQUIRED = ("iss", "aud", "jti", "nbf", "exp")


class JwtBackendPasses:
    """Implements `backend.domain.backend_passes.BackendPasses`."""

    def __init__(self, ring: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._clock = clock

    def sign(self, to: str, visitor: Visitor | None = None) -> str:
        """Make a pass for the backend with the id `to`; with a visitor it lets that one in there."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": _audience(to),
            "jti": new_id(),
            "nbf": now - CLOCK_SKEW_S,
            "exp": now + LIFETIME_S,
        }
        if visitor is not None:
            claims["sid"] = visitor.session_id
            claims["from"] = [visitor.origin.address, visitor.origin.user_agent]
        return self._ring.sign(claims, PASS_TYPE)

    def verify(self, token: str, to: str) -> Visitor | None:
        """Check a pass that came to the backend `to`, and return its visitor, if it is for one.

        Raises:
            Unauthorized: `TOKEN_EXPIRED` for a genuine pass past its time, else `INVALID_TOKEN`.
        """
        try:
            claims = self._ring.verify(token, PASS_TYPE, issuer=ISSUER, audience=_audience(to), required=_REQUIRED)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The pass has expired.", "TOKEN_EXPIRED") from None
        except jwt.InvalidTokenError:
            raise _invalid() from None
        return _visitor(claims)


def _visitor(claims: Mapping[str, Any]) -> Visitor | None:
    match claims:
        case {"sid": str(session_id), "from": [str() | None as address, str() | None as user_agent]}:
            return Visitor(session_id, Origin(address, user_agent))
        case {"sid": _}:
            raise _invalid()
    return None


def _audience(backend_id: str) -> str:
    return f"vtp-backend/{backend_id}"


def _invalid() -> Unauthorized:
    return Unauthorized("The pass is not valid.")
