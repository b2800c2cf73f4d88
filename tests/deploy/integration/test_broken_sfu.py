"""Each class of check is seen to fail: a real SFU behind a proxy that falsifies one thing."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deploy.integration import cleanup, health, multi_peer, room_operations, transport_operations
from deploy.integration.checks import Outcome
from tests.deploy.integration.conftest import a_run, failures, outcomes_of
from tests.support.faulty_proxy import Asked, Fault, Reply, faulty_proxy, no_fault
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

Change = Callable[[Reply], Reply]

AN_ERROR = Reply(500, {"error": "something went wrong in this service", "code": "INTERNAL_ERROR"})
A_SUCCESS = Reply(200, {"success": True})


def where(method: str, end: str, change: Change) -> Fault:
    """Falsify the answers of one kind of call, known by its method and the end of its path."""

    async def fault(asked: Asked) -> Reply:
        reply = await asked.forward()
        return change(reply) if (asked.method == method and asked.path.endswith(end)) else reply

    return fault


def swallowed(method: str, end: str, answer: Reply) -> Fault:
    """Answer one kind of call without doing it."""

    async def fault(asked: Asked) -> Reply:
        return answer if (asked.method == method and asked.path.endswith(end)) else await asked.forward()

    return fault


def late(method: str, end: str, seconds: float) -> Fault:
    """Answer one kind of call late."""

    async def fault(asked: Asked) -> Reply:
        if asked.method == method and asked.path.endswith(end):
            await asyncio.sleep(seconds)
        return await asked.forward()

    return fault


def an_error(_reply: Reply) -> Reply:
    return AN_ERROR


def lacking(*fields: str) -> Change:
    return lambda reply: reply.without(*fields) if isinstance(reply.body, dict) else reply


async def run_broken(
    sfu: RunningSfu, check: Callable[..., Awaitable[None]], fault: Fault, **options: Any
) -> dict[str, Outcome]:
    async with faulty_proxy(sfu.url, fault) as url, a_run(sfu_url=url, **options) as run:
        outcomes = await outcomes_of(check, run)
    sfu_only = {name: one for name, one in outcomes.items() if not name.startswith("Backend")}
    assert not [room.id for room in sfu.rooms.rooms if room.id.startswith("integration")]
    return sfu_only


@pytest.mark.parametrize(
    "check",
    [health.check, room_operations.check, multi_peer.check, transport_operations.check, cleanup.check],
    ids=["health", "rooms", "peers", "transports", "cleanup"],
)
async def test_the_proxy_alone_makes_nothing_fail(sfu: RunningSfu, check: Callable[..., Awaitable[None]]) -> None:
    assert failures(await run_broken(sfu, check, no_fault, vanish_timeout=30.0)) == {}


HEALTH = "SFU: GET /health: 200 OK, status ok, worker ready"
JOIN = "Create/join room: POST /rooms/:id/peers: 200 OK"
INFO = "Get room info: 200 OK with roomId, peerCount, createdAt"
GONE = "Empty room auto-deleted: not in the list, 404 ROOM_NOT_FOUND"


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (where("GET", "/health", an_error), HEALTH, "status 500 instead of 200"),
        (where("GET", "/health", lacking("timestamp")), HEALTH, "the answer lacks timestamp"),
        (where("GET", "/health", lambda reply: reply.having(worker="not-ready")), HEALTH, "worker not-ready"),
        (where("GET", "/health", lambda _reply: Reply(200, "hello")), HEALTH, "the answer is no JSON object"),
        (
            where("GET", "/health/ready", an_error),
            "SFU: GET /health/live and /health/ready: 200 OK",
            "GET /health/ready: status 500",
        ),
        (where("GET", "/rooms", an_error), "SFU: takes our calls: GET /rooms: 200 OK", "status 500"),
    ],
)
async def test_unwell(sfu: RunningSfu, fault: Fault, name: str, reason: str) -> None:
    found = failures(await run_broken(sfu, health.check, fault))
    assert reason in found[name]


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (where("POST", "/peers", an_error), JOIN, "status 500 instead of 200"),
        (where("POST", "/peers", lacking("rtpCapabilities")), JOIN, "lacks rtpCapabilities"),
        (where("POST", "/peers", lambda reply: reply.having(roomId="another")), JOIN, "roomId is another"),
        (
            swallowed("POST", "/peers", Reply(200, {"roomId": "x", "peerId": "y"})),
            JOIN,
            "lacks rtpCapabilities, peers",
        ),
        (where("GET", "-rooms", lacking("createdAt")), INFO, "lacks createdAt"),
        (where("GET", "-rooms", lambda reply: reply.having(peerCount=77)), INFO, "peerCount is 77 instead of 8"),
        (
            where("GET", "/rooms", lambda reply: reply.having(rooms=[])),
            "List rooms: GET /rooms: 200 OK, the room is in it",
            "not in the list",
        ),
        (
            where("POST", "/leave", an_error),
            "Leave room: POST /rooms/:id/peers/:peerId/leave: 200 OK",
            "status 500",
        ),
        (swallowed("POST", "/leave", A_SUCCESS), GONE, "the room is still in the list"),
        (where("GET", "-rooms", lambda _reply: Reply(200, {"roomId": "x"})), GONE, "status 200 instead of 404"),
    ],
)
async def test_rooms(sfu: RunningSfu, fault: Fault, name: str, reason: str) -> None:
    found = failures(await run_broken(sfu, room_operations.check, fault))
    assert reason in found[name]


async def test_what_builds_on_a_failure_is_not_tried(sfu: RunningSfu) -> None:
    outcomes = await run_broken(sfu, room_operations.check, where("POST", "/peers", an_error))
    assert failures(outcomes).keys() == {JOIN}
    assert outcomes[GONE].reason == "not tried, there is no room"


@pytest.mark.parametrize(
    ("check", "fault", "name"),
    [
        (health.check, late("GET", "/health", 0.02), "SFU: response time of /health"),
        (room_operations.check, late("POST", "/peers", 0.25), "Room join: response time"),
        (room_operations.check, late("GET", "/rooms", 0.12), "Room list: response time"),
        (transport_operations.check, late("POST", "/transports", 0.25), "Transport creation: response time"),
        (transport_operations.check, late("POST", "/producers", 0.25), "Producer creation: 200 OK, response time"),
        (transport_operations.check, late("POST", "/consumers", 0.25), "Consumer creation: 200 OK, response time"),
    ],
)
async def test_slow(sfu: RunningSfu, check: Callable[..., Awaitable[None]], fault: Fault, name: str) -> None:
    found = failures(await run_broken(sfu, check, fault, limit_scale=1.0))
    assert "ms, not below" in found[name]
    assert "(median of" in found[name]


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (
            where("GET", "-peers", lambda reply: reply.having(peerCount=1)),
            "Both peers appear in room: peerCount = 2",
            "peerCount is 1 instead of 2",
        ),
        (
            where("POST", "/consumers", lambda reply: reply.having(producerId="another")),
            "Peer 2 creates consumer: 200 OK",
            "of another producer",
        ),
        (
            swallowed("POST", "/peer-1/leave", A_SUCCESS),
            "Peer 1 leaves room: 200 OK, peerCount = 1",
            "peerCount is 2 instead of 1",
        ),
        (
            swallowed("POST", "/peer-2/leave", A_SUCCESS),
            "Peer 2 leaves room: 200 OK, room deleted",
            "status 200 instead of 404",
        ),
    ],
)
async def test_peers(sfu: RunningSfu, fault: Fault, name: str, reason: str) -> None:
    found = failures(await run_broken(sfu, multi_peer.check, fault))
    assert reason in found[name]


@pytest.mark.parametrize(
    ("fault", "name", "reason"),
    [
        (
            where("POST", "/transports", lacking("dtlsParameters")),
            "Create transport: 200 OK with its parameters",
            "lacks dtlsParameters",
        ),
        (
            where("POST", "/transports", lambda reply: reply.having(dtlsParameters={"role": "auto"})),
            "DTLS parameters present",
            "no fingerprints",
        ),
        (
            where("POST", "/transports", lambda reply: reply.having(iceCandidates=[])),
            "ICE candidates present",
            "iceCandidates is empty",
        ),
        (where("POST", "/connect", an_error), "Connect transport: 200 OK", "status 500"),
        (
            swallowed("POST", "/connect", A_SUCCESS),
            "Connect it again: 409 ALREADY_CONNECTED",
            "status 200 instead of 409",
        ),
        (
            where("POST", "/producers", lacking("rtpParameters")),
            "Producer creation: 200 OK, response time",
            "lacks rtpParameters",
        ),
        (
            where("POST", "/consumers", lambda _reply: Reply(400, {"error": "no", "code": "CANNOT_CONSUME"})),
            "Consumer creation: 200 OK, response time",
            "status 400 instead of 200 (no)",
        ),
        (swallowed("POST", "/close", A_SUCCESS), "Close producer: 200 OK", "status 200 instead of 404"),
        (where("POST", "/close", an_error), "Close consumer: 200 OK", "status 500"),
        (
            where("GET", "/stats", lambda reply: reply.having(stats=[{}]) if reply.status == 200 else reply),
            "UDP: the SFU's statistics tell of it",
            "no packet is counted",
        ),
    ],
)
async def test_transports(sfu: RunningSfu, fault: Fault, name: str, reason: str) -> None:
    found = failures(await run_broken(sfu, transport_operations.check, fault, timeout=2.0))
    assert reason in found[name]


def candidates(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return where(
        "POST",
        "/transports",
        lambda reply: reply.having(iceCandidates=[change(dict(one)) for one in reply.body["iceCandidates"]]),
    )


async def test_a_media_port_that_is_dropped(sfu: RunningSfu) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dropped:
        dropped.bind(("127.0.0.1", 0))
        port = dropped.getsockname()[1]
        fault = candidates(lambda one: {**one, "port": port} if one["protocol"] == "udp" else one)
        outcomes = await run_broken(sfu, transport_operations.check, fault, timeout=1.0)
    assert failures(outcomes) == {
        "UDP: ICE and DTLS connect, both ends": (
            f"no answer to ICE checks by UDP from 127.0.0.1:{port} (deploy/probes/media.py says more) within 1 s"
        )
    }
    assert outcomes["UDP: media flows, the same payload comes out"].reason == "not tried, there is no connection"
    assert outcomes["TCP: media flows, the same payload comes out"].status == "pass"


async def test_rooms_are_removed_though_the_list_fails(sfu: RunningSfu) -> None:
    async def broken(asked: Asked) -> Reply:
        if asked.path.endswith("/leave"):
            return A_SUCCESS
        return AN_ERROR if asked.path == "/rooms" else await asked.forward()

    found = failures(await run_broken(sfu, room_operations.check, broken))  # which looks whether they are gone
    assert "status 500" in found["List rooms: GET /rooms: 200 OK, the room is in it"]


async def test_without_udp_candidates_udp_fails(sfu: RunningSfu) -> None:
    def tcp_only(reply: Reply) -> Reply:
        return reply.having(iceCandidates=[one for one in reply.body["iceCandidates"] if one["protocol"] == "tcp"])

    outcomes = await run_broken(sfu, transport_operations.check, where("POST", "/transports", tcp_only))
    assert failures(outcomes) == {"UDP: ICE and DTLS connect, both ends": "the SFU offers no UDP candidate"}


async def test_without_tcp_candidates_tcp_is_skipped(sfu: RunningSfu) -> None:
    def udp_only(reply: Reply) -> Reply:
        return reply.having(iceCandidates=[one for one in reply.body["iceCandidates"] if one["protocol"] == "udp"])

    outcomes = await run_broken(sfu, transport_operations.check, where("POST", "/transports", udp_only))
    assert failures(outcomes) == {}
    skipped = {name for name, one in outcomes.items() if one.status == "skip"}
    assert skipped == {name for name in outcomes if name.startswith("TCP")}


async def test_a_certificate_that_was_not_announced(sfu: RunningSfu) -> None:
    other = {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}]}
    fault = where("POST", "/transports", lambda reply: reply.having(dtlsParameters=other))
    found = failures(await run_broken(sfu, transport_operations.check, fault))
    assert "certificate that DTLS showed is not the one" in found["UDP: ICE and DTLS connect, both ends"]


async def test_no_media(sfu: RunningSfu) -> None:
    async def paused(asked: Asked) -> Reply:
        reply = await asked.forward()
        if asked.path.endswith("/consumers") and "-media-" in asked.path:
            await sfu.post(f"{asked.path}/{reply.body['consumerId']}/pause")
        return reply

    found = failures(await run_broken(sfu, transport_operations.check, paused, timeout=1.0))
    assert "packets came through by UDP" in found["UDP: media flows, the same payload comes out"]
    assert "none of" in found["TCP: media flows, the same payload comes out"]


async def test_media_of_another_stream(sfu: RunningSfu) -> None:
    def another(reply: Reply) -> Reply:
        return reply.having(rtpParameters={**reply.body["rtpParameters"], "encodings": [{"ssrc": 7}]})

    fault = where("POST", "-media-udp/consumers", another)
    found = failures(await run_broken(sfu, transport_operations.check, fault))
    assert "only 0 of 50 packets" in found["UDP: media flows, the same payload comes out"]


async def test_cleanup_that_is_none(sfu: RunningSfu) -> None:
    fault = swallowed("POST", "/leave", A_SUCCESS)
    found = failures(await run_broken(sfu, cleanup.check, fault))
    assert (
        "status 200 instead of 404"
        in found["Disconnect a peer: its transport, producer and their consumer are closed"]
    )
    assert found["Rapid join/leave, 3 times: nothing is left behind"] == "3 rooms are still there"


async def test_a_room_that_is_not_deleted(sfu: RunningSfu) -> None:
    async def not_at_first(asked: Asked) -> Reply:
        nonlocal asked_for
        asked_for += asked.method == "DELETE"
        return A_SUCCESS if asked.method == "DELETE" and asked_for == 1 else await asked.forward()

    asked_for = 0
    found = failures(await run_broken(sfu, cleanup.check, not_at_first))
    assert found == {
        "Delete room with peers: 200 OK, all in it is gone": found[
            "Delete room with peers: 200 OK, all in it is gone"
        ]
    }
    assert "status 200 instead of 404" in found["Delete room with peers: 200 OK, all in it is gone"]


async def test_memory_that_grows_and_objects_that_stay(sfu: RunningSfu) -> None:
    asked_for = 0

    async def growing(asked: Asked) -> Reply:
        nonlocal asked_for
        if asked.path != "/metrics":
            return await asked.forward()
        asked_for += 1
        lines = [f"{name} {asked_for}.0" for name in cleanup.LEFT_OVER]
        return Reply(200, "\n".join([*lines, f"process_resident_memory_bytes {asked_for * 2**26}.0", ""]))

    found = failures(await run_broken(sfu, cleanup.check, growing))
    assert "has grown by 64.0 MiB" in found["Rapid join/leave, 3 times: memory is stable"]
    assert found["Rapid join/leave, 3 times: nothing is left behind"].startswith("more than before: vtp_sfu_peers")


async def test_a_silent_peer_that_stays(sfu: RunningSfu) -> None:
    stays = where("GET", "-silent", lambda reply: reply.having(peerCount=2) if reply.status == 200 else reply)
    found = failures(await run_broken(sfu, cleanup.check, stays, vanish_timeout=1.5))
    assert "still there after 1.5 s" in found["The silent peer is removed with all it had"]
