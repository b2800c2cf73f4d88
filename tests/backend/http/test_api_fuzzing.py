"""Everything that the API document allows and forbids, tried on the whole backend over real HTTP (schemathesis).

As a student, a teacher, an admin, and without any token. Every answer must be one that the document has, of the
declared shape and type; what the document forbids must be refused, what it allows must not be refused as
malformed; no route may let somebody in without a token; nothing may answer 5xx. Every run tries the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from backend.app import create_app
from backend.domain.users import Role
from backend.http.api_document import api_document
from shared.ids import is_client_id, new_id
from tests.support.backend import API, PASSWORD, settings_for
from tests.support.database import DatabaseServer, as_url
from tests.support.services import Platform, fresh_data_dir

EXAMPLES = 12
"""A route, besides the edge cases that are tried of every field, each as everybody. All take about a minute."""

ANSWER_WITHIN_S = 30
"""Only bounds a test that hangs."""

NOT_TRIED = {
    "GET /ws": "an upgrade; it has tests of its own",
    "GET /assets/{path}": "files",
    "GET /{name}": "files",
}

RULES_OF_THE_DOMAIN = (
    "register",  # the forms of email and password are rules that no schema tells in full
    "create_user",
    "change_password",
    "set_up_second_factor",  # by one's password, which is wrong
    "disable_second_factor",
    "login",
    "list_entries",  # times are from 1970 to 9000
)
"""Operations that may refuse with 400 what fits their schema."""

ENDS_ITS_SESSION = ("logout",)
ENDS_WHAT_IT_IS_ABOUT = ("delete_room", "delete_user")

DOCUMENT = api_document(create_app(settings_for("postgresql://nobody@localhost/nothing")))

CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "with-security-parameters": False},
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "503"]}},
        "operations": [
            {"include-operation-id": name, "checks": {"positive_data_acceptance": {"enabled": False}}}
            for name in RULES_OF_THE_DOMAIN
        ],
    }
)


def _api() -> schemathesis.schemas.BaseSchema:
    tried = {
        path: {method: one for method, one in item.items() if f"{method.upper()} {path}" not in NOT_TRIED}
        for path, item in DOCUMENT["paths"].items()
    }
    return schemathesis.openapi.from_dict({**DOCUMENT, "paths": tried}, config=CONFIG)


api = _api()


KNOWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "room_id": ("/rooms", "id", {"name": "Physics"}),
    "user_id": ("/users", "user_id", {"password": PASSWORD, "full_name": "Some Body"}),
}
"""How what a path's parameter names is made: where, the field of the answer that has its id, and of what."""


@dataclass
class RunningApi:
    """The backend as a process of its own, and somebody of each role."""

    url: str
    tokens: dict[Role, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, token: str | None = None, body: Any = None) -> Any:
        """Ask; return the parsed answer."""
        url = f"{self.url}{API}{path}"
        answer = requests.request(method, url, json=body, headers=bearer(token), timeout=ANSWER_WITHIN_S)
        assert answer.ok, answer.text
        return answer.json()

    def sign_in(self, role: Role) -> str:
        """Sign in as somebody of the role and return the access token."""
        body = {"email": f"{role.value}@school.example", "password": PASSWORD}
        token: str = self.call("POST", "/auth/login", body=body)["access_token"]
        return token

    def known_id(self, parameter: str, *, fresh: bool) -> str | None:
        """Return the id of a room or account that is there, and that nothing else needs."""
        if parameter not in KNOWN:
            return None
        if fresh or parameter not in self.known:
            path, answered, body = KNOWN[parameter]
            unique = {"email": f"{new_id()}@school.example"} if parameter == "user_id" else {}
            made = self.call("POST", path, self.token(Role.ADMIN, fresh=False), body | unique)
            self.known[parameter] = made[answered]
        return self.known[parameter]

    def token(self, role: Role | None, *, fresh: bool) -> str | None:
        """Return a token of the role's; None for nobody."""
        if role is None:
            return None
        if fresh:
            return self.sign_in(role)
        if role not in self.tokens:
            self.tokens[role] = self.sign_in(role)
        return self.tokens[role]


@pytest.fixture(scope="module")
def running_api(database_server: DatabaseServer) -> Iterator[RunningApi]:
    env = {
        "DATABASE_URL": as_url(database_server.make_migrated()),
        "LOGIN_ATTEMPTS_PER_ACCOUNT": "100000",
        "LOGIN_ATTEMPTS_PER_ADDRESS": "100000",
    }
    with fresh_data_dir() as data_dir:
        backend = Platform(data_dir, env).backend
        backend.start()
        running = RunningApi(backend.url)
        try:
            for role in (Role.STUDENT, Role.TEACHER):
                body = {"email": f"{role.value}@school.example", "password": PASSWORD}
                admin = running.token(Role.ADMIN, fresh=False)
                running.call("POST", "/users", admin, body | {"full_name": role.value, "role": role.value})
            yield running
            for token in running.tokens.values():
                running.call("GET", "/auth/profile", token)  # nobody was shut out, which would have made it easy
        finally:
            backend.stop()


def bearer(token: str | None) -> dict[str, str]:
    """Headers that carry a token, if there is one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


@api.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_is_as_documented(case: schemathesis.Case, running_api: RunningApi) -> None:
    raw = case.operation.definition.raw
    fresh = raw["operationId"] in ENDS_ITS_SESSION
    about = raw["operationId"] in ENDS_WHAT_IT_IS_ABOUT
    for role in Role if raw["security"] else (None,):
        _name_what_is_there(case, running_api, fresh=about)
        headers = bearer(running_api.token(role, fresh=fresh))
        case.call_and_validate(base_url=running_api.url, headers=headers, timeout=ANSWER_WITHIN_S)


def _name_what_is_there(case: schemathesis.Case, running_api: RunningApi, *, fresh: bool) -> None:
    """Let about half of the well-formed ids be those of something that is there, by their length and end."""
    for parameter, value in list((case.path_parameters or {}).items()):
        if is_client_id(str(value)) and (len(value) + ord(value[-1])) % 2:
            known = running_api.known_id(parameter, fresh=fresh)
            if known is not None:
                case.path_parameters[parameter] = known
