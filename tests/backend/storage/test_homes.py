"""Which room is at home where, on a real PostgreSQL."""

import asyncio

import pytest

from backend.errors import NotFound
from backend.storage.database import Database
from backend.storage.homes import PostgresHomes
from backend.storage.rooms import PostgresRooms
from shared.ids import new_id
from tests.support.rooms import a_room


@pytest.fixture
def homes(database: Database) -> PostgresHomes:
    return PostgresHomes(database)


async def a_backend(database: Database) -> str:
    """A backend that died: a row without a lock."""
    backend_id = new_id()
    await database.run("INSERT INTO backends (id, url) VALUES (%s, 'http://127.0.0.1:1')", [backend_id])
    return backend_id


async def test_of_many_who_claim_at_once_one_becomes_the_home(database: Database, homes: PostgresHomes) -> None:
    backends = [await a_backend(database) for _ in range(4)]
    for _ in range(20):
        room = await a_room(database)
        won = await asyncio.gather(*(homes.claim(room.id, backend, new_id()) for backend in backends))
        assert won.count(True) == 1
        home = await homes.home_of(room.id)
        assert home is not None
        assert home.backend_id == backends[won.index(True)]


async def test_a_newer_claim_of_the_same_backend_outlives_the_release_of_the_older(
    database: Database, homes: PostgresHomes
) -> None:
    room, backend, older, newer = await a_room(database), await a_backend(database), new_id(), new_id()
    assert await homes.claim(room.id, backend, older)
    assert await homes.claim(room.id, backend, newer)
    await homes.release(room.id, older)
    assert await homes.held_by(backend) == {room.id: newer}
    await homes.release(room.id, newer)
    assert await homes.home_of(room.id) is None


async def test_the_dead_are_buried_with_all_their_homes(database: Database, homes: PostgresHomes) -> None:
    room, dead, heir = await a_room(database), await a_backend(database), await a_backend(database)
    assert await homes.claim(room.id, dead, new_id())
    assert not await homes.claim(room.id, heir, new_id())
    assert await homes.bury(dead)
    assert await homes.bury(dead), "it is gone, whoever did it"
    assert await homes.claim(room.id, heir, new_id())


async def test_a_backend_that_was_given_up_claims_nothing(database: Database, homes: PostgresHomes) -> None:
    room = await a_room(database)
    assert not await homes.claim(room.id, new_id(), new_id())


async def test_a_deleted_room_has_no_home_and_gets_none(database: Database, homes: PostgresHomes) -> None:
    room, backend = await a_room(database), await a_backend(database)
    assert await homes.claim(room.id, backend, new_id())
    await PostgresRooms(database).delete(room.id)
    assert await homes.held_by(backend) == {}
    with pytest.raises(NotFound):
        await homes.claim(room.id, backend, new_id())
