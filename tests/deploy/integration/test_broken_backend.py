"""Each class of check on the backend is seen to fail: a real one behind a proxy that falsifies one thing."""

from collections.abc import Awaitable, Callable

import pytest

from deploy.integration import cleanup, health, multi_peer, room_operations
from deploy.integration.checks import Outcome, Section
from deploy.integration.run import Run
from tests.deploy.integration.conftest import SFU_TOKEN, a_run, failures, outcomes_of
from tests.support.faulty_proxy import Asked, Fault, Reply, faulty_proxy
from tests.support.services import Platform

Check = Callable[[Section, Run], Awaitable[None]]

HEALTH = "Backend: GET /health: 200 OK, vtp-platform, database and SFU ok"


def where(method: str, part: str, change: Callable[[Reply], Reply]) -> Fault:
    """Falsify the answers of one kind of call, known by its method and a part of its path."""

    async def fault(asked: Asked) -> Reply:
        reply = await asked.forward()
        return change(reply) if (asked.method == method and part in asked.path) else reply

    return fault


async def run_broken(platform: Platform, check: Check, fault: Fault) -> dict[str, Outcome]:
    """Sign in at the real backend and run one test against the falsified one."""
    async with (
        faulty_proxy(platform.backend.url, fault) as url,
        a_run(sfu_url=platform.sfu.url, backend_url=platform.backend.url, token=SFU_TOKEN) as run,
    ):
        if check is not health.check:
            await run.backend.sign_in(run.options.email, run.options.password)
        run.backend.url, real = url, run.backend.url
        try:
            return await outcomes_of(check, run)
        finally:
            run.backend.url = real


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (where("GET", "/health", lambda r: r.having(database="unavailable")), HEALTH, "database is unavailable"),
        (where("GET", "/health", lambda r: r.having(sfu="unavailable")), HEALTH, "sfu is unavailable"),
        (where("GET", "/health", lambda r: r.having(service="another")), HEALTH, "service is another"),
        (where("GET", "/health", lambda r: r.without("version")), HEALTH, "the answer lacks version"),
        (where("GET", "/health", lambda _r: Reply(503, {"status": "degraded"})), HEALTH, "status 503"),
        (
            where("GET", "/api/v1/rooms", lambda _r: Reply(200, {"items": []})),
            "Backend: refuses who is not signed in: 401",
            "status 200 instead of 401",
        ),
        (
            where("POST", "/auth/login", lambda _r: Reply(200, {"access_token": "anybody"})),
            "Backend: refuses a wrong password: 401",
            "status 200 instead of 401",
        ),
        (
            where("POST", "/auth/login", lambda _r: Reply(401, {"error": "no", "code": "INVALID_CREDENTIALS"})),
            "Backend: a teacher signs in",
            "status 401 instead of 200 (no)",
        ),
        (
            where("GET", "/ws", lambda _r: Reply(404, {"error": "no such route", "code": "NOT_FOUND"})),
            "Backend: refuses a WebSocket without a ticket: 401",
            "status 404 instead of an upgrade",
        ),
    ],
)
async def test_health_and_rights(platform: Platform, fault: Fault, name: str, reason: str) -> None:
    assert reason in failures(await run_broken(platform, health.check, fault))[name]


async def test_a_student_cannot_be_the_teacher(platform: Platform) -> None:
    def student(reply: Reply) -> Reply:
        return reply.having(user={**reply.body["user"], "role": "student"}) if reply.status == 200 else reply

    found = failures(await run_broken(platform, health.check, where("POST", "/auth/login", student)))
    assert "making rooms takes a teacher or an admin" in found["Backend: a teacher signs in"]


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (
            where("POST", "/api/v1/rooms", lambda _r: Reply(500, {"error": "broken", "code": "INTERNAL_ERROR"})),
            "Backend: create room: 201 Created",
            "status 500 instead of 201 (broken)",
        ),
        (
            where("GET", "/api/v1/rooms/", lambda r: r.without("created_by")),
            "Backend: get room: 200 OK with its fields",
            "lacks created_by",
        ),
        (
            where("GET", "/api/v1/rooms", lambda r: r.having(items=[])),
            "Backend: list rooms: 200 OK, the room is in it",
            "not in the list",
        ),
        (
            where("DELETE", "/api/v1/rooms/", lambda _r: Reply(200, {})),
            "Backend: delete room: 204, then 404 ROOM_NOT_FOUND",
            "status 200 instead of 204",
        ),
    ],
)
async def test_rooms(platform: Platform, fault: Fault, name: str, reason: str) -> None:
    assert reason in failures(await run_broken(platform, room_operations.check, fault))[name]


async def test_a_ticket_that_opens_nothing(platform: Platform) -> None:
    fault = where("POST", "/signalling/ticket", lambda reply: reply.having(ticket="nothing"))
    found = failures(await run_broken(platform, multi_peer.check, fault))
    assert found == {
        "Backend: seat 1 joins over a WebSocket with a ticket": "GET /ws: status 401 instead of an upgrade"
    }
    for name in ("kick a participant: its peer is gone from the SFU",):
        outcomes = failures(await run_broken(platform, cleanup.check, fault))
        assert "status 401" in outcomes[f"Backend: {name}"]
