"""Which passwords we accept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.passwords import is_strong, require_strong
from backend.errors import InvalidInput


@pytest.mark.parametrize(
    "password",
    ["Abcdefg1", "Abc 123 def", "Äbcdefg1", "ÄÖÜäöü12", "Aa1" + "x" * 69, "Пароль-на-доске-7"],
)
def test_accepts(password: str) -> None:
    assert is_strong(password)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Abcdef1",
        "abcdefg1",
        "ABCDEFG1",
        "Abcdefgh",
        "Aa1" + "x" * 70,
        "Aa1" + "ü" * 35,
        "Abcdefg1\0",
        "Abcdefg1\ud800",
    ],
)
def test_refuses(password: str) -> None:
    assert not is_strong(password)
    with pytest.raises(InvalidInput) as refused:
        require_strong(password, "new_password")
    assert refused.value.code == "WEAK_PASSWORD"
    assert refused.value.details is not None
    assert set(refused.value.details) == {"new_password"}


@given(st.text(max_size=100))
def test_what_is_accepted_can_be_hashed(password: str) -> None:
    if is_strong(password):
        assert 8 <= len(password.encode()) <= 72
