"""Calls through the whole SFU over each kind of network, and what it tells of them."""

from typing import Any

import pytest

from tests.support.media_peer import MediaPeer, media_peer
from tests.support.sfu import EventFollower, RunningSfu, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]


async def call(
    sfu: RunningSfu, room: str, peer: MediaPeer, direction: str, local_ip: str, protocol: str
) -> tuple[Json, str]:
    """Connect a new transport of Anna's; the SFU's answer and the transport's path."""
    offered: Json = (await sfu.create_transport(room, "anna", direction)).ok()
    path = f"/rooms/{room}/transports/{offered['transportId']}"
    await peer.open(offered, local_ip, protocol)
    (await sfu.post(path + "/connect", {"dtlsParameters": peer.dtls_parameters})).ok()
    await peer.connect(offered)
    return offered, path


async def states_until(events: EventFollower, transport_id: str, ice: str, dtls: str) -> list[tuple[str, str]]:
    fields = {"transportId": transport_id, "iceState": ice, "dtlsState": dtls}
    return [
        (event["iceState"], event["dtlsState"])
        for event in await events.until("transport-state", **fields)
        if event["event"] == "transport-state"
    ]


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_a_call_tells_the_way_that_it_takes(room: str, ip: str, protocol: str) -> None:
    announced = ("127.0.0.1", "::1")
    async with running_sfu(rtc_listen_ip="::", rtc_announced_ips=announced) as sfu, media_peer() as peer:
        await sfu.join(room, "anna")
        offered, path = await call(sfu, room, peer, "send", ip, protocol)
        assert len(offered["iceCandidates"]) == 4
        [stats] = (await sfu.get(path + "/stats")).ok()["stats"]
        remote_ip, remote_port = peer.path.local[:2]
        way = {
            "localAddress": ip,
            "localPort": peer.path.remote[1],
            "remoteIp": remote_ip,
            "remotePort": remote_port,
            "protocol": protocol,
        }
        assert way.items() <= stats["iceSelectedTuple"].items()
        assert (stats["iceState"], stats["dtlsState"]) == ("completed", "connected")


async def test_states_are_told_as_they_come(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    async with sfu.events() as events, media_peer() as peer:
        offered, path = await call(sfu, room, peer, "recv", "127.0.0.1", "tcp")
        connected = ("completed", "connected")
        assert await states_until(events, offered["transportId"], *connected) == [
            ("completed", "new"),
            ("completed", "connecting"),
            connected,
        ]
        peer.stop_checking()
        peer.path.close()
        assert await states_until(events, offered["transportId"], "disconnected", "connected") == [
            ("disconnected", "connected")
        ]
        [stats] = (await sfu.get(path + "/stats")).ok()["stats"]
        assert "iceSelectedTuple" not in stats
        await peer.move()
        await peer.check()
        assert await states_until(events, offered["transportId"], *connected) == [connected]
        await peer._dtls.stop()
        assert await states_until(events, offered["transportId"], "completed", "closed") == [
            ("completed", "closed")
        ]


async def test_who_said_farewell_has_the_timeout_though_checks_go_on(room: str) -> None:
    async with running_sfu(peer_timeout_s=2.5) as sfu, sfu.events() as events, media_peer() as peer:
        await sfu.join(room, "anna")
        await call(sfu, room, peer, "send", "127.0.0.1", "udp")
        await peer._dtls.stop()
        told = await events.until("peer-closed")
        assert (told[-1]["peerId"], told[-1]["reason"]) == ("anna", "timeout")
        assert [event["dtlsState"] for event in told[:-1]].count("closed") == 1


async def test_who_said_farewell_on_one_transport_lives_on_the_other(room: str) -> None:
    async with running_sfu(peer_timeout_s=1.0) as sfu, sfu.events() as events:
        async with media_peer() as sending, media_peer() as receiving:
            await sfu.join(room, "anna")
            await call(sfu, room, sending, "send", "127.0.0.1", "udp")
            _, path = await call(sfu, room, receiving, "recv", "127.0.0.1", "udp")
            await sending._dtls.stop()
            await events.until("transport-state", dtlsState="closed")
            sending.stop_checking()
            await events.until("transport-state", iceState="disconnected")
            assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 1
            (await sfu.post(path + "/restart-ice")).ok()
        assert (await events.until("peer-closed"))[-1]["reason"] == "timeout"
