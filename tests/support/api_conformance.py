"""Holds every answer that a test gets from a backend against the backend's own API document.

`watch_api` looks at each request and answer as they pass; a fixture fails the test by what `take_deviations`
returns. It takes the document more strictly than a client may: a field that it does not name is a deviation.
"""

import json
from functools import lru_cache
from typing import Any

from aiohttp import hdrs, web
from jsonschema import Draft202012Validator, FormatChecker

from backend.http.handlers.docs import DOCUMENT
from backend.http.middlewares import Next

Json = dict[str, Any]

_deviations: list[str] = []


def watch_api(app: web.Application) -> web.Application:
    """Have an application's answers looked at; call it before the application starts."""
    app.middlewares.insert(0, _watch)
    return app


def take_deviations() -> list[str]:
    """Return what was found since the last time."""
    found = list(_deviations)
    _deviations.clear()
    return found


BETWEEN_BACKENDS = "/internal/"
"""Not in the document: nobody but another backend can ask there."""


@web.middleware
async def _watch(request: web.Request, handler: Next) -> web.StreamResponse:
    response = await handler(request)
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical.startswith(BETWEEN_BACKENDS):
        return response
    if resource is not None and request.method != hdrs.METH_HEAD and request.method != hdrs.METH_OPTIONS:
        where = f"{request.method} {resource.canonical} -> {response.status}"
        body = await _body_of(request) if response.status == 200 or response.status == 201 else None
        found = deviations(_document_of(request.app), request.method, resource.canonical, body, response)
        _deviations.extend(f"{where}: {one}" for one in found)
    return response


_documents: dict[frozenset[tuple[str, str]], Json] = {}


def _document_of(app: web.Application) -> Json:
    """Return an application's document, made once for all applications with the same routes."""
    routes = frozenset((one.method, one.resource.canonical) for one in app.router.routes() if one.resource)
    if routes not in _documents:
        _documents[routes] = app[DOCUMENT]()
    return _documents[routes]


async def _body_of(request: web.Request) -> Any:
    """Return the body of a request that was taken; the handler has read it, or nobody needs it."""
    return json.loads(await request.read()) if request.can_read_body else None


def deviations(document: Json, method: str, path: str, body: Any, response: web.StreamResponse) -> list[str]:
    """Return in what a request that succeeded, or an answer, is not as the document has it."""
    declared = document["paths"].get(path, {}).get(method.lower())
    if declared is None:
        return ["the document has no such operation: its handler needs an @operation"]
    found = []
    if body is not None and (schema := _json_schema(declared.get("requestBody"))):
        found += [f"the request was taken, but {one}" for one in _errors(document, schema, body)]
    if isinstance(response, web.FileResponse):
        return found  # type and status are settled when it is sent
    answer = declared["responses"].get(str(response.status))
    if answer is None:
        return [*found, f"the status is not declared: {_text(response)}"]
    return found + _answer_errors(document, answer, response)


def _answer_errors(document: Json, answer: Json, response: web.StreamResponse) -> list[str]:
    content = answer.get("content", {})
    text = _text(response)
    if not content:
        return [f"nothing is declared, but there is {text}"] if text else []
    if "*/*" not in content and response.content_type not in content:
        return [f"{response.content_type} is not declared"]
    if response.content_type != "application/json" or (schema := _json_schema(answer)) is None:
        return []
    return [f"{one} in {text}" for one in _errors(document, schema, json.loads(text))]


def _text(response: web.StreamResponse) -> str:
    return response.text or "" if isinstance(response, web.Response) and response.content_length else ""


def _json_schema(described: Json | None) -> Json | None:
    return (described or {}).get("content", {}).get("application/json", {}).get("schema")


def _errors(document: Json, schema: Json, value: Any) -> list[str]:
    return [
        f"{one.json_path}: {one.message}"
        for one in _validator(_Key(document), json.dumps(schema)).iter_errors(value)
    ]


class _Key:
    """A document as a cache's key: by identity."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.document is self.document

    def __hash__(self) -> int:
        return id(self.document)


@lru_cache(maxsize=64)
def _validator(key: _Key, schema: str) -> Draft202012Validator:
    components = {name: _strict(name, one) for name, one in key.document["components"]["schemas"].items()}
    whole = {**json.loads(schema), "components": {"schemas": components}}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def _strict(name: str, schema: Json) -> Json:
    """Return a schema that allows an answer no field that it does not name."""
    return {**schema, "additionalProperties": False} if name.endswith(("Answer", "Page")) else schema
