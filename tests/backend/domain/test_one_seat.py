"""A room in which a user has one seat: the later one takes the place of the earlier."""

import asyncio

import pytest

from backend.domain.notices import ParticipantJoined, ParticipantLeft, ProducerEnded
from backend.domain.users import Role
from backend.errors import Conflict
from tests.support.live_class import School, a_room, a_user


@pytest.fixture
async def school() -> School:
    school = School()
    school.rooms.records["physics"] = a_room(one_seat_per_user=True)
    return school


async def test_the_later_seat_takes_the_place_of_the_earlier(school: School) -> None:
    _, told = await school.join()
    user = a_user()
    first, first_out = await school.join(user)
    producer_id = await school.produce(first.me)
    second, _ = await school.join(user)
    assert first_out.ended == "replaced"
    assert first.me.gone
    assert first.me not in second.others
    assert told.notices[-3:] == [
        ProducerEnded(producer_id, first.me.id),
        ParticipantLeft(first.me.id, "replaced"),
        ParticipantJoined(second.me),
    ]
    await school.settle()
    assert set(school.sfu.rooms["physics"]) == {one.id for one in second.me.room.participants.values()}
    assert first.me.id in school.seats.left
    third, _ = await school.join(user, resume_token=first.resume_token)
    assert third.resumed is False, "the seat that was replaced is gone"
    assert third.me.room.participants.keys() == {third.me.id, *(one.id for one in third.others)}


async def test_alone_in_the_room_too(school: School) -> None:
    user = a_user()
    first, first_out = await school.join(user)
    second, _ = await school.join(user)
    assert second.me.room is first.me.room
    assert (first_out.ended, second.me.room.closed) == ("replaced", False)


async def test_a_full_room_has_a_place_for_who_replaces_oneself(school: School) -> None:
    school.rooms.records["physics"] = a_room(one_seat_per_user=True, max_participants=2)
    user = a_user()
    await school.join(user)
    await school.join()
    with pytest.raises(Conflict):
        await school.join()
    again, _ = await school.join(user)
    assert len(again.me.room.participants) == 2


async def test_many_at_once_end_with_one_seat(school: School) -> None:
    user = a_user(Role.TEACHER)
    came = await asyncio.gather(*(school.join(user) for _ in range(10)))
    (left,) = came[0][0].me.room.participants.values()
    assert sum(joined.me is left for joined, _ in came) == 1
    assert sum(outbox.ended == "replaced" for _, outbox in came) == 9


async def test_the_rule_counts_from_the_next_seat_on(school: School) -> None:
    school.rooms.records["physics"] = a_room()
    user = a_user()
    seats = [await school.join(user) for _ in range(3)]
    await school.classes.room_changed(a_room(one_seat_per_user=True))
    school.rooms.records["physics"] = a_room(one_seat_per_user=True)
    assert [outbox.ended for _, outbox in seats] == [None] * 3
    last, _ = await school.join(user)
    assert [outbox.ended for _, outbox in seats] == ["replaced"] * 3
    assert list(last.me.room.participants) == [last.me.id]


async def test_those_on_the_way_in_count_too(school: School) -> None:
    school.rooms.records["physics"] = a_room(max_participants=3)
    school.sfu.gate.clear()
    coming = [asyncio.ensure_future(school.join()) for _ in range(5)]
    await school.settle()
    school.sfu.gate.set()
    ends = await asyncio.gather(*coming, return_exceptions=True)
    assert sum(isinstance(end, Conflict) for end in ends) == 2
    assert len(school.classes.rooms["physics"].participants) == 3
