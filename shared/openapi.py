"""The OpenAPI 3.1 document of an HTTP API, made of what its handlers declare (`shared.operations`)."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared import __version__
from shared.errors import ERROR_SCHEMA
from shared.operations import Content, ErrorCode, Media, Operation, SignIn, described
from shared.wire_schema import Flag, WholeNumber

Json = dict[str, Any]

OPENAPI_VERSION = "3.1.0"
BEARER = "bearer"

_PLACEHOLDER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path (`/rooms/{room_id}`) with the handler that serves it and what that declares."""

    method: str
    path: str
    handler: object
    operation: Operation


@dataclass(frozen=True, slots=True)
class Api:
    """What its document says of an API as a whole.

    `codes` is the catalogue of its errors; `usual_errors` tells the codes that a route has without naming them;
    `path_parameters` holds the JSON schema of a path's parameter by name; `tag_of` names a path's group.
    """

    title: str
    description: str
    token: str
    codes: Mapping[str, ErrorCode]
    usual_errors: Callable[[Route], Iterable[str]]
    path_parameters: Mapping[str, Json]
    tag_of: Callable[[str], str]
    retry_statuses: frozenset[int] = frozenset({429, 503})


def openapi_document(api: Api, routes: Iterable[Route]) -> Json:
    """Build the document of the routes.

    Raises:
        KeyError: a route's error is not in the catalogue, or a path's parameter is not described.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=schema_name)
    spec = APISpec(
        api.title,
        __version__,
        OPENAPI_VERSION,
        plugins=[plugin],
        info={"description": api.description},
    )
    add_field_rules(plugin)
    spec.components.schema("Error", ERROR_SCHEMA)
    spec.components.security_scheme(BEARER, {"type": "http", "scheme": "bearer", "description": api.token})
    for route in routes:
        spec.path(route.path, operations={route.method.lower(): _operation(api, plugin, route)})
    document: Json = spec.to_dict()
    return document


def json_schemas(schemas: Iterable[type[Schema]]) -> dict[str, Json]:
    """Return the JSON schemas of these schemas, and of those that they hold, by the names of their classes."""
    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: _class_of(schema).__name__)
    spec = APISpec("", __version__, OPENAPI_VERSION, plugins=[plugin])
    add_field_rules(plugin)
    for schema in schemas:
        if schema.__name__ not in spec.components.schemas:
            spec.components.schema(schema.__name__, schema=schema)
    found: dict[str, Json] = spec.components.schemas
    return found


def codes_of(api: Api, route: Route) -> dict[int, list[str]]:
    """Return the codes of the errors that a route may answer, by status."""
    by_status: dict[int, list[str]] = {}
    for code in sorted({*route.operation.errors, *api.usual_errors(route)}):
        by_status.setdefault(api.codes[code].status, []).append(code)
    return dict(sorted(by_status.items()))


def schema_name(schema: Any) -> str:
    """Return the name of a schema's class, under which the document keeps it."""
    return _class_of(schema).__name__.removesuffix("Schema")


def _class_of(schema: Any) -> type[Schema]:
    found: type[Schema] = schema if isinstance(schema, type) else type(schema)
    return found


def add_field_rules(plugin: MarshmallowPlugin) -> None:
    """Teach the plugin our own field types, and schemas in which null means absent (`null_means_absent`)."""
    converter = plugin.converter
    if converter is None:
        raise AssertionError("the plugin belongs to no document yet")
    map_type: Callable[[type, type], None] = plugin.map_to_openapi_type
    map_type(WholeNumber, fields.Integer)
    map_type(Flag, fields.Boolean)
    add: Callable[[Callable[..., Json]], None] = converter.add_attribute_function
    add(_own_types)
    add(_null_means_absent)


def _own_types(_converter: Any, field: fields.Field[Any], ret: Json, **_: Any) -> Json:
    found: Json = {}
    if isinstance(field, fields.Enum):
        found = {"type": "string"}
    elif isinstance(field, fields.Constant):
        found = {"const": field.constant}
    if "default" in ret and ret["default"] is None:
        del ret["default"]  # it says no more than that the field may be left out
    own: Json = getattr(field, "json_schema", {})
    return {**found, **own}


def _null_means_absent(_converter: Any, field: fields.Field[Any], ret: Json, **_: Any) -> Json:
    if not getattr(field.parent, "null_means_absent", False) or field.required:
        return {}
    kind = ret.get("type")
    nullable: Json = {"type": [kind, "null"]} if isinstance(kind, str) else {}
    if "enum" in ret and None not in ret["enum"]:
        nullable["enum"] = [*ret["enum"], None]
    return nullable


def _operation(api: Api, plugin: MarshmallowPlugin, route: Route) -> Json:
    summary, description = described(route.handler)
    declared = route.operation
    found: Json = {
        "operationId": getattr(route.handler, "__name__", route.path).lstrip("_"),
        "summary": summary,
        "tags": [api.tag_of(route.path)],
        "parameters": [*_path_parameters(api, route.path), *_query_parameters(plugin, declared.query)],
        "responses": _responses(api, route),
        "security": _security(declared.sign_in),
    }
    if description:
        found["description"] = description
    if declared.body is not None:
        content = {"application/json": {"schema": declared.body}}
        found["requestBody"] = {"required": not declared.body_is_optional, "content": content}
    return found


def _security(sign_in: SignIn) -> list[Json]:
    required: Json = {BEARER: []}
    return {SignIn.NONE: [], SignIn.OPTIONAL: [{}, required], SignIn.REQUIRED: [required]}[sign_in]


def _path_parameters(api: Api, path: str) -> list[Json]:
    return [
        {"in": "path", "name": name, "required": True, "schema": api.path_parameters[name]}
        for name in _PLACEHOLDER.findall(path)
    ]


def _query_parameters(plugin: MarshmallowPlugin, schema: Schema | None) -> list[Json]:
    if schema is None or plugin.converter is None:
        return []
    found = []
    for name, field in schema.load_fields.items():
        described_as = _without_null(plugin.converter.field2property(field))
        found.append(
            {"in": "query", "name": field.data_key or name, "required": field.required, "schema": described_as}
        )
    return found


def _without_null(schema: Json) -> Json:
    """Leave null out: a query cannot say it."""
    kind = schema.get("type")
    if isinstance(kind, list):
        schema["type"] = next(name for name in kind if name != "null")
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    return schema


def _responses(api: Api, route: Route) -> Json:
    found: Json = {
        str(status): _answer(status, content) for status, content in sorted(route.operation.answers.items())
    }
    for status, codes in codes_of(api, route).items():
        error = _error(api, codes)
        if str(status) in found:  # one status, two shapes
            own, refusal = found[str(status)]["content"]["application/json"], error["content"]["application/json"]
            error["content"] = {"application/json": {"schema": {"anyOf": [own["schema"], refusal["schema"]]}}}
        if status in api.retry_statuses:
            error["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
        found[str(status)] = error
    return found


def _answer(status: int, content: Content) -> Json:
    answer: Json = {"description": HTTPStatus(status).phrase}
    if content is not None:
        one_of = content if isinstance(content, tuple) and not isinstance(content, Media) else (content,)
        answer["content"] = dict(_media(one) for one in one_of)
    return answer


def _media(content: type[Schema] | Media) -> tuple[str, Json]:
    if isinstance(content, Media):
        return content.type, {"schema": dict(content.schema)}
    return "application/json", {"schema": content}


def _error(api: Api, codes: list[str]) -> Json:
    shape = {
        "allOf": [
            {"$ref": "#/components/schemas/Error"},
            {"type": "object", "properties": {"code": {"enum": codes}}},
        ]
    }
    meanings = "\n".join(f"- `{code}`: {api.codes[code].meaning}" for code in codes)
    return {"description": meanings, "content": {"application/json": {"schema": shape}}}
