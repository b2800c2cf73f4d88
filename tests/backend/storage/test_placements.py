"""Where rooms are, as it is kept for all backends."""

import asyncio
from dataclasses import replace

import pytest

from backend.domain.placement import Placement
from backend.errors import NotFound
from backend.storage.database import Database
from backend.storage.placements import PostgresPlacements
from backend.storage.rooms import PostgresRooms
from shared.ids import new_id
from tests.support.live_class import a_room


@pytest.fixture
async def placements(database: Database) -> PostgresPlacements:
    for room_id in ("physics", "maths"):
        await PostgresRooms(database).create_if_absent(a_room(room_id))
    return PostgresPlacements(database)


def placed(room_id: str = "physics", sfu: str = "a", epoch: str = "1") -> Placement:
    return Placement(room_id, f"http://{sfu}:3000", epoch, new_id())


async def found(placements: PostgresPlacements, room_id: str = "physics") -> str | None:
    return (await placements.epochs([room_id])).get(room_id)


async def test_the_first_who_places_a_room_wins(placements: PostgresPlacements) -> None:
    one, other = placed(epoch="1"), placed(epoch="2")
    assert await placements.place(one, None)
    assert not await placements.place(other, None)
    assert not await placements.place(other, new_id())
    assert await found(placements) == "1"
    assert await placements.place(other, one.claim_id)
    assert await found(placements) == "2"


async def test_of_many_at_once_one_places_the_room(placements: PostgresPlacements) -> None:
    wishes = [placed(epoch=str(number)) for number in range(20)]
    kept = await asyncio.gather(*(placements.place(one, None) for one in wishes))
    assert kept.count(True) == 1
    assert await found(placements) == wishes[kept.index(True)].epoch


async def test_who_takes_a_placement_over_is_the_only_one_to_remove_it(placements: PostgresPlacements) -> None:
    first = placed()
    await placements.place(first, None)
    assert await placements.take_over("maths", new_id()) is None
    claim = new_id()
    taken = await placements.take_over("physics", claim)
    assert taken == replace(first, claim_id=claim)
    await placements.remove(first)
    assert await found(placements) == "1"
    await placements.remove(taken)
    assert await found(placements) is None


async def test_a_deleted_room_is_placed_nowhere(placements: PostgresPlacements, database: Database) -> None:
    one = placed()
    await placements.place(one, None)
    await PostgresRooms(database).delete("physics")
    assert await found(placements) is None
    with pytest.raises(NotFound) as caught:
        await placements.place(placed(), None)
    assert caught.value.code == "ROOM_NOT_FOUND"
    await placements.keep([one])
    assert await found(placements) is None


async def test_what_nobody_keeps_is_swept(placements: PostgresPlacements, database: Database) -> None:
    kept, left, swept = placed(), placed("maths"), placed()
    for one in (kept, left):
        await placements.place(one, None)
    assert await placements.sweep(60) == 0
    await database.run("UPDATE room_placements SET kept_at = now() - interval '1 hour'")
    await placements.keep([kept, replace(left, claim_id=swept.claim_id)])
    assert await placements.sweep(60) == 1, "who has no claim keeps nothing"
    assert (await found(placements), await found(placements, "maths")) == ("1", None)
    await placements.keep([left])
    assert await found(placements, "maths") == "1", "of a class that is on, what was swept comes back"
