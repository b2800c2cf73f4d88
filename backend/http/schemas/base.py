"""What all schemas share. Requests: the unknown is ignored, null is absent, text is clean. Answers are whole."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, fields, pre_load, validate

from backend.domain.pages import DEFAULT_PER_PAGE, MAX_PAGE, MAX_PER_PAGE, PageRequest

_FORBIDDEN_CATEGORIES = frozenset(("Cc", "Cs"))
"""Control characters have no place in a name; lone surrogates cannot be held by UTF-8 and PostgreSQL."""


_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_NOT_BLANK = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
"""Patterns of JSON schemas (ECMA-262)."""


class RequestSchema(Schema):
    """Base of the request schemas."""

    class Meta:
        """Unknown fields are ignored: clients of other versions may send more."""

        unknown = EXCLUDE

    null_means_absent = True

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        """Treat null as absent."""
        return (
            {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data
        )


class Text(fields.String):
    """A string of printable characters, without space around it."""

    @property
    def json_schema(self) -> dict[str, Any]:
        """What an API document says of it besides its length."""
        may_be_empty = all(not isinstance(one, validate.Length) or not one.min for one in self.validators)
        return {"pattern": _PRINTABLE if may_be_empty else _NOT_BLANK}

    default_error_messages = {"unprintable": "Has characters that cannot be printed."}  # noqa: RUF012 -- marshmallow's form

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
            raise self.make_error("unprintable")
        return text.strip()


class AnswerSchema(Schema):
    """Base of what we answer. Every field is always there, but those that `optional` names."""

    class Meta:
        """Who reads an answer ignores what later versions add."""

        unknown = EXCLUDE

    optional: ClassVar[tuple[str, ...]] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Note on the field that it is always there."""
        field_obj.required = field_name not in self.optional


@cache
def page_of(item: type[AnswerSchema]) -> type[AnswerSchema]:
    """Return the schema of one page of such items."""
    name = f"{item.__name__.removesuffix('Answer')}Page"
    return type(
        name,
        (AnswerSchema,),
        {
            "__doc__": "One page of a list.",
            "items": fields.List(fields.Nested(item)),
            "total": fields.Integer(validate=validate.Range(min=0), metadata={"description": "On all pages."}),
            "page": fields.Integer(validate=validate.Range(min=1, max=MAX_PAGE)),
            "per_page": fields.Integer(validate=validate.Range(min=1, max=MAX_PER_PAGE)),
        },
    )


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
