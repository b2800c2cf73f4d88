"""Codes of the moment: TOTP (RFC 6238) as all authenticator apps have it, SHA-1, six digits, thirty seconds."""

import base64
import hmac
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from backend.domain.second_factor import TOTP_DIGITS

STEP_S = 30
SECRET_BYTES = 20
"""RFC 4226 section 4: the size of the hash, 160 bits."""

DRIFT_STEPS = 1
"""RFC 6238 section 5.2: one step for a clock that is off and for the time it takes to type."""

ISSUER = "VTP"
"""What the app shows beside the account."""


class TotpCodes:
    """Implements `backend.domain.second_factor_ports.OneTimeCodes`."""

    def new_secret(self) -> str:
        """Make a secret, in Base32."""
        return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()

    def uri(self, secret: str, account: str) -> str:
        """Return the `otpauth://` address that authenticator apps read."""
        return _totp(secret).get_provisioning_uri(account, ISSUER)

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """Return the time step around `at` that the code is of, of several the latest; None when it is of none."""
        now, totp, found = int(at.timestamp()) // STEP_S, _totp(secret), None
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
            if hmac.compare_digest(totp.generate(step * STEP_S), code.encode("utf-8", "surrogatepass")):
                found = step
        return found


def _totp(secret: str) -> TOTP:
    # SHA-1 is what apps have; in HMAC nothing is known against it (RFC 6194 section 3.3).
    return TOTP(base64.b32decode(secret), TOTP_DIGITS, SHA1(), STEP_S)  # noqa: S303 -- as said
