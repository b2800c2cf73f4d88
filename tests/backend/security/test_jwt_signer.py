"""Access tokens: what is accepted, and every way to be refused."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.auth_ports import AccessClaims
from backend.domain.users import Role
from backend.errors import Unauthorized
from backend.security.jwt_signer import AUDIENCE, ISSUER, TOKEN_TYPE, JwtSigner
from backend.security.key_ring import KeyRing, key_id

KEY = "k" * 16 + "0123456789abcdefghij"
OLD_KEY = "o" * 16 + "0123456789abcdefghij"
RING = KeyRing(KEY, [OLD_KEY])
SIGNER = JwtSigner(RING, 900)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user",
        "sid": "session",
        "jti": "id",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(
    payload: dict[str, Any],
    key: Any = KEY,
    algorithm: str = "HS256",
    typ: str | None = TOKEN_TYPE,
    **headers: Any,
) -> str:
    return jwt.encode(payload, key, algorithm, headers={"typ": typ, **headers})


def part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], key: bytes = KEY.encode()) -> str:
    """Make a token that no library would sign."""
    text = f"{part(header)}.{part(claims())}"
    signature = hmac.digest(key, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def refused(token: str) -> str:
    with pytest.raises(Unauthorized) as refusal:
        SIGNER.verify(token)
    return refusal.value.code


def test_a_token_says_whose_it_is() -> None:
    assert SIGNER.verify(SIGNER.sign("user", "session", Role.TEACHER)) == AccessClaims("user", "session")
    assert SIGNER.verify(signed(claims())) == AccessClaims("user", "session")


def test_no_two_tokens_are_the_same() -> None:
    assert SIGNER.sign("user", "session", Role.ADMIN) != SIGNER.sign("user", "session", Role.ADMIN)


def test_an_expired_token() -> None:
    hour_ago = time.time() - 3600
    assert (
        refused(JwtSigner(KeyRing(KEY), 60, lambda: hour_ago).sign("user", "session", Role.STUDENT))
        == "TOKEN_EXPIRED"
    )
    assert (
        refused(JwtSigner(KeyRing("x" * 40), 60, lambda: hour_ago).sign("u", "s", Role.STUDENT)) == "INVALID_TOKEN"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody else"},
        {"aud": "something else"},
        {"aud": [AUDIENCE]},
        {"aud": ["something else", AUDIENCE]},
        {"jti": 7},
        {"nbf": "now"},
        {"nbf": int(time.time()) + 3600},
        {"exp": "soon"},
        {"sub": 7},
        {"sid": 7},
        {"sid": {}},
        *({name: None} for name in ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")),
    ],
)
def test_wrong_claims(change: dict[str, Any]) -> None:
    assert refused(signed(claims(**change))) == "INVALID_TOKEN"


def test_another_key_and_another_kind() -> None:
    assert refused(signed(claims(), key="another key of thirty-two bytes!!")) == "INVALID_TOKEN"
    assert refused(signed(claims(), typ="JWT")) == "INVALID_TOKEN"
    assert refused(signed(claims(), typ=None)) == "INVALID_TOKEN"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_another_algorithm(algorithm: str) -> None:
    assert refused(signed(claims(), algorithm=algorithm)) == "INVALID_TOKEN"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS256"])
def test_no_signature(algorithm: str) -> None:
    header = part({"alg": algorithm, "typ": TOKEN_TYPE})
    signature = signed(claims()).rpartition(".")[2]
    for end in ("", signature):
        assert refused(f"{header}.{part(claims())}.{end}") == "INVALID_TOKEN"


def test_a_token_signed_with_a_public_key() -> None:
    """The old confusion: the verifier's public key, known to all, taken for an HMAC secret."""
    private = rsa.generate_private_key(65537, 2048)
    assert refused(signed(claims(), key=private, algorithm="RS256")) == "INVALID_TOKEN"
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert refused(by_hand({"alg": "HS256", "typ": TOKEN_TYPE}, key=public)) == "INVALID_TOKEN"
    assert refused(by_hand({"alg": "RS256", "typ": TOKEN_TYPE}, key=KEY.encode())) == "INVALID_TOKEN"
    headers = {"jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))}
    assert refused(signed(claims(), key=private, algorithm="RS256", **headers)) == "INVALID_TOKEN"


def test_a_former_key_is_honoured_until_it_is_dropped() -> None:
    old = JwtSigner(KeyRing(OLD_KEY), 900).sign("user", "session", Role.STUDENT)
    assert SIGNER.verify(old) == AccessClaims("user", "session")
    assert jwt.get_unverified_header(SIGNER.sign("user", "session", Role.STUDENT))["kid"] == key_id(KEY)
    with pytest.raises(Unauthorized):
        JwtSigner(KeyRing(KEY), 900).verify(old)


@pytest.mark.parametrize("kid", ["", "x", key_id("somebody else's"), "../../jwt_secret", "' OR 1=1 --", 7, [], {}])
def test_an_unknown_key_id(kid: Any) -> None:
    assert refused(by_hand({"alg": "HS256", "typ": TOKEN_TYPE, "kid": kid})) == "INVALID_TOKEN"


def test_by_hand_is_made_as_ours_are() -> None:
    for kid in ({}, {"kid": key_id(KEY)}):
        assert SIGNER.verify(by_hand({"alg": "HS256", "typ": TOKEN_TYPE, **kid})) == AccessClaims(
            "user", "session"
        )


def test_a_key_id_does_not_choose_the_key_of_another() -> None:
    assert refused(signed(claims(), key=OLD_KEY, kid=key_id(KEY))) == "INVALID_TOKEN"
    assert refused(signed(claims(), key=KEY, kid=key_id(OLD_KEY))) == "INVALID_TOKEN"
    assert refused(signed(claims(), key=OLD_KEY)) == "INVALID_TOKEN"


def test_a_key_id_tells_nothing_of_the_key() -> None:
    assert len({key_id(KEY), key_id(OLD_KEY), KEY[:16], OLD_KEY[:16]}) == 4
    assert KeyRing(KEY, [OLD_KEY, KEY]).keys == [KEY, OLD_KEY]


@given(st.text(max_size=200))
def test_any_other_text(text: str) -> None:
    assert refused(text) == "INVALID_TOKEN"


@given(st.data())
def test_a_changed_token(data: st.DataObject) -> None:
    token = SIGNER.sign("user", "session", Role.STUDENT)
    header, payload, _ = token.split(".")
    at = data.draw(st.integers(0, len(header) + len(payload)).filter(lambda index: token[index] != "."))
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda new: new != token[at]))
    assert refused(token[:at] + letter + token[at + 1 :]) == "INVALID_TOKEN"
