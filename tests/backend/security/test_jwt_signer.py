"""Access tokens: what is accepted, and every way to be refused."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.auth_ports import AccessClaims
from backend.domain.users import Role
from backend.errors import Unauthorized
from backend.security.jwt_signer import AUDIENCE, ISSUER, TOKEN_TYPE, JwtSigner

KEY = "k" * 16 + "0123456789abcdefghij"
SIGNER = JwtSigner(KEY, 900)


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


def signed(payload: dict[str, Any], key: str = KEY, algorithm: str = "HS256", typ: str | None = TOKEN_TYPE) -> str:
    return jwt.encode(payload, key, algorithm, headers={"typ": typ})


def part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


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
    assert refused(JwtSigner(KEY, 60, lambda: hour_ago).sign("user", "session", Role.STUDENT)) == "TOKEN_EXPIRED"
    assert refused(JwtSigner("x" * 40, 60, lambda: hour_ago).sign("u", "s", Role.STUDENT)) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody else"},
        {"aud": "something else"},
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
