"""Several real SFUs over a real database: where rooms go, and what follows when one drains, dies or is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from backend.domain.metering import Unmetered
from backend.domain.sfu_port import Direction, RoomDoubtful, SfuEvent, SfuPeer, SfuUnavailable
from backend.errors import DatabaseUnavailable
from backend.sfu_client import SfuPool
from backend.sfu_client import pool as pool_module
from backend.storage.database import Database
from backend.storage.placements import PostgresPlacements
from backend.storage.rooms import PostgresRooms
from tests.support.live_class import a_room
from tests.support.services import Platform, Service, fresh_data_dir
from tests.support.sfu import RunningSfu, eventually, running_sfu

ROOMS = [f"room-{number}" for number in range(12)]


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.lost_media: list[str] = []
        self.away: list[str] = []
        self.back: list[str] = []
        self.doubtful: list[str] = []
        self.events: list[SfuEvent] = []

    def sfu_connected(self, *, restarted: bool, missed_events: bool, rooms: Collection[str] | None = None) -> None:
        (self.lost_media if restarted else self.back).extend(sorted(rooms or ()))

    def sfu_lost(self, rooms: Collection[str] | None = None) -> None:
        self.away.extend(sorted(rooms or ()))

    def sfu_missed_events(self, rooms: Collection[str] | None = None) -> None:
        self.doubtful.extend(sorted(rooms or ()))

    def sfu_event(self, event: SfuEvent) -> None:
        self.events.append(event)


def peer(name: str) -> SfuPeer:
    return SfuPeer(name, f"user-{name}", f"{name}@school.example", name.title(), "student", is_producer=False)


@pytest.fixture
async def placements(database: Database) -> PostgresPlacements:
    for room_id in ROOMS:
        await PostgresRooms(database).create_if_absent(a_room(room_id))
    return PostgresPlacements(database)


@asynccontextmanager
async def pool_over(
    placements: PostgresPlacements, *sfus: RunningSfu | Service
) -> AsyncIterator[tuple[SfuPool, Listener]]:
    pool, listener = SfuPool([sfu.url for sfu in sfus], None, placements, Unmetered()), Listener()
    await pool.start(listener)
    try:
        yield pool, listener
    finally:
        await pool.close()


@pytest.fixture
async def two_sfus() -> AsyncIterator[tuple[RunningSfu, RunningSfu]]:
    async with running_sfu() as one, running_sfu() as other:
        yield one, other


@pytest.fixture
async def two_services() -> AsyncIterator[tuple[Service, Service]]:
    """Two SFUs as processes of their own, that can be killed."""
    async with AsyncExitStack() as stack:
        services = []
        for _ in range(2):
            service = Platform(stack.enter_context(fresh_data_dir()), {"SFU_WORKERS": "1"}).sfu
            stack.push_async_callback(asyncio.to_thread, service.stop)
            services.append(service)
        await asyncio.gather(*(asyncio.to_thread(service.start) for service in services))
        yield services[0], services[1]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)


def count(pool: SfuPool) -> list[int]:
    return [one.rooms for one in pool.figures()]


def rooms_of(sfu: RunningSfu) -> set[str]:
    return {room.id for room in sfu.rooms.rooms}


async def test_rooms_are_spread(placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]) -> None:
    async with pool_over(placements, *two_sfus) as (pool, _):
        await asyncio.gather(*(pool.join_peer(room_id, room_id, peer(room_id)) for room_id in ROOMS))
        assert count(pool) == [6, 6]
        assert [len(rooms_of(sfu)) for sfu in two_sfus] == [6, 6]
        assert sorted(await pool.room_ids()) == sorted(ROOMS)


async def test_peers_that_come_at_once_meet(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]
) -> None:
    async with pool_over(placements, *two_sfus) as (pool, _), pool_over(placements, *two_sfus) as (other, _):
        await asyncio.gather(
            *(pool.join_peer("room-1", "", peer(f"a{number}")) for number in range(10)),
            *(other.join_peer("room-1", "", peer(f"b{number}")) for number in range(10)),
        )
        assert sorted(len(rooms_of(sfu)) for sfu in two_sfus) == [0, 1], "whoever decides, there is one place"
        state = await pool.room_state("room-1")
        assert state is not None
        assert len(state.peers) == 20


async def test_the_one_with_more_to_do_gets_no_room(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]
) -> None:
    one, other = two_sfus
    for number in range(100):
        (await one.join("of-others", f"peer-{number}")).ok()
    async with pool_over(placements, *two_sfus) as (pool, _):
        await eventually(lambda: pool._members[0].load.peers == 100)
        for room_id in ROOMS[:3]:
            await pool.join_peer(room_id, room_id, peer(room_id))
        assert rooms_of(other) == set(ROOMS[:3])


async def test_calls_and_events_are_of_the_rooms_own_sfu(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]
) -> None:
    async with pool_over(placements, *two_sfus) as (pool, listener):
        for room_id in ROOMS[:2]:
            await pool.join_peer(room_id, room_id, peer(f"peer-{room_id}"))
            await pool.create_transport(room_id, f"peer-{room_id}", Direction.SEND, enable_sctp=False)
        assert [len(rooms_of(sfu)) for sfu in two_sfus] == [1, 1]
        [at_one] = rooms_of(two_sfus[0])
        await two_sfus[1].join(at_one, "stranger")
        await two_sfus[1].leave(at_one, "stranger")
        await pool.leave_peer(at_one, f"peer-{at_one}")
        await eventually(lambda: len(listener.events) == 2)
        assert listener.events == [RoomDoubtful(at_one)] * 2, "its peer, and the room; nothing of the other SFU's"


async def test_where_a_room_is_outlives_the_backend(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]
) -> None:
    async with pool_over(placements, *two_sfus) as (pool, _):
        for room_id in ROOMS[:4]:
            await pool.join_peer(room_id, room_id, peer(f"first-{room_id}"))
    async with pool_over(placements, *two_sfus) as (pool, _):
        for room_id in ROOMS[:4]:
            await pool.open_room(room_id)
            state = await pool.room_state(room_id)
            assert state is not None
            assert set(state.peers) == {f"first-{room_id}"}
            await pool.join_peer(room_id, room_id, peer(f"second-{room_id}"))
        assert count(pool) == [2, 2]
        for room_id in ROOMS[:4]:
            await pool.leave_peer(room_id, f"first-{room_id}")
            await pool.leave_peer(room_id, f"second-{room_id}")
            pool.close_room(room_id, ended=True)
    assert [rooms_of(sfu) for sfu in two_sfus] == [set(), set()]
    assert await placements.epochs(ROOMS) == {}, "a room that ended is nowhere"


async def test_an_sfu_that_drains_gets_no_room_and_keeps_those_it_has(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu]
) -> None:
    one, other = two_sfus
    async with pool_over(placements, *two_sfus) as (pool, listener):
        for room_id in ROOMS[:2]:
            await pool.join_peer(room_id, room_id, peer(f"first-{room_id}"))
        [kept] = rooms_of(one)
        (await one.post("/drain")).ok()
        for room_id in ROOMS[2:]:  # before it has told, it refuses
            await pool.join_peer(room_id, room_id, peer(room_id))
        assert rooms_of(one) == {kept}
        await pool.join_peer(kept, kept, peer("late"))
        assert len(one.rooms.room(kept).peers) == 2
        assert [figures.draining for figures in pool.figures()] == [True, False]
        await pool.leave_peer(kept, "late")
        await pool.leave_peer(kept, f"first-{kept}")
        assert one.rooms.drained.is_set()
        assert listener.lost_media == []
        await pool.join_peer(kept, kept, peer("tomorrow"))
        assert kept in rooms_of(other), "without peers it was at an end there"
        (await other.post("/drain")).ok()
        with pytest.raises(SfuUnavailable):
            await pool.join_peer("room-new", "", peer("nobody"))


async def test_one_of_two_is_killed_and_its_rooms_go_to_the_other(
    placements: PostgresPlacements, two_services: tuple[Service, Service]
) -> None:
    one, _ = two_services
    async with pool_over(placements, *two_services) as (pool, listener):
        for room_id in ROOMS[:4]:
            await pool.join_peer(room_id, room_id, peer(room_id))
        at_one = sorted(pool._placer.rooms_at(pool._members[0]))
        assert len(at_one) == 2
        await asyncio.to_thread(one.kill)
        await eventually(lambda: listener.away == at_one)
        assert [pool.serves(room_id) for room_id in ROOMS[:4]] == [room not in at_one for room in ROOMS[:4]]
        with pytest.raises(SfuUnavailable):
            await pool.join_peer(at_one[0], "", peer("early"))
        await pool.join_peer("room-9", "", peer("elsewhere"))
        await eventually(lambda: listener.lost_media == at_one)
        assert await pool.room_state(at_one[0]) is None
        assert pool.serves(at_one[0])
        await asyncio.gather(*(pool.join_peer(room_id, "", peer(room_id)) for room_id in at_one))
        assert count(pool) == [0, 5]
        await asyncio.to_thread(one.start)
        await eventually(lambda: pool._members[0].up)
        await pool.join_peer("room-10", "", peer("new"))
        assert count(pool) == [1, 5]
        assert listener.lost_media == at_one, "told once"


async def test_an_sfu_that_was_only_out_of_sight_is_cleared_of_what_went_elsewhere(
    placements: PostgresPlacements,
    two_sfus: tuple[RunningSfu, RunningSfu],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "AWAY_S", 0.1)
    one, other = two_sfus
    async with pool_over(placements, *two_sfus) as (pool, listener):
        for room_id in ROOMS[:2]:
            await pool.join_peer(room_id, room_id, peer(f"peer-{room_id}"))
        [moved] = rooms_of(one)
        follower = pool._members[0].client._follower
        assert follower is not None
        follower._connected.clear()  # as when the network is away; the SFU knows nothing of it
        await eventually(lambda: listener.lost_media == [moved])
        await pool.join_peer(moved, moved, peer(f"peer-{moved}"))
        assert moved in rooms_of(other)
        assert moved in rooms_of(one)
        one.event_log.close()  # the stream breaks and is opened again
        await eventually(lambda: rooms_of(one) == set())
        assert pool._members[0].up
        assert listener.lost_media == [moved]
        assert moved in rooms_of(other)


async def test_a_restart_is_noticed_though_the_backend_was_away_too(
    placements: PostgresPlacements, two_services: tuple[Service, Service]
) -> None:
    one, _ = two_services
    async with pool_over(placements, *two_services) as (pool, _):
        for room_id in ROOMS[:2]:
            await pool.join_peer(room_id, room_id, peer(room_id))
        [at_one] = pool._placer.rooms_at(pool._members[0])
        [at_other] = pool._placer.rooms_at(pool._members[1])
    await asyncio.to_thread(one.kill)
    await asyncio.to_thread(one.start)
    async with pool_over(placements, *two_services) as (pool, _):
        for room_id in (at_one, at_other):
            await pool.open_room(room_id)
        assert await pool.room_state(at_one) is None
        assert await pool.room_state(at_other) is not None
        await pool.join_peer(at_one, "", peer("again"))
        assert (await pool.room_state(at_one)) is not None


async def test_a_single_sfu_that_restarts_gets_its_rooms_back(
    placements: PostgresPlacements, two_services: tuple[Service, Service]
) -> None:
    one, _ = two_services
    async with pool_over(placements, one) as (pool, listener):
        await pool.join_peer("room-1", "", peer("anna"))
        await asyncio.to_thread(one.kill)
        await eventually(lambda: listener.away == ["room-1"])
        assert not pool.available
        for work in (pool.join_peer("room-1", "", peer("anna")), pool.room_state("room-1"), pool.room_ids()):
            with pytest.raises(SfuUnavailable):
                await work
        await asyncio.to_thread(one.start)
        await eventually(lambda: listener.lost_media == ["room-1"])
        await pool.join_peer("room-1", "", peer("anna"))
        await pool.create_transport("room-1", "anna", Direction.SEND, enable_sctp=False)
        assert (await placements.epochs(["room-1"]))["room-1"] == pool._members[0].epoch
        assert listener.lost_media == ["room-1"]


async def test_a_room_that_ends_while_somebody_joins_leaves_nothing(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool_over(placements, *two_sfus) as (pool, _):
        for member in pool._members:

            async def joined(*arguments: Any, join: Any = member.client.join_peer) -> Any:
                capabilities = await join(*arguments)
                pool.close_room("room-1", ended=True)
                return capabilities

            monkeypatch.setattr(member.client, "join_peer", joined)
        with pytest.raises(SfuUnavailable):
            await pool.join_peer("room-1", "", peer("anna"))
        await pool.leave_peer("room-1", "anna")
        await eventually(lambda: all(rooms_of(sfu) == set() for sfu in two_sfus))
        assert pool._placer._rooms == {}
        assert pool._peer_at == {}
    assert await placements.epochs(["room-1"]) == {}


async def test_a_room_that_ends_while_it_is_placed_deletes_nothing_of_the_next_class(
    placements: PostgresPlacements, two_sfus: tuple[RunningSfu, RunningSfu], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool_over(placements, *two_sfus) as (pool, _):
        place = placements.place

        async def placed_late(*arguments: Any) -> bool:
            monkeypatch.setattr(placements, "place", place)
            kept = await place(*arguments)
            pool.close_room("room-1", ended=True)
            await pool.join_peer("room-1", "", peer("of-the-next-class"))
            return kept

        monkeypatch.setattr(placements, "place", placed_late)
        with pytest.raises(SfuUnavailable):
            await pool.join_peer("room-1", "", peer("anna"))
        state = await pool.room_state("room-1")
        assert state is not None
        assert set(state.peers) == {"of-the-next-class"}
        assert set(pool._peer_at) == {"of-the-next-class"}


async def test_a_class_does_not_wait_for_the_database(
    placements: PostgresPlacements, two_services: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = two_services

    async def away(*_args: Any) -> bool:
        raise DatabaseUnavailable

    async with pool_over(placements, one) as (pool, listener):
        await pool.join_peer("room-1", "", peer("anna"))
        await asyncio.to_thread(one.kill)
        await asyncio.to_thread(one.start)
        await eventually(lambda: listener.lost_media == ["room-1"])
        with monkeypatch.context() as patch:
            patch.setattr(placements, "place", away)
            await pool.join_peer("room-1", "", peer("anna"))
            with pytest.raises(DatabaseUnavailable):
                await pool.join_peer("room-2", "", peer("bela"))
        epoch = pool._members[0].epoch

        async def is_written() -> bool:
            return (await placements.epochs(["room-1"])).get("room-1") == epoch

        await until(is_written)


async def test_an_sfu_dies_again_and_again_while_rooms_are_joined(
    placements: PostgresPlacements, two_services: tuple[Service, Service]
) -> None:
    one, other = two_services
    async with pool_over(placements, one, other) as (pool, _):
        for turn in range(5):
            room_ids = ROOMS[:6]
            joins = [
                asyncio.create_task(pool.join_peer(room_id, "", peer(f"{room_id}-{turn}-{number}")))
                for room_id in room_ids
                for number in range(4)
            ]
            await asyncio.sleep(0)
            await asyncio.to_thread(one.kill)
            outcomes = await asyncio.gather(*joins, return_exceptions=True)
            assert all(isinstance(outcome, dict | SfuUnavailable) for outcome in outcomes), outcomes
            await asyncio.to_thread(one.start)
            await eventually(lambda: pool._members[0].up)
            for room_id in room_ids:
                await pool.join_peer(room_id, "", peer(f"{room_id}-{turn}"))
                state = await pool.room_state(room_id)
                assert state is not None
                assert f"{room_id}-{turn}" in state.peers
            for room_id in room_ids:
                placed = (await placements.epochs([room_id]))[room_id]
                assert placed == pool._placer.epoch_of(room_id)
            for member in pool._members:
                at_member = set(pool._placer.rooms_at(member))

                async def is_true(member: Any = member, at_member: set[str] = at_member) -> bool:
                    return set(await member.client.room_ids()) == at_member

                await until(is_true)
