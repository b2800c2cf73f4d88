"""What all request schemas share: unknown fields are ignored, null means absent, text is clean."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, pre_load, validate

from backend.domain.pages import DEFAULT_PER_PAGE, MAX_PAGE, MAX_PER_PAGE, PageRequest

_FORBIDDEN_CATEGORIES = frozenset(("Cc", "Cs"))
"""Control characters have no place in a name; lone surrogates cannot be held by UTF-8 and PostgreSQL."""


class RequestSchema(Schema):
    """Base of the request schemas."""

    class Meta:
        """Unknown fields are ignored: clients of other versions may send more."""

        unknown = EXCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        """Treat null as absent."""
        return (
            {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data
        )


class Text(fields.String):
    """A string of printable characters, without space around it."""

    default_error_messages = {"unprintable": "Has characters that cannot be printed."}  # noqa: RUF012 -- marshmallow's form

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
            raise self.make_error("unprintable")
        return text.strip()


class StrictBool(fields.Boolean):
    """JSON's true and false, and nothing that merely looks like them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={True}, falsy={False}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class PageQuery(RequestSchema):
    """`?page=1&per_page=50`."""

    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=MAX_PAGE))
    per_page = fields.Integer(load_default=DEFAULT_PER_PAGE, validate=validate.Range(min=1, max=MAX_PER_PAGE))


def page_request(query: Mapping[str, Any]) -> PageRequest:
    """Build the domain's page request from a loaded `PageQuery`."""
    return PageRequest(query["page"], query["per_page"])
