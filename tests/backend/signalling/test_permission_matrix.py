"""Who may do what, over real HTTP and sockets: every route and every method by role and relation to the room."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from aiohttp import hdrs

from backend.domain.permissions import Relation
from backend.domain.users import Role
from backend.signalling.methods import METHODS as SERVED_METHODS
from tests.support import permission_matrix as matrix
from tests.support.live_backend import LiveBackend
from tests.support.permission_matrix import METHODS, PUBLIC, ROUTES, WHO
from tests.support.protoo_client import ProtooClient, RequestError

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOM = "physics"
REFUSED = (403, "INSUFFICIENT_PERMISSIONS")

Someone = tuple[Role, frozenset[Relation]]


def named(someone: Someone) -> str:
    role, relations = someone
    return "-".join([role.value, *sorted(relation.name.lower() for relation in relations)])


def served_routes(backend: LiveBackend) -> Iterator[tuple[str, str]]:
    """The routes that the application has; deleting the room comes last."""
    found = {
        (route.method, route.resource.canonical)
        for route in backend.server.app.router.routes()
        if route.resource is not None and route.method != hdrs.METH_HEAD
    }
    yield from sorted(found, key=lambda route: (f"{route[0]} {route[1]}" == f"DELETE {matrix.ROOM}", route))


async def make_room(backend: LiveBackend, database_url: str, someone: Someone, room: str) -> None:
    """Make a room that the someone owns or not, and let the someone in or not."""
    role, relations = someone
    token = await backend.token(named(someone), role)
    _, profile = await backend.call("GET", "/auth/profile", token)
    admin = await backend.token("head", Role.ADMIN)
    status, answer = await backend.call("POST", "/rooms", admin, {"id": room, "name": room})
    assert status == 201, answer
    if Relation.OWNER in relations:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE rooms SET owner_id = %s WHERE id = %s", [profile["user_id"], room])


async def outcome(backend: LiveBackend, method: str, path: str, token: str | None) -> tuple[int, str]:
    """Call a route about the room with a body that changes nothing; return status and the error's code, if any."""
    filled = path.format(
        room_id=ROOM, user_id=uuid.uuid4(), session_id=uuid.uuid4(), name="nothing.txt", path="nothing.txt"
    )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {} if method in {"POST", "PUT", "PATCH"} else None
    async with backend.session.request(method, backend.url + filled, json=body, headers=headers) as answer:
        is_json = answer.content_type == "application/json"
        content = await answer.json() if is_json else {}
        return answer.status, content.get("code", "") if answer.status >= 400 else ""


async def test_every_route_and_method_stands_in_the_matrix(backend: LiveBackend) -> None:
    served = {f"{method} {path}" for method, path in served_routes(backend)}
    assert served - set(ROUTES) == set(), "decide who may call them, in tests/support/permission_matrix.py"
    assert set(SERVED_METHODS) - set(METHODS) == set(), "decide who may, in tests/support/permission_matrix.py"
    assert set(METHODS) - set(SERVED_METHODS) == set()


async def test_who_has_no_token_gets_what_is_public(backend: LiveBackend) -> None:
    for method, path in served_routes(backend):
        status, code = await outcome(backend, method, path, None)
        is_public = ROUTES[f"{method} {path}"] == PUBLIC
        assert ((status, code) == (401, "MISSING_TOKEN")) is not is_public, f"{method} {path}: {status} {code}"


@pytest.mark.parametrize("someone", WHO, ids=named)
async def test_every_route(backend: LiveBackend, database_url: str, someone: Someone) -> None:
    role, relations = someone
    await make_room(backend, database_url, someone, ROOM)
    if Relation.PRESENT in relations:
        await backend.joined(named(someone), role, ROOM)
    token = await backend.token(named(someone), role)
    for method, path in served_routes(backend):
        allowed = ROUTES[f"{method} {path}"]
        if allowed == PUBLIC:
            continue
        status, code = await outcome(backend, method, path, token)
        if isinstance(allowed, str):
            assert (status, code) == (401, "INVALID_TOKEN"), f"{method} {path}: {allowed}"
            continue
        about = f"{method} {path}: {status} {code}"
        assert ((status, code) == REFUSED) is not allowed(role, relations), about
        assert status not in {401, 405, 500}, about


async def ask(client: ProtooClient, method: str) -> tuple[int, str]:
    """Call a method with nothing in it; return status and code of what came of it."""
    try:
        await client.request(method)
    except RequestError as refusal:
        return refusal.status, refusal.code
    return 200, ""


@pytest.mark.parametrize("someone", WHO, ids=named)
async def test_every_method(backend: LiveBackend, database_url: str, someone: Someone) -> None:
    role, relations = someone
    present = Relation.PRESENT in relations
    await make_room(backend, database_url, someone, ROOM)
    client = None
    for method in sorted(SERVED_METHODS):
        if client is None or client.close_code is not None:
            client = await backend.socket(named(someone), role)
            if present:
                await client.request("join-room", roomId=ROOM)
        came = await ask(client, method)
        about = f"{method}: {came}"
        if not present and method != "join-room":
            assert came == (409, "NOT_JOINED"), about
        else:
            assert (came == REFUSED) is not METHODS[method](role, relations), about
            assert came[0] != 500, about
        if method in {"close-room", "leave-room"} and came[0] == 200:
            assert await client.closed() == 4000
