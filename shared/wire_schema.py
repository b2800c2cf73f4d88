"""The base of every schema that maps camelCase JSON objects of a peer to dataclasses, and its field types.

What all of them have in common: unknown fields are ignored; `null` means absent, and so does whatever else is
false to JavaScript (but 0 is a number where one belongs); fields that are absent in a dataclass (`None`) are left
out on the wire; every string and list is bounded.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_dump, post_load, pre_load, validate

MAX_TEXT_BYTES = 1024
"""Longest string where no RFC sets a limit; the longest real ones (SDP format parameters) have some 200 bytes."""
MAX_SAFE_INTEGER = (1 << 53) - 1
"""Largest integer that survives a JSON number in every peer (RFC 8259, section 6)."""


class ObjectSchema(Schema):
    """A schema of one dataclass, `target`: `load` makes it from a JSON object, `dump` makes the object from it.

    Field names are snake_case in Python and become camelCase on the wire. `tolerant` names the fields that count
    as absent when their JSON type is wrong; every other field of a wrong type is refused.
    """

    class Meta:
        """Ignore unknown fields: browsers and client libraries send more than anyone specified."""

        unknown = EXCLUDE

    target: ClassVar[type]
    tolerant: ClassVar[Mapping[str, tuple[type, ...]]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._numbers = frozenset(
            field.data_key for field in self.load_fields.values() if isinstance(field, WholeNumber)
        )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give a field its camelCase name on the wire, unless it has another one."""
        field_obj.data_key = field_obj.data_key or camel_case(field_name)

    @pre_load
    def drop_absent(self, data: Any, **_options: Any) -> Any:
        """Drop what counts as absent: what is false to JavaScript, and wrong types in tolerant fields."""
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if not self._counts_as_absent(key, value)}

    def _counts_as_absent(self, key: str, value: Any) -> bool:
        if value is None or value is False or value == "":
            return True
        if isinstance(value, int | float) and value == 0:
            return key not in self._numbers
        types = self.tolerant.get(key)
        return types is not None and (not isinstance(value, types) or (value is True and bool not in types))

    @post_load
    def make_target(self, data: dict[str, Any], **_options: Any) -> Any:
        """Build the dataclass."""
        return self.target(**data)

    @post_dump
    def leave_out_absent(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Leave out fields without a value."""
        return {key: value for key, value in data.items() if value is not None}


class WholeNumber(fields.Field[int]):
    """An integer from `minimum` to `maximum`. Takes `96.0` as JSON does, takes no boolean and no text."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=minimum, max=maximum), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("Not a whole number.")
        return value


class Text(fields.Field[str]):
    """A string of 1 to `longest` bytes in UTF-8."""

    def __init__(self, longest: int = MAX_TEXT_BYTES, **options: Any) -> None:
        super().__init__(**options)
        self._longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> str:
        return check_text(value, self._longest)


class Flag(fields.Field[bool]):
    """A boolean and nothing that resembles one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a boolean.")
        return value


class ObjectList(fields.List[Any]):
    """A list of at most `most` objects of a schema; a longer one is refused before anything in it is read."""

    def __init__(self, schema: type[ObjectSchema], most: int, **options: Any) -> None:
        super().__init__(fields.Nested(schema), **options)
        self._most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        if len(value) > self._most:
            raise ValidationError(f"More than {self._most} items.")
        return super()._deserialize(value, attr, data, **options)


def check_text(value: Any, longest: int = MAX_TEXT_BYTES) -> str:
    """Return the value if it is a string of at most `longest` bytes in UTF-8.

    Raises:
        ValidationError: it is not, or it holds a lone surrogate, which no UTF-8 can carry.
    """
    if not isinstance(value, str):
        raise ValidationError("Not a string.")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValidationError("Not valid Unicode.") from None
    if size > longest:
        raise ValidationError(f"Longer than {longest} bytes.")
    return value


def camel_case(name: str) -> str:
    """Turn `mime_type` into `mimeType`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
