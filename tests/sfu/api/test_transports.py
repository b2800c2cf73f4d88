import asyncio
import re
from typing import Any

import pytest
from aioice import stun

from tests.support.sfu import FINGERPRINT, NOTHING, RunningSfu, running_sfu
from tests.support.stun_client import stun_client

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_transport_says_where_and_how_to_connect(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    body = (await sfu.create_transport(room, "anna", "send")).ok()
    assert set(body) == {"transportId", "iceParameters", "iceCandidates", "dtlsParameters"}
    ice = body["iceParameters"]
    assert ice["iceLite"] is True
    assert len(ice["usernameFragment"]) >= 4
    assert len(ice["password"]) >= 22, "RFC 8445 section 5.3"
    [worker] = sfu.pool.ready_workers
    candidate = body["iceCandidates"][0]
    assert (candidate["ip"], candidate["address"], candidate["port"]) == ("127.0.0.1", "127.0.0.1", worker.port)
    assert (candidate["protocol"], candidate["type"]) == ("udp", "host")
    tcp = body["iceCandidates"][1]
    assert (tcp["protocol"], tcp["tcpType"], tcp["ip"]) == ("tcp", "passive", "127.0.0.1")
    assert 0 < tcp["priority"] < candidate["priority"]
    dtls = body["dtlsParameters"]
    assert dtls["role"] == "auto"
    [fingerprint] = dtls["fingerprints"]
    assert fingerprint["algorithm"] == "sha-256"
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", fingerprint["value"])


async def test_each_transport_has_credentials_of_its_own(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    made = [(await sfu.create_transport(room, "anna", "recv")).ok() for _ in range(3)]
    assert len({body["transportId"] for body in made}) == 3
    assert len({body["iceParameters"]["usernameFragment"] for body in made}) == 3
    assert len({body["iceParameters"]["password"] for body in made}) == 3


async def test_ice_restarts_with_new_credentials_and_the_old_ones_serve_until_they_are_used(
    sfu: RunningSfu, room: str
) -> None:
    await sfu.join(room, "anna")
    made = (await sfu.create_transport(room, "anna", "send")).ok()
    path = f"/rooms/{room}/transports/{made['transportId']}"
    async with sfu.events() as events, stun_client(made) as before:
        await before.check()
        answer = (await sfu.post(path + "/restart-ice")).ok()
        assert set(answer) == {"iceParameters"}
        ice = answer["iceParameters"]
        assert ice["iceLite"] is True
        assert ice["usernameFragment"] != made["iceParameters"]["usernameFragment"]
        assert ice["password"] != made["iceParameters"]["password"]
        assert (await before.check()).message_class == stun.Class.RESPONSE
        async with stun_client({**made, **answer}) as after:
            assert (await after.check()).message_class == stun.Class.RESPONSE
        dropped = await sfu.drops("stun_unknown_username")
        before.send_check()
        while await sfu.drops("stun_unknown_username") == dropped:  # noqa: ASYNC110 - the worker tells when asked
            await asyncio.sleep(0)
        states = [event["iceState"] for event in await events.until("transport-state")]
        assert states == ["completed"]
    (await sfu.post(path + "/close")).ok()
    gone = await sfu.post(path + "/restart-ice")
    assert (gone.status, gone.code) == (404, "TRANSPORT_NOT_FOUND")


async def test_tcp_can_be_turned_off(room: str) -> None:
    async with running_sfu(rtc_tcp=False) as sfu:
        await sfu.join(room, "anna")
        [candidate] = (await sfu.create_transport(room, "anna", "send")).ok()["iceCandidates"]
        assert candidate["protocol"] == "udp"


async def test_connecting_serves_once(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    transport = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    assert (await sfu.connect(room, transport)).ok() == {"success": True}
    again = await sfu.connect(room, transport)
    assert (again.status, again.code) == (409, "ALREADY_CONNECTED")


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
@pytest.mark.parametrize("role", ["auto", "client", "server", None])
async def test_fingerprints_and_roles_that_clients_send(
    sfu: RunningSfu, room: str, algorithm: str, role: str | None
) -> None:
    await sfu.join(room, "anna")
    transport = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    size = {"sha-256": 32, "sha-384": 48, "sha-512": 64}[algorithm]
    fingerprint = {"algorithm": algorithm, "value": ":".join(["0F"] * size)}
    body = {"dtlsParameters": {"role": role, "fingerprints": [fingerprint]}}
    answer = await sfu.post(f"/rooms/{room}/transports/{transport}/connect", body)
    assert answer.ok() == {"success": True}


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"fingerprints": []},
        {"fingerprints": [{"algorithm": "sha-1", "value": ":".join(["AB"] * 20)}]},
        {"fingerprints": [{"algorithm": "sha-256", "value": "AB:CD"}]},
        {"fingerprints": [{"algorithm": "sha-256", "value": "hello"}]},
        {"fingerprints": "all"},
        {"fingerprints": [FINGERPRINT], "role": "both"},
        "text",
    ],
)
async def test_bad_dtls_parameters_change_nothing(sfu: RunningSfu, room: str, parameters: Any) -> None:
    await sfu.join(room, "anna")
    transport = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    path = f"/rooms/{room}/transports/{transport}/connect"
    refused = await sfu.post(path, {"dtlsParameters": parameters})
    assert (refused.status, refused.code) == (400, "INVALID_INPUT")
    assert list(refused.body["details"]) == ["dtlsParameters"]
    (await sfu.connect(room, transport)).ok()


async def test_closing_a_transport_closes_all_on_it(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    send = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    await sfu.create_transport(room, "bela", "recv")
    produced = (await sfu.produce(room, "anna")).ok()
    (await sfu.consume(room, "bela", produced["id"])).ok()
    (await sfu.post(f"/rooms/{room}/transports/{send}/close")).ok()
    assert await sfu.worker_counts() == {**NOTHING, "routers": 1, "transports": 1}
    info = (await sfu.get(f"/rooms/{room}")).ok()
    assert [(peer["producerCount"], peer["consumerCount"]) for peer in info["peers"]] == [(0, 0), (0, 0)]
    again = await sfu.post(f"/rooms/{room}/transports/{send}/close")
    assert (again.status, again.code) == (404, "TRANSPORT_NOT_FOUND")


async def test_transport_stats_have_mediasoups_names(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    transport = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    [stats] = (await sfu.get(f"/rooms/{room}/transports/{transport}/stats")).ok()["stats"]
    assert stats["type"] == "webrtc-transport"
    assert stats["transportId"] == transport
    assert {"timestamp", "iceState", "dtlsState", "bytesReceived", "bytesSent"} <= set(stats)
    assert {"recvBitrate", "sendBitrate", "rtpBytesReceived", "rtpRecvBitrate", "rtpSendBitrate"} <= set(stats)


@pytest.mark.parametrize("action", ["connect", "close"])
async def test_another_rooms_transport_is_not_found(sfu: RunningSfu, room: str, action: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room + "-2", "bela")
    theirs = (await sfu.create_transport(room + "-2", "bela", "send")).ok()["transportId"]
    body = {"dtlsParameters": {"fingerprints": [FINGERPRINT]}}
    for transport in (theirs, "no-such-transport"):
        refused = await sfu.post(f"/rooms/{room}/transports/{transport}/{action}", body)
        assert (refused.status, refused.code) == (404, "TRANSPORT_NOT_FOUND")
    assert (await sfu.get(f"/rooms/{room}/transports/{theirs}/stats")).code == "TRANSPORT_NOT_FOUND"
    (await sfu.connect(room + "-2", theirs)).ok()


async def test_a_leave_during_a_create_leaves_nothing_behind(sfu: RunningSfu, room: str) -> None:
    for number in range(20):
        (await sfu.join(room, "anna")).ok()
        created, left = await asyncio.gather(
            sfu.create_transport(room, "anna", "send" if number % 2 else "recv"), sfu.leave(room, "anna")
        )
        assert left.status == 200
        assert created.status == 200 or created.code in {
            "ROOM_NOT_FOUND",
            "PEER_NOT_FOUND",
            "TRANSPORT_NOT_FOUND",
        }
    assert await sfu.worker_counts() == NOTHING


async def test_the_newest_transport_of_a_direction_serves(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    missing = await sfu.produce(room, "anna")
    assert (missing.status, missing.code) == (404, "TRANSPORT_NOT_FOUND")
    await sfu.create_transport(room, "anna", "recv")
    await sfu.create_transport(room, "anna", "send")
    newest = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    (await sfu.produce(room, "anna")).ok()
    [peer] = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
    assert [producer["transportId"] for producer in peer["producers"]] == [newest]
