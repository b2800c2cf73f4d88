"""Each class of check on the backend is seen to fail: a real one behind a proxy that falsifies one thing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deploy.integration import cleanup, health, multi_peer, room_operations
from deploy.integration.checks import Outcome, Section
from deploy.integration.run import Run
from tests.deploy.integration.conftest import SFU_TOKEN, a_run, failures, outcomes_of
from tests.support.faulty_proxy import Asked, Fault, Message, MessageFault, Reply, faulty_proxy, no_fault
from tests.support.services import Platform

Check = Callable[[Section, Run], Awaitable[None]]

KICK = "Backend: kick a participant: its peer is gone from the SFU"
DELETE = "Backend: delete room with people in it: sockets, rows and the SFU's room"
DEAD = "Backend: the seat and the peer of the dead browser are gone"
HEALTH = "Backend: GET /health: 200 OK, vtp-platform, database and SFU ok"


def where(method: str, part: str, change: Callable[[Reply], Reply]) -> Fault:
    """Falsify the answers of one kind of call, known by its method and a part of its path."""

    async def fault(asked: Asked) -> Reply:
        reply = await asked.forward()
        return change(reply) if (asked.method == method and part in asked.path) else reply

    return fault


async def run_broken(
    platform: Platform,
    check: Check,
    fault: Fault,
    on_message: MessageFault = lambda message: message,
    **options: Any,
) -> dict[str, Outcome]:
    """Sign in at the real backend and run one test against the falsified one."""
    real = {"sfu_url": platform.sfu.url, "backend_url": platform.backend.url, "token": SFU_TOKEN}
    async with faulty_proxy(platform.backend.url, fault, on_message) as url, a_run(**real, **options) as run:
        if check is not health.check:
            await run.backend.sign_in(run.options.email, run.options.password)
        run.backend.url = url
        try:
            return await outcomes_of(check, run)
        finally:
            run.backend.url = platform.backend.url


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


async def test_a_room_that_is_not_deleted(platform: Platform) -> None:
    async def swallowed(asked: Asked) -> Reply:
        return Reply(204, "") if asked.method == "DELETE" else await asked.forward()

    found = failures(await run_broken(platform, room_operations.check, swallowed))
    assert found.keys() == {"Backend: delete room: 204, then 404 ROOM_NOT_FOUND"}
    assert "status 200 instead of 404" in found["Backend: delete room: 204, then 404 ROOM_NOT_FOUND"]


async def test_a_ticket_that_opens_nothing(platform: Platform) -> None:
    fault = where("POST", "/signalling/ticket", lambda reply: reply.having(ticket="nothing"))
    assert failures(await run_broken(platform, multi_peer.check, fault)) == {
        "Backend: seat 1 joins over a WebSocket with a ticket": "GET /ws: status 401 instead of an upgrade"
    }
    found = failures(await run_broken(platform, cleanup.check, fault))
    assert found.keys() == {KICK, DELETE}


def told(method: str) -> MessageFault:
    """Keep a notification from everybody."""
    return lambda message: None if message.get("method") == method else message


def answers(field: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> MessageFault:
    """Falsify the answers that have a field."""

    def falsify(message: Message) -> Message:
        data = message.get("data") or {}
        return {**message, "data": change(data)} if message.get("response") and field in data else message

    return falsify


def refused(field: str) -> MessageFault:
    """Turn the answers that have a field into refusals."""

    def falsify(message: Message) -> Message:
        if not message.get("response") or field not in (message.get("data") or {}):
            return message
        return {"response": True, "id": message["id"], "ok": False, "errorCode": 503, "errorReason": "broken"}

    return falsify


@pytest.mark.parametrize("check", [multi_peer.check, cleanup.check], ids=["peers", "cleanup"])
async def test_the_proxy_alone_makes_nothing_fail(platform: Platform, check: Check) -> None:
    outcomes = await run_broken(platform, check, no_fault, vanish_timeout=60.0)
    assert failures(outcomes) == {}
    assert "skip" not in {outcome.status for outcome in outcomes.values()}


@pytest.mark.parametrize(
    ("on_message", "name", "reason"),
    [
        (refused("routerRtpCapabilities"), "seat 1 joins over a WebSocket with a ticket", "join-room: 503 broken"),
        (
            answers("routerRtpCapabilities", lambda data: {"roomId": data["roomId"]}),
            "seat 1 joins over a WebSocket with a ticket",
            "the answer lacks participantId, participants, routerRtpCapabilities",
        ),
        (told("participant-joined"), "seat 2 joins and seat 1 is told", "no notification participant-joined"),
        (
            answers("participants", lambda data: {**data, "participants": []}),
            "seat 2 joins and seat 1 is told",
            "seat 2 was not told of seat 1",
        ),
        (
            answers("iceCandidates", lambda data: {**data, "iceCandidates": []}),
            "both connect transports (ICE, DTLS)",
            "cannot connect by UDP",
        ),
        (told("new-producer"), "seat 1 produces and seat 2 is told", "no notification new-producer"),
        (refused("consumerId"), "seat 2 consumes", "consume: 503 broken"),
        (
            answers("consumerId", lambda data: {**data, "rtpParameters": {"encodings": [{"ssrc": 7}]}}),
            "media flows from seat 1 to seat 2",
            "only 0 of 50 packets",
        ),
        (told("participant-left"), "seat 1 leaves and seat 2 is told", "no notification participant-left"),
    ],
)
async def test_a_class(platform: Platform, on_message: MessageFault, name: str, reason: str) -> None:
    outcomes = await run_broken(platform, multi_peer.check, no_fault, on_message, timeout=1.5)
    assert reason in failures(outcomes)[f"Backend: {name}"]


async def test_nobody_is_told_of_who_was_put_out_and_of_who_died(platform: Platform) -> None:
    outcomes = await run_broken(
        platform, cleanup.check, no_fault, told("participant-left"), timeout=1.0, vanish_timeout=3.0
    )
    found = failures(outcomes)
    assert found[KICK] == "no notification participant-left within 1 s"
    assert found[DEAD] == "no notification participant-left within 3 s"
