"""The base of every schema that maps camelCase JSON objects of a peer to dataclasses, and its field types.

What all of them have in common: unknown fields are ignored; `null` means absent, and so does whatever else is
false to JavaScript (but 0 is a number where one belongs); fields that are absent in a dataclass (`None`) are left
out on the wire; every string and list is bounded.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, post_load, pre_load, validate

MAX_TEXT_BYTES = 1024
"""Longest string where no RFC sets a limit; the longest real ones (SDP format parameters) have some 200 bytes."""
MAX_SAFE_INTEGER = (1 << 53) - 1
"""Largest integer that survives a JSON number in every peer (RFC 8259, section 6)."""
MAX_REMEMBERED = 64
"""Kinds of clients whose codecs and header extensions are remembered: browsers of several versions and systems."""
MAX_REMEMBERED_CHARACTERS = 1 << 15
"""Longest JSON that is remembered; browsers send some 8,000 characters."""

_INVALID = "Invalid."
"""What `ObjectSchema.read` says; nobody is told."""


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

    @cached_property
    def _readers(self) -> list[tuple[str, str, fields.Field[Any], Callable[[Any], Any]]]:
        return [(name, wire_name(field), field, _reader_of(field)) for name, field in self.load_fields.items()]

    @cached_property
    def _writers(self) -> list[tuple[str, str, Callable[[Any], Any] | None]]:
        return [(name, wire_name(field), _writer_of(field)) for name, field in self.dump_fields.items()]

    def load(self, data: Any, **options: Any) -> Any:
        """Make the dataclass from a JSON object.

        What is valid is read straight away, ten times as fast as marshmallow does; it only reads what is not, and
        says what is wrong.

        Raises:
            marshmallow.ValidationError: with messages by field.
        """
        if not options:
            with suppress(ValidationError):
                return self.read(data)
        return super().load(data, **options)

    def read(self, data: Any) -> Any:
        """Make the dataclass from a JSON object, without looking for more than the first thing that is wrong.

        Raises:
            marshmallow.ValidationError: something is wrong; its messages name no field.
        """
        if not isinstance(data, Mapping):
            raise ValidationError(_INVALID)
        present = self.drop_absent(data)
        loaded = {}
        for name, key, field, read in self._readers:
            if key in present:
                loaded[name] = read(present[key])
            elif field.required:
                raise ValidationError(_INVALID)
            elif (default := field.load_default) is not missing:
                loaded[name] = default() if callable(default) else default
        self.check(loaded)
        return self.make_target(loaded)

    def dump(self, obj: Any, **_options: Any) -> dict[str, Any]:
        """Make the JSON object of a dataclass, without the fields that have no value."""
        dumped = {}
        for name, key, write in self._writers:
            value = getattr(obj, name)
            if value is not None:
                dumped[key] = value if write is None else write(value)
        return dumped

    def check(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse fields that do not go together. Schemas that have such override it, as `validates_schema`."""

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
    """A list of at most `most` objects of a schema; a longer one is refused before anything in it is read.

    With `remember`, lists that have been read lately are not read again: one that is the same is the same list.
    """

    def __init__(self, schema: type[ObjectSchema], most: int, *, remember: bool = False, **options: Any) -> None:
        super().__init__(fields.Nested(schema), **options)
        self._most = most
        self._remembered = lru_cache(MAX_REMEMBERED)(self._read_text) if remember else None

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        if len(value) > self._most:
            raise ValidationError(f"More than {self._most} items.")
        return super()._deserialize(value, attr, data, **options)

    def read(self, value: Any) -> list[Any]:
        """Read a list as `ObjectSchema.read` reads an object."""
        if not isinstance(value, list) or len(value) > self._most:
            raise ValidationError(_INVALID)
        if self._remembered is not None and (text := text_to_remember(value)) is not None:
            return self._remembered(text)
        return self._read_items(value)

    def _read_text(self, text: str) -> list[Any]:
        return self._read_items(json.loads(text))

    def _read_items(self, items: list[Any]) -> list[Any]:
        read = self.schema.read
        return [read(item) for item in items]

    @property
    def schema(self) -> ObjectSchema:
        """What reads each object."""
        schema: ObjectSchema = self.inner.schema  # type: ignore[attr-defined] # it is a Nested
        return schema


def text_to_remember(value: Any) -> str | None:
    """Write what came as JSON, to know it again by; `None` if it is too long for that, or nested too deeply."""
    try:
        text = json.dumps(value)
    except RecursionError:  # in fields that nobody reads
        return None
    return text if len(text) <= MAX_REMEMBERED_CHARACTERS else None


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


def wire_name(field: fields.Field[Any]) -> str:
    """Return a field's name on the wire."""
    return str(field.data_key)


def _reader_of(field: fields.Field[Any]) -> Callable[[Any], Any]:
    if isinstance(field, ObjectList):
        return field.read
    if isinstance(field, fields.Nested):
        nested: Any = field.schema  # an `ObjectSchema`
        return _read_by(nested)
    return _reader_of_value(field)


def _read_by(schema: ObjectSchema) -> Callable[[Any], Any]:
    return schema.read


def _reader_of_value(field: fields.Field[Any]) -> Callable[[Any], Any]:
    deserialize, validators, key = field._deserialize, field.validators, field.data_key  # noqa: SLF001 - what custom fields override

    def read(value: Any) -> Any:
        value = deserialize(value, key, None)
        for validator in validators:
            validator(value)
        return value

    return read if validators else lambda value: deserialize(value, key, None)


def _writer_of(field: fields.Field[Any]) -> Callable[[Any], Any] | None:
    """Return what makes the wire's form of a value; `None` for a value that is its own."""
    if isinstance(field, ObjectList):
        dump_one = field.schema.dump
        return lambda items: [dump_one(item) for item in items]
    if isinstance(field, fields.Nested):
        dump: Callable[[Any], Any] = field.schema.dump
        return dump
    return None
