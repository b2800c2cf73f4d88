"""No new rooms, and the end when the last has closed; and how much there is to do."""

import pytest

from tests.support.sfu import RunningSfu, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_drains_takes_no_new_room_and_keeps_those_it_has(room: str) -> None:
    async with running_sfu() as sfu, sfu.events() as events:
        assert "draining" not in events.hello
        (await sfu.join(room, "anna")).ok()
        for _ in range(2):
            assert (await sfu.post("/drain")).ok() == {"draining": True, "rooms": 1, "peers": 1}
        assert await events.next() == {"event": "draining", "seq": events.hello["seq"] + 1}
        refusal = await sfu.join(f"{room}-2", "bela")
        assert (refusal.status, refusal.code) == (503, "DRAINING")
        (await sfu.join(room, "bela")).ok()
        (await sfu.create_transport(room, "bela", "send")).ok()
        (await sfu.produce(room, "bela")).ok()
        assert not sfu.rooms.drained.is_set()
        await sfu.leave(room, "anna")
        assert not sfu.rooms.drained.is_set()
        await sfu.leave(room, "bela")
        assert sfu.rooms.drained.is_set()
        assert (await sfu.join(room, "anna")).code == "DRAINING", "the room is gone"


async def test_who_drains_without_rooms_is_drained() -> None:
    async with running_sfu() as sfu:
        await sfu.post("/drain")
        assert sfu.rooms.drained.is_set()


async def test_health_says_that_it_drains(room: str) -> None:
    async with running_sfu() as sfu:
        await sfu.join(room, "anna")
        await sfu.post("/drain")
        health = (await sfu.get("/health")).ok()
        assert (health["status"], health["worker"], health["draining"]) == ("ok", "ready", True)
        ready = await sfu.get("/health/ready")
        assert (ready.status, ready.body["worker"], ready.body["draining"]) == (503, "ready", True)
        async with sfu.events() as late:
            assert late.hello["draining"] is True


async def test_the_drain_wants_the_token() -> None:
    async with running_sfu(api_token="s3cret") as sfu:
        assert (await sfu.post("/drain")).status == 401
        assert (await sfu.get("/load")).status == 401
        assert not sfu.rooms.draining


async def test_the_load_counts_what_there_is(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    await sfu.create_transport(room, "anna", "send")
    await sfu.create_transport(room, "bela", "recv")
    producer = (await sfu.produce(room, "anna", "video")).ok()["id"]
    for _ in range(2):
        await sfu.consume(room, "bela", producer)
    load = (await sfu.get("/load")).ok()
    assert load.pop("cpuShare") >= 0
    assert load.pop("packetsPerSecond") >= 0
    assert load == {
        "epoch": sfu.event_log.epoch,
        "draining": False,
        "rooms": 1,
        "peers": 2,
        "producers": 1,
        "consumers": 2,
        "workersReady": 1,
    }
