"""Compose's variables are filled in as the specification has them."""

import pytest

from tests.support.compose_file import MissingVariableError, interpolate

GIVEN = {"SET": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$SET and ${SET}", "value and value"),
        ("${SET:-other}", "value"),
        ("${EMPTY:-other} ${EMPTY-other}", "other "),
        ("${UNSET:-${SET}.2}", "value.2"),
        ("${UNSET-${ALSO:-x}}/y", "x/y"),
        ("${SET:+there} ${EMPTY:+there} ${EMPTY+there}", "there  there"),
        ("${SET:?is needed}", "value"),
        ("$$SET 100$$", "$SET 100$"),
        ("${UNSET}", ""),
    ],
)
def test_variables(text: str, filled: str) -> None:
    assert interpolate(text, GIVEN) == filled


@pytest.mark.parametrize("name", ["UNSET", "EMPTY"])
def test_what_is_needed_is_asked_for(name: str) -> None:
    with pytest.raises(MissingVariableError, match=f"^{name} is needed"):
        interpolate(f"${{{name}:?is needed}}", GIVEN)


def test_all_names_are_told() -> None:
    used: set[str] = set()
    interpolate("$A ${B:-${C}} ${SET:-${D}} $$E", GIVEN, used)
    assert used == {"A", "B", "C", "D", "SET"}


def test_an_open_brace_is_refused() -> None:
    with pytest.raises(ValueError, match="no closing brace"):
        interpolate("${A:-b", GIVEN)
