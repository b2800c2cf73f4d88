"""Peers that fall silent, as real STUN requests and their absence show it."""

from typing import Any

import pytest

from tests.support.sfu import NOTHING, EventFollower, RunningSfu, running_sfu
from tests.support.stun_client import stun_client

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def is_live(events: EventFollower, transport_id: str) -> dict[str, Any]:
    seen = await events.until("transport-state", transportId=transport_id)
    while seen[-1]["iceState"] not in {"connected", "completed"}:
        seen = await events.until("transport-state", transportId=transport_id)
    return seen[-1]


async def test_a_transports_state_is_told_and_shown(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    parameters = (await sfu.create_transport(room, "anna", "send")).ok()
    async with sfu.events() as events, stun_client(parameters) as client:
        await client.check()
        state = await is_live(events, parameters["transportId"])
        assert (state["roomId"], state["peerId"], state["dtlsState"]) == (room, "anna", "new")
        [peer] = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
        assert peer["transports"][0]["iceState"] == state["iceState"]


async def test_a_silent_peer_is_removed(room: str) -> None:
    async with running_sfu(peer_timeout_s=1.0) as sfu, sfu.events() as events:
        await sfu.join(room, "anna")
        await sfu.join(room, "bela")
        parameters = (await sfu.create_transport(room, "anna", "send")).ok()
        async with stun_client(parameters) as client:
            await client.check()
            await is_live(events, parameters["transportId"])
        told = await events.until("peer-closed")
        assert told[-2]["iceState"] == "disconnected"
        assert (told[-1]["peerId"], told[-1]["reason"]) == ("anna", "timeout")
        [left] = (await sfu.get(f"/rooms/{room}")).ok()["peers"]
        assert left["peerId"] == "bela", "who never connected has the idle timeout"
        await sfu.leave(room, "bela")
        assert await sfu.worker_counts() == NOTHING


async def test_one_live_transport_keeps_the_peer(room: str) -> None:
    async with running_sfu(peer_timeout_s=1.0) as sfu, sfu.events() as events:
        await sfu.join(room, "anna")
        silent = (await sfu.create_transport(room, "anna", "send")).ok()
        kept = (await sfu.create_transport(room, "anna", "recv")).ok()
        async with stun_client(kept) as keeper, stun_client(silent) as client, keeper.kept_alive():
            await client.check()
            await events.until("transport-state", transportId=silent["transportId"], iceState="disconnected")
            assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 1
            await client.check()
            await is_live(events, silent["transportId"])
        assert (await events.until("peer-closed"))[-1]["reason"] == "timeout"


async def test_a_peer_without_transports_has_the_timeout_from_their_close(room: str) -> None:
    async with running_sfu(peer_timeout_s=1.0) as sfu, sfu.events() as events:
        await sfu.join(room, "anna")
        parameters = (await sfu.create_transport(room, "anna", "send")).ok()
        async with stun_client(parameters) as client:
            await client.check()
            await is_live(events, parameters["transportId"])
        await sfu.post(f"/rooms/{room}/transports/{parameters['transportId']}/close")
        assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 1
        assert (await events.until("peer-closed"))[-1]["reason"] == "timeout"
