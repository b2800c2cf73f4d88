"""Codes of the moment, by the vectors of RFC 6238 appendix B; and how their secrets are kept."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.security.key_ring import KeyRing
from backend.security.secret_box import SecretBox
from backend.security.totp import TotpCodes

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
CODES = TotpCodes()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert CODES.step_of(RFC_SECRET, code[-6:], at(seconds)) == seconds // 30


def test_a_code_is_good_a_step_before_and_after() -> None:
    code, first = "081804", 1111111080  # good for 30 seconds from there
    around = range(first - 100, first + 100)
    good = [second - first for second in around if CODES.step_of(RFC_SECRET, code, at(second)) is not None]
    assert good == list(range(-30, 60))


@given(st.text(max_size=10).filter(lambda text: text not in {"287082", "755224", "359152"}))
def test_any_other_text(text: str) -> None:
    assert CODES.step_of(RFC_SECRET, text, at(59)) is None


def test_what_apps_are_given() -> None:
    secret = CODES.new_secret()
    assert len(base64.b32decode(secret)) == 20
    assert secret != CODES.new_secret()
    uri = CODES.uri(secret, "a+b@school.example")
    assert uri.startswith("otpauth://totp/VTP:a%2Bb%40school.example?")
    assert {f"secret={secret}", "issuer=VTP", "digits=6", "period=30", "algorithm=SHA1"} <= set(
        uri.partition("?")[2].split("&")
    )


OLD, NEW = "o" * 20 + "-an-older-secret-123", "n" * 20 + "-a-newer-secret-1234"


def test_a_sealed_secret_tells_nothing_and_comes_back() -> None:
    box = SecretBox(KeyRing(NEW))
    sealed = box.seal("secret")
    assert box.unseal(sealed) == "secret"
    assert sealed != box.seal("secret")
    assert b"secret" not in base64.urlsafe_b64decode(sealed)


def test_former_keys_open_what_was_sealed_before() -> None:
    sealed = SecretBox(KeyRing(OLD)).seal("secret")
    both = SecretBox(KeyRing(NEW, [OLD]))
    assert both.unseal(sealed) == "secret"
    assert SecretBox(KeyRing(NEW)).unseal(both.seal("secret")) == "secret"
    assert both.key_id == SecretBox(KeyRing(NEW)).key_id != SecretBox(KeyRing(OLD)).key_id


@pytest.mark.parametrize("change", [lambda sealed: sealed[:-8], lambda sealed: b"", lambda sealed: b"\xff" * 100])
def test_what_was_tampered_with_does_not_open(change: object) -> None:
    sealed = SecretBox(KeyRing(NEW)).seal("secret")
    with pytest.raises(ValueError, match="no key"):
        SecretBox(KeyRing(NEW)).unseal(change(sealed))  # type: ignore[operator] # a lambda
    with pytest.raises(ValueError, match="no key"):
        SecretBox(KeyRing(OLD)).unseal(sealed)
