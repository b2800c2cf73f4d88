"""The form of an email address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.pages import PageRequest
from backend.domain.secret_values import hash_secret, new_secret
from backend.domain.users import normalized_email
from backend.errors import InvalidInput


@pytest.mark.parametrize(
    "email", ["a@b", "admin@localhost", " a.b+c@d-e.example ", "ü@münchen.example", "a" * 64 + "@b.example"]
)
def test_accepts(email: str) -> None:
    assert normalized_email(email) == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "@",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c.example",
        "a@b c",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a\n@b",
        "a" * 65 + "@b.example",
        "a@" + "b" * 253,
    ],
)
def test_refuses(email: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalized_email(email)
    assert refused.value.details == {"email": ["Not a valid email address."]}


@given(st.text(max_size=300))
def test_never_fails_otherwise(text: str) -> None:
    try:
        assert normalized_email(text).count("@") == 1
    except InvalidInput:
        return


@pytest.mark.parametrize(("page", "per_page"), [(0, 1), (1, 0), (1, 201), (1_000_001, 1)])
def test_pages_out_of_range(page: int, per_page: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        PageRequest(page, per_page)


def test_a_page_begins_after_those_before_it() -> None:
    assert [PageRequest(page, 50).offset for page in (1, 2, 5)] == [0, 50, 200]


@given(st.text(max_size=200))
def test_any_text_can_be_looked_up_as_a_secret(text: str) -> None:
    assert len(hash_secret(text)) == 32


def test_secrets_do_not_repeat() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 43
