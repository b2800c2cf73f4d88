"""The signalling protocol as a document, made of the methods, their schemas and what clients are told.

`make docs` writes it into `PROTOCOL.md`; it is also served, at `/docs/signalling`.
"""

from collections.abc import Iterator
from typing import Any

from marshmallow import Schema

from backend.domain.permissions import Action
from backend.error_codes import CODES
from backend.signalling.answers import Declared, declared_of
from backend.signalling.document_head import HEAD
from backend.signalling.methods import METHODS, Method
from backend.signalling.told import NOTIFICATIONS
from shared.errors import INTERNAL_ERROR, INVALID_INPUT
from shared.openapi import json_schemas
from shared.operations import described

Json = dict[str, Any]

_REFUSALS_BY_ACTION = {
    Action.JOIN_ROOM: (),
    Action.MANAGE_ROOM: ("NOT_JOINED", "INSUFFICIENT_PERMISSIONS"),
}
"""What checking whether one may do it comes to; for all other actions it is `NOT_JOINED` alone."""

_REF = "#/components/schemas/"


def usual_errors(method: Method) -> tuple[str, ...]:
    """Return the codes that a method may refuse with, without naming them."""
    return (INVALID_INPUT, INTERNAL_ERROR, *_REFUSALS_BY_ACTION.get(method.action, ("NOT_JOINED",)))


def declared(method: Method) -> Declared:
    """Return what a method answers.

    Raises:
        AssertionError: its handler does not say.
    """
    found = declared_of(method.handler)
    if found is None:
        raise AssertionError(f"{method.handler} needs @answers")
    return found


def schemas() -> dict[str, Json]:
    """Return the JSON schemas of all data and answers, by the names of their classes."""
    return json_schemas(
        [
            *(_class(method.schema) for method in METHODS.values()),
            *(declared(method).answer for method in METHODS.values()),
            *(one.data for one in NOTIFICATIONS.values()),
        ]
    )


def protocol_document() -> str:
    """Write the document, in Markdown."""
    known = schemas()
    return "\n".join(
        [
            HEAD,
            "## Requests\n",
            *(_method(name, method, known) for name, method in METHODS.items()),
            "## Notifications\n",
            *(_notification(name, known) for name in NOTIFICATIONS),
            "## Objects\n",
            *(_object(name, known) for name in _shared(known)),
            "## Codes of refusals\n",
            _codes(),
        ]
    )


def _class(schema: Schema) -> type[Schema]:
    return type(schema)


def _method(name: str, method: Method, known: dict[str, Json]) -> str:
    summary, more = described(method.handler)
    answer = declared(method)
    parts = [f"### `{name}`\n", f"{summary}.\n"]
    if more:
        parts.append(f"{more}\n")
    parts.append(_fields("Data", known[_class(method.schema).__name__], is_request=True))
    parts.append(_fields("Answer", known[answer.answer.__name__]))
    codes = sorted({*answer.errors, *usual_errors(method)} - {INVALID_INPUT, INTERNAL_ERROR, "NOT_JOINED"})
    if codes:
        parts.append(f"Refusals: {', '.join(f'{CODES[code].status} `{code}`' for code in codes)}\n")
    return "\n".join(parts)


def _notification(name: str, known: dict[str, Json]) -> str:
    told = NOTIFICATIONS[name]
    texts = [f"{'. '.join(described(notice))}".strip() for notice in (told.notice, *told.also)]
    text = " Or: ".join(texts).replace("\n", " ")
    return "\n".join([f"### `{name}` (notification)\n", f"{text}\n", _fields("Data", known[told.data.__name__])])


def _object(name: str, known: dict[str, Json]) -> str:
    return "\n".join([f"### {name}\n", _fields("Fields", known[name])])


def _fields(title: str, schema: Json, *, is_request: bool = False) -> str:
    properties: dict[str, Json] = schema.get("properties", {})
    if not properties:
        return f"{title}: `{{}}`\n"
    required = set(schema.get("required", ()))
    rows = [f"{title}:", "", "| field | type | |", "|---|---|---|"]
    for name, one in properties.items():
        presence = ("required" if name in required else "") if is_request else _optional(name in required)
        notes = [presence, *_notes(one, is_request=is_request)]
        rows.append(f"| `{name}` | {_type(one, is_request=is_request)} | {'; '.join(filter(None, notes))} |")
    return "\n".join(rows) + "\n"


def _optional(is_there: bool) -> str:
    return "" if is_there else "may be absent"


def _type(one: Json, *, is_request: bool = False) -> str:
    if "$ref" in one:
        return _link(one)
    if "allOf" in one:
        return _type(one["allOf"][0])
    if "anyOf" in one:
        return " or ".join(_type(each) for each in one["anyOf"])
    if "enum" in one:
        values = [value for value in one["enum"] if value is not None]
        return " or ".join(f'`"{value}"`' for value in values)
    kinds = one.get("type", "anything")
    kinds = list(kinds) if isinstance(kinds, list) else [kinds]
    if is_request and "null" in kinds:
        kinds.remove("null")  # absent, as everywhere
    if "array" in kinds:
        kinds[kinds.index("array")] = f"list of {_type(one['items'])}"
    return " or ".join(kinds)


def _link(one: Json) -> str:
    name = one["$ref"].removeprefix(_REF)
    return f"[{name}](#{name.lower()})"


def _notes(one: Json, *, is_request: bool) -> Iterator[str]:
    yield one.get("description", "")
    for what, least, most in (("length", "minLength", "maxLength"), ("", "minimum", "maximum")):
        unit = " characters" if what else ""
        if least in one and most in one:
            yield f"{one[least]} to {one[most]}{unit}"
        elif most in one:
            yield f"at most {one[most]}{unit}"
        elif least in one:
            yield f"at least {one[least]}{unit}"
    if "pattern" in one:
        yield f"matches `{one['pattern']}`".replace("|", "\\|")
    if is_request and one.get("default") is not None and one["default"] != "":
        yield f"`{str(one['default']).lower()}` if absent"


def _shared(known: dict[str, Json]) -> list[str]:
    """Return the names of the objects that others hold, in alphabetical order."""
    return sorted({name for schema in known.values() for name in _names_in(schema)})


def _names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(_REF)
        for one in schema.values():
            yield from _names_in(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _names_in(one)


def _codes() -> str:
    used = {"UNKNOWN_METHOD"}
    for method in METHODS.values():
        used |= {*declared(method).errors, *usual_errors(method)}
    rows = [f"| {CODES[code].status} | `{code}` | {CODES[code].meaning} |" for code in sorted(used)]
    return "\n".join(["| status | code | |", "|---|---|---|", *rows]) + "\n"
