"""Homes of rooms on a real database, with neighbours that say what the test wants."""

from collections.abc import Sequence

import pytest

from backend.domain.home_keeper import HomeKeeper
from backend.domain.homes import CERTAIN_S, SILENT_PROBES, Home, Pulse, RoomElsewhere, RoomHomes
from backend.domain.origin import Origin
from backend.domain.seat_ports import KeptSeat
from backend.domain.users import NewUser, Role
from backend.errors import DatabaseUnavailable, NotAvailable
from backend.storage.database import Database
from backend.storage.homes import PostgresHomes
from backend.storage.seats import PostgresSeats
from backend.storage.sessions import PostgresSessions
from backend.storage.users import PostgresUsers
from shared.ids import new_id
from tests.support.rooms import a_room


class Neighbours:
    """Answers for all other backends."""

    def __init__(self) -> None:
        self.says = Pulse.GONE
        self.asked = 0

    async def pulse(self, _home: Home) -> Pulse:
        self.asked += 1
        return self.says


class Residents:
    """Notes which rooms come and go."""

    def __init__(self, homes: RoomHomes) -> None:
        self._homes = homes
        self.adopted: list[str] = []
        self.gone: list[str] = []

    async def adopt(self, room_id: str) -> None:
        await self._homes.claim(room_id)
        self.adopted.append(room_id)

    def let_go(self, room_id: str) -> None:
        self.gone.append(room_id)


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


async def a_backend(database: Database, neighbours: Neighbours, now: Sequence[float] = (0.0,)) -> RoomHomes:
    """A backend that is in the table but holds no lock, so that only its pulse tells whether it lives."""
    backend_id = new_id()
    await database.run("INSERT INTO backends (id, url) VALUES (%s, %s)", [backend_id, f"http://{backend_id}"])
    return RoomHomes(backend_id, PostgresHomes(database), neighbours, lambda: now[0])


async def sit_in(database: Database, room_id: str) -> None:
    """Give somebody a seat in the room."""
    user = await PostgresUsers(database).add(NewUser(f"{room_id}@school.example", "Ada", None, Role.STUDENT, "x"))
    room = await a_room(database)
    sessions, at = PostgresSessions(database), room.created_at
    session = await sessions.start(user.id, "x", room_id.encode(), at, at, Origin())
    assert session is not None
    seat = KeptSeat(
        participant_id=new_id(),
        room_id=room_id,
        user=user,
        session_id=session,
        resume_hash=b"hash",
        is_producer=False,
        joined_at=room.created_at,
    )
    await PostgresSeats(database).take(seat)


async def test_a_room_at_home_at_one_that_lives_is_elsewhere(database: Database, neighbours: Neighbours) -> None:
    one, other = await a_backend(database, neighbours), await a_backend(database, neighbours)
    room = await a_room(database)
    await one.claim(room.id)
    await one.find(room.id)
    neighbours.says = Pulse.ALIVE
    for asking in (other.find, other.claim):
        with pytest.raises(RoomElsewhere) as raised:
            await asking(room.id)
        assert raised.value.home.url == f"http://{one.backend_id}"
    await one.give_up(room.id)()
    await other.claim(room.id)


async def test_a_room_whose_home_is_gone_is_claimed_at_once(database: Database, neighbours: Neighbours) -> None:
    one, other = await a_backend(database, neighbours), await a_backend(database, neighbours)
    room, second = await a_room(database), await a_room(database)
    await one.claim(room.id)
    await one.claim(second.id)
    await other.claim(room.id)
    assert sorted(await one.lost()) == sorted([room.id, second.id])
    assert await one.lost() == []


async def test_one_that_is_silent_is_given_some_time(database: Database, neighbours: Neighbours) -> None:
    one, other = await a_backend(database, neighbours), await a_backend(database, neighbours)
    room = await a_room(database)
    await one.claim(room.id)
    neighbours.says = Pulse.SILENT
    for _ in range(SILENT_PROBES - 1):
        await other.sweep()
    neighbours.says = Pulse.ALIVE
    await other.sweep()
    neighbours.says = Pulse.SILENT
    for _ in range(SILENT_PROBES - 1):
        with pytest.raises(RoomElsewhere):
            await other.claim(room.id)
    await other.claim(room.id)


async def test_the_claim_of_a_room_that_was_opened_again_outlives_its_giving_up(
    database: Database, neighbours: Neighbours
) -> None:
    one, room = await a_backend(database, neighbours), await a_room(database)
    await one.claim(room.id)
    give_up = one.give_up(room.id)
    await one.claim(room.id)
    await give_up()
    assert list(await PostgresHomes(database).held_by(one.backend_id)) == [room.id]
    assert await one.lost() == []


async def test_a_home_that_nobody_knows_of_is_given_up(database: Database, neighbours: Neighbours) -> None:
    one, room, kept = await a_backend(database, neighbours), await a_room(database), await a_room(database)
    await one.claim(kept.id)
    given_up = one.give_up(kept.id)
    assert await PostgresHomes(database).claim(room.id, one.backend_id, new_id()), "its answer was lost"
    assert await one.lost() == []
    assert list(await PostgresHomes(database).held_by(one.backend_id)) == [kept.id], "it is being given up"
    await given_up()
    assert await PostgresHomes(database).held_by(one.backend_id) == {}


async def test_who_leaves_claims_nothing_and_who_hears_nothing_is_not_certain(
    database: Database, neighbours: Neighbours
) -> None:
    now = [0.0]
    one, room = await a_backend(database, neighbours, now), await a_room(database)
    assert one.certain
    now[0] = CERTAIN_S
    assert not one.certain
    one.beat()
    assert one.certain
    one.leave()
    assert not one.certain
    with pytest.raises(NotAvailable):
        await one.claim(room.id)


async def test_a_sweep_takes_up_what_is_homeless_and_drops_what_is_lost(
    database: Database, neighbours: Neighbours
) -> None:
    one, other = await a_backend(database, neighbours), await a_backend(database, neighbours)
    sat_in, empty = await a_room(database), await a_room(database)
    await sit_in(database, sat_in.id)
    for room in (sat_in, empty):
        await one.claim(room.id)
    heir, loser = Residents(other), Residents(one)
    await HomeKeeper(other, heir).sweep()
    assert heir.adopted == [sat_in.id]
    one.doubtful = True
    await HomeKeeper(one, loser).sweep()
    assert sorted(loser.gone) == sorted([sat_in.id, empty.id])


async def test_a_sweep_without_a_database_comes_to_nothing(neighbours: Neighbours) -> None:
    homes = RoomHomes(new_id(), PostgresHomes(Database(pool_size=1)), neighbours, lambda: 0.0)
    await HomeKeeper(homes, Residents(homes)).sweep()
    with pytest.raises(DatabaseUnavailable):
        await homes.claim("physics")
    assert homes.doubtful
