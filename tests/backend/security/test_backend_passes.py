"""Passes between backends: made with the common key, for one backend, for a moment."""

import jwt
import pytest

from backend.domain.backend_passes import Visitor
from backend.domain.origin import Origin
from backend.domain.users import Role
from backend.errors import Unauthorized
from backend.security.backend_passes import LIFETIME_S, PASS_TYPE, JwtBackendPasses
from backend.security.jwt_signer import JwtSigner
from backend.security.key_ring import KeyRing
from tests.support.backend import JWT_SECRET

NOW = 1_800_000_000.0
OTHER_KEY = "zyxwvutsrqponmlkjihgfedcba9876543210ZYXWVUTS"


def passes(key: str = JWT_SECRET, now: float = NOW) -> JwtBackendPasses:
    return JwtBackendPasses(KeyRing(key), lambda: now)


def refusal(token: str, to: str = "home", by: JwtBackendPasses | None = None) -> str:
    with pytest.raises(Unauthorized) as raised:
        (by or JwtBackendPasses(KeyRing(JWT_SECRET))).verify(token, to)
    return raised.value.code


def test_a_pass_tells_its_backend_whose_session_it_is_for() -> None:
    signer = JwtBackendPasses(KeyRing(JWT_SECRET))
    for visitor in (Visitor("session"), Visitor("session", Origin("192.0.2.7", "Browser/1 🌍"))):
        assert signer.verify(signer.sign("home", visitor), "home") == visitor
    assert signer.verify(signer.sign("home"), "home") is None


def test_a_pass_for_another_backend_or_of_another_key_is_none() -> None:
    assert refusal(JwtBackendPasses(KeyRing(JWT_SECRET)).sign("elsewhere")) == "INVALID_TOKEN"
    assert refusal(JwtBackendPasses(KeyRing(OTHER_KEY)).sign("home")) == "INVALID_TOKEN"
    assert refusal("") == "INVALID_TOKEN"
    assert refusal("a.b.c") == "INVALID_TOKEN"


def test_a_pass_is_good_for_a_moment_only() -> None:
    assert refusal(passes(now=NOW).sign("home")) in {"INVALID_TOKEN", "TOKEN_EXPIRED"}, "it is of another time"
    assert refusal(passes(now=1_000_000_000.0).sign("home")) == "TOKEN_EXPIRED"
    assert LIFETIME_S <= 60


def test_an_access_token_is_no_pass_and_a_pass_no_access_token() -> None:
    signer = JwtSigner(KeyRing(JWT_SECRET), 900)
    assert refusal(signer.sign("user", "session", Role.ADMIN)) == "INVALID_TOKEN"
    with pytest.raises(Unauthorized):
        signer.verify(JwtBackendPasses(KeyRing(JWT_SECRET)).sign("home", Visitor("session")))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "vtp-api"},
        {"iss": "somebody"},
        {"sid": 7},
        {"exp": None},
        {"jti": None},
        {"from": None},
        {"from": "192.0.2.7"},
        {"from": [7, None]},
    ],
    ids=str,
)
def test_every_claim_counts(change: dict[str, object]) -> None:
    claims = jwt.decode(
        JwtBackendPasses(KeyRing(JWT_SECRET)).sign("home", Visitor("session")), options={"verify_signature": False}
    )
    changed = {name: value for name, value in (claims | change).items() if value is not None}
    forged = jwt.encode(changed, JWT_SECRET, "HS256", headers={"typ": PASS_TYPE})
    assert refusal(forged) == "INVALID_TOKEN"


def test_another_kind_of_token_with_the_same_claims_is_no_pass() -> None:
    claims = jwt.decode(JwtBackendPasses(KeyRing(JWT_SECRET)).sign("home"), options={"verify_signature": False})
    assert refusal(jwt.encode(claims, JWT_SECRET, "HS256", headers={"typ": "at+jwt"})) == "INVALID_TOKEN"
    assert refusal(jwt.encode(claims, "", "none", headers={"typ": PASS_TYPE})) == "INVALID_TOKEN"
