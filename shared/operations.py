"""What a route of an HTTP API takes and answers, said once, at its handler.

`shared.openapi` makes the API's document of it, and a test fails for a route that says nothing.
"""

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from marshmallow import Schema

H = TypeVar("H", bound=Callable[..., Any])

_ATTRIBUTE = "__operation__"

_ADDRESS = re.compile(r"^`[A-Z]+ [^`]*`(?: and `[A-Z]+ [^`]*`)*:? ?")
"""The method and path that a handler's docstring begins with."""


class ErrorCode(NamedTuple):
    """A stable code of an error: the HTTP status it comes with, and what it means to who calls."""

    status: int
    meaning: str


class SignIn(enum.Enum):
    """Whether an access token must come with a request."""

    NONE = enum.auto()
    OPTIONAL = enum.auto()
    REQUIRED = enum.auto()


class Media(NamedTuple):
    """An answer that is no JSON object of a schema: its media type, and its JSON schema where there is one."""

    type: str
    schema: Mapping[str, Any] = {"type": "string"}


Content = type[Schema] | Media | tuple[type[Schema] | Media, ...] | None
"""What an answer holds, or may hold; None for nothing."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes and answers.

    `answers` are those of success (and others that are not of the errors' shape) by status. `errors` are the codes
    of refusals, besides those that all routes of its kind have. `body_is_optional`: no body is an empty object.
    """

    answers: Mapping[int, Content]
    body: Schema | None = None
    query: Schema | None = None
    errors: tuple[str, ...] = ()
    sign_in: SignIn = SignIn.NONE
    body_is_optional: bool = False


def operation(
    answers: Mapping[int, Content],
    *,
    body: Schema | None = None,
    query: Schema | None = None,
    errors: tuple[str, ...] = (),
    sign_in: SignIn = SignIn.NONE,
    body_is_optional: bool = False,
) -> Callable[[H], H]:
    """Declare what the decorated handler takes and answers; its docstring says what it does."""
    declared = Operation(answers, body, query, errors, sign_in, body_is_optional)

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, declared)
        return handler

    return declare


def operation_of(handler: object) -> Operation | None:
    """Return what a handler declares; None when it declares nothing."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Operation) else None


def require_sign_in(handler: object) -> None:
    """Note on a handler, if it declares anything, that an access token must come with the request."""
    if (declared := operation_of(handler)) is not None:
        setattr(handler, _ATTRIBUTE, replace(declared, sign_in=SignIn.REQUIRED))


def described(handler: object) -> tuple[str, str]:
    """Return a handler's docstring as a summary, its first line without the address, and the rest."""
    summary, _, rest = (getattr(handler, "__doc__", None) or "").strip().partition("\n")
    summary = _ADDRESS.sub("", summary).rstrip(".")
    lines = [line.strip() for line in rest.partition("Raises:")[0].splitlines()]
    return summary[:1].upper() + summary[1:], "\n".join(lines).strip()
