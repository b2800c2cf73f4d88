"""The API document: whole, valid, and true to the code."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import hdrs, web
from openapi_spec_validator import validate

import backend
from backend import errors
from backend.app import create_app
from backend.error_codes import CODES
from backend.errors import VtpError, status_of
from backend.http.api_document import API, api_document, declared_routes
from backend.http.handlers import docs
from shared.operations import described, operation_of
from tests.support.api_conformance import deviations
from tests.support.backend import Client, settings_for

SOURCES = Path(backend.__file__).parent
CODE = re.compile(r"[A-Z]+(_[A-Z]+)*")


@pytest.fixture(scope="module")
def app() -> web.Application:
    """The whole application as it is served, signalling too; not started."""
    return create_app(settings_for("postgresql://nobody@localhost/nothing"))


@pytest.fixture(scope="module")
def document(app: web.Application) -> dict[str, Any]:
    return api_document(app)


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def public_routes(app: web.Application) -> list[web.AbstractRoute]:
    """The routes of the document: all but those that only other backends may ask."""
    return [
        route
        for route in app.router.routes()
        if route.resource is not None
        and route.method != hdrs.METH_HEAD
        and not route.resource.canonical.startswith("/internal/")
    ]


def named(route: web.AbstractRoute) -> tuple[str, str]:
    assert route.resource is not None
    return route.method.lower(), route.resource.canonical


def test_every_route_declares_what_it_takes_and_answers(app: web.Application) -> None:
    undeclared = [named(route) for route in public_routes(app) if operation_of(route.handler) is None]
    assert undeclared == [], "put an @operation (shared.operations) on the handler"


def test_every_route_is_in_the_document(app: web.Application, document: dict[str, Any]) -> None:
    served = {named(route) for route in public_routes(app)}
    written = {(method, path) for path, item in document["paths"].items() for method in item}
    assert written == served


def test_every_operation_says_what_it_does(app: web.Application) -> None:
    for route in declared_routes(app):
        summary, _ = described(route.handler)
        assert summary, f"{route.method} {route.path}: the handler's docstring says no more than its address"
        assert "`" not in summary.split(" ")[0], f"{route.method} {route.path}: {summary}"


def test_a_route_without_a_declaration_is_found() -> None:
    async def bare(_request: web.Request) -> web.Response:
        return web.Response()

    assert operation_of(bare) is None
    assert deviations({"paths": {}}, "GET", "/bare", None, web.Response()) != []


@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (200, {"status": "ok", "rooms": 0, "participants": 0, "sfu": "ok"}, None),
        (200, {"status": "ok", "rooms": 0, "participants": 0, "sfu": "ok", "more": 1}, "more"),
        (200, {"status": "ok", "rooms": "0", "participants": 0, "sfu": "ok"}, "'0' is not of type"),
        (200, {"status": "ok", "rooms": 0}, "'sfu' is a required property"),
        (418, {"error": "I am a teapot.", "code": "TEAPOT"}, "the status is not declared"),
        (500, {"error": "Oh.", "code": "TEAPOT"}, "'TEAPOT' is not one of"),
        (500, {"code": "INTERNAL_ERROR"}, "'error' is a required property"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_found(
    document: dict[str, Any], status: int, answer: Any, problem: str | None
) -> None:
    found = deviations(
        document, "GET", "/api/v1/signalling/health", None, web.json_response(answer, status=status)
    )
    assert found == [] if problem is None else problem in " ".join(found)


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    raised = {code for path in SOURCES.rglob("*.py") for code in _codes_in(path)}
    assert {"EMAIL_EXISTS", "ROOM_NOT_FOUND", "TOO_MANY_ATTEMPTS", "LAST_ADMIN"} <= raised
    assert raised - set(CODES) == set(), "add them to backend/error_codes.py"


def test_every_class_of_errors_has_its_code_with_its_status() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, VtpError) and "default_code" in vars(kind):
            error = kind.__new__(kind)
            assert CODES[kind.default_code].status == status_of(error), kind


def test_the_catalogue_says_what_each_code_means() -> None:
    assert API.codes is CODES
    for code, (status, meaning) in CODES.items():
        assert CODE.fullmatch(code)
        assert 400 <= status < 600
        assert meaning.endswith(".")


async def test_it_is_served(client: Client) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status == 200
    served = await answer.json()
    assert served == client.server.app[docs.DOCUMENT]()  # type: ignore[union-attr]
    assert served["openapi"].startswith("3.1")
    assert served["paths"]["/api/v1/auth/login"]["post"]["security"] == []
    assert served["paths"]["/api/v1/users"]["get"]["security"] == [{"bearer": []}]


def _codes_in(path: Path) -> set[str]:
    """Codes in a module: what an error is made with, and constants that are called as their value is."""
    kinds = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, VtpError)}
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            given = [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "code")]
            found |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if isinstance(node.value.value, str) and ("default_code" in names or node.value.value in names):
                found.add(node.value.value)
    return found
