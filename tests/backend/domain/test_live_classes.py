"""Entering a room, taking a seat back, leaving."""

import asyncio
from dataclasses import replace

import pytest

from backend.domain.live_classes import MAX_SEATS_PER_USER
from backend.domain.notices import (
    NewProducer,
    ParticipantJoined,
    ParticipantLeft,
    ProducerEnded,
    RoomEnded,
    RoomUpdated,
    ServerShutdown,
    SfuRestarted,
    SfuWentAway,
)
from backend.domain.sfu_port import SfuUnavailable
from backend.domain.users import Role
from backend.errors import Conflict, NotAllowed, NotFound
from tests.support.live_class import GRACE_S, School, a_room, a_user


@pytest.fixture
def school() -> School:
    return School()


async def test_a_newcomer_sees_the_others_and_they_are_told(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    assert ann.others == []
    assert bob.others == [ann.me]
    assert ann_box.notices == [ParticipantJoined(bob.me)]
    assert bob_box.notices == []
    assert not bob.resumed
    assert set(school.sfu.rooms["physics"]) == {ann.me.id, bob.me.id}
    assert school.seats.taken == {ann.me.id: "physics", bob.me.id: "physics"}


async def test_a_student_cannot_enter_a_room_that_nobody_made(school: School) -> None:
    with pytest.raises(NotFound) as caught:
        await school.join(room_id="nowhere")
    assert caught.value.code == "ROOM_NOT_FOUND"
    assert "nowhere" not in school.classes.rooms


@pytest.mark.parametrize("role", [Role.TEACHER, Role.ADMIN])
async def test_staff_make_the_room_they_enter_and_own_it(school: School, role: Role) -> None:
    user = a_user(role)
    joined, _ = await school.join(user, "new-room")
    assert school.rooms.records["new-room"].owner_id == user.id
    assert joined.me.room.record.name == "new-room"


@pytest.mark.parametrize(("role", "enters"), [(Role.STUDENT, False), (Role.TEACHER, True), (Role.ADMIN, True)])
async def test_who_enters_a_locked_room(school: School, role: Role, *, enters: bool) -> None:
    school.rooms.records["physics"] = a_room(is_locked=True)
    if enters:
        await school.join(a_user(role))
        return
    with pytest.raises(NotAllowed) as caught:
        await school.join(a_user(role))
    assert caught.value.code == "ROOM_LOCKED"
    assert school.classes.rooms == {}
    assert school.sfu.calls == []


async def test_a_full_room_takes_nobody_not_even_at_the_same_time(school: School) -> None:
    school.rooms.records["physics"] = a_room(max_participants=3)
    results = await asyncio.gather(*(school.join() for _ in range(8)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, Conflict)]
    assert [one.code for one in refused] == ["ROOM_FULL"] * 5
    assert len(school.classes.rooms["physics"].participants) == 3
    await school.settle()
    assert len(school.sfu.rooms["physics"]) == 3


async def test_the_last_leave_frees_everything(school: School) -> None:
    ann, _ = await school.join()
    bob, bob_box = await school.join()
    await school.classes.leave(ann.me)
    assert bob_box.notices == [ParticipantLeft(ann.me.id, "left")]
    await school.classes.leave(ann.me)
    await school.classes.leave(bob.me)
    assert school.classes.rooms == {}
    assert school.sfu.rooms == {}
    assert set(school.seats.left) == {ann.me.id, bob.me.id}
    assert school.classes._seats_of == {}


async def test_leaving_ends_what_one_sent(school: School) -> None:
    ann, _ = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    await school.consume(bob.me, producer_id)
    await school.classes.leave(ann.me)
    assert bob_box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]
    assert isinstance(bob_box.notices[-1], ParticipantLeft)
    assert bob.me.consumers == {}
    assert bob.me.room.producers == {}


async def test_leaving_works_while_the_sfu_is_away_and_is_made_good(school: School) -> None:
    ann, _ = await school.join()
    school.sfu.available = False
    await school.classes.leave(ann.me)
    assert school.classes.rooms == {}
    assert school.chores.owed == 1
    school.sfu.available = True
    assert school.chores._retrying is not None
    await school.chores._retrying
    assert school.sfu.rooms == {}


async def test_joining_fails_while_the_sfu_is_away(school: School) -> None:
    school.sfu.available = False
    with pytest.raises(SfuUnavailable):
        await school.join()
    assert school.classes.rooms == {}
    assert school.chores.owed == 0


async def test_a_join_that_fails_late_is_undone_at_the_sfu(school: School) -> None:
    school.sfu.gate.clear()
    joining = asyncio.create_task(school.join())
    await school.settle()
    await school.classes.close_room("physics", "deleted")
    school.sfu.gate.set()
    with pytest.raises(NotFound):
        await joining
    await school.settle()
    assert school.sfu.rooms == {}
    assert school.classes.rooms == {}
    assert school.seats.taken.keys() == school.seats.left.keys()


async def test_a_change_of_rules_while_joining_is_not_missed(school: School) -> None:
    teacher, _ = await school.join(a_user(Role.TEACHER))
    joining = asyncio.create_task(school.join())
    locked = replace(school.rooms.records["physics"], is_locked=True)
    school.rooms.records["physics"] = locked
    await school.classes.room_changed(locked)
    with pytest.raises(NotAllowed):
        await joining
    assert teacher.me.room.record.is_locked


async def test_one_user_may_hold_several_seats_but_not_any_number(school: School) -> None:
    user = a_user()
    first, _ = await school.join(user)
    second, _ = await school.join(user)
    assert second.others == [first.me]
    school.classes._seats_of[user.id] = {first.me, *(object() for _ in range(MAX_SEATS_PER_USER))}  # type: ignore[arg-type] # stand-ins
    with pytest.raises(Conflict):
        await school.join(user)


# Taking a seat back


async def test_a_dropped_socket_keeps_its_seat_through_the_grace(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    school.classes.dropped(ann.me, ann_box)
    assert school.classes.waiting.next_timeout() == school.now + GRACE_S
    school.classes.handle_timeout(school.now + GRACE_S - 0.1)
    assert bob_box.notices == []
    assert list(ann.me.room.participants.values()) == [ann.me, bob.me]
    school.classes.handle_timeout(school.now + GRACE_S)
    assert bob_box.notices == [ParticipantLeft(ann.me.id, "connection-lost")]
    await school.settle()
    assert set(school.sfu.rooms["physics"]) == {bob.me.id}
    assert set(school.seats.left) == {ann.me.id}


async def test_a_seat_is_taken_back_by_its_token(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    sent_before = await school.produce(bob.me)
    school.classes.dropped(ann.me, ann_box)
    sent_meanwhile = await school.produce(bob.me)
    ann_notices = list(ann_box.notices)
    again, box = await school.join(ann.me.user, resume_token=ann.resume_token)
    assert again.resumed
    assert again.me is ann.me
    assert again.resume_token == ann.resume_token
    assert [*again.others[0].producers] == [sent_before, sent_meanwhile]
    assert bob_box.notices == []
    assert ann_box.notices == ann_notices
    assert school.classes.waiting.next_timeout() is None
    third = await school.produce(bob.me)
    assert [notice.producer.id for notice in box.of(NewProducer)] == [third]  # type: ignore[union-attr] # of this kind


async def test_the_newer_socket_wins(school: School) -> None:
    ann, ann_box = await school.join()
    again, box = await school.join(ann.me.user, resume_token=ann.resume_token)
    assert again.resumed
    assert ann_box.ended is not None
    school.classes.dropped(ann.me, ann_box)  # the old socket closing changes nothing
    assert ann.me.outbox is box
    assert school.classes.waiting.next_timeout() is None


async def test_a_token_fits_only_its_user_and_room(school: School) -> None:
    school.rooms.records["maths"] = a_room("maths")
    ann, ann_box = await school.join()
    for user, room in ((a_user(), "physics"), (ann.me.user, "maths")):
        other, _ = await school.join(user, room, resume_token=ann.resume_token)
        assert not other.resumed
        assert other.me is not ann.me
    assert ann_box.ended is None


async def test_an_expired_seat_cannot_be_taken_back(school: School) -> None:
    ann, ann_box = await school.join()
    school.classes.dropped(ann.me, ann_box)
    school.classes.handle_timeout(school.now + GRACE_S)
    again, _ = await school.join(ann.me.user, resume_token=ann.resume_token)
    assert not again.resumed
    assert again.me.id != ann.me.id


async def test_a_seat_in_a_locked_or_full_room_is_taken_back(school: School) -> None:
    school.rooms.records["physics"] = a_room(max_participants=1)
    ann, ann_box = await school.join()
    await school.classes.room_changed(a_room(max_participants=1, is_locked=True))
    school.classes.dropped(ann.me, ann_box)
    again, _ = await school.join(ann.me.user, resume_token=ann.resume_token)
    assert again.resumed


async def test_what_the_older_socket_asked_last_is_settled_before_the_newer_takes_over(school: School) -> None:
    ann, ann_box = await school.join()
    transport_id = await school.transport(ann.me)
    school.sfu.gate.clear()
    closing = asyncio.create_task(school.media.close_transport(ann.me, transport_id))
    await school.settle()
    taking_back = asyncio.create_task(school.join(ann.me.user, resume_token=ann.resume_token))
    await school.settle()
    assert ann_box.ended is None
    school.sfu.gate.set()
    await asyncio.gather(closing, taking_back)
    assert ann_box.ended is not None
    assert ann.me.transports == {}


async def test_who_comes_back_hears_that_the_sfu_is_away(school: School) -> None:
    ann, ann_box = await school.join()
    school.classes.dropped(ann.me, ann_box)
    school.sfu.available = False
    again, box = await school.join(ann.me.user, resume_token=ann.resume_token)
    school.classes.catch_up(again.me)
    assert box.notices == [SfuWentAway()]


async def test_who_comes_back_after_its_media_were_lost_starts_over(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    sent = await school.produce(ann.me)
    kept = await school.produce(bob.me)
    school.classes.dropped(ann.me, ann_box)
    ann.me.room.lose_media([ann.me])
    assert bob_box.notices == [NewProducer(bob_box.notices[0].producer), ProducerEnded(sent, ann.me.id)]  # type: ignore[union-attr] # a NewProducer
    again, box = await school.join(ann.me.user, resume_token=ann.resume_token)
    school.classes.catch_up(again.me)
    assert isinstance(box.notices[0], SfuRestarted)
    assert [notice.producer.id for notice in box.of(NewProducer)] == [kept]  # type: ignore[union-attr] # of this kind


# Rooms and accounts


async def test_closing_a_room_sends_everybody_out(school: School) -> None:
    _, ann_box = await school.join()
    _, bob_box = await school.join()
    await school.classes.close_room("physics", "deleted")
    for box in (ann_box, bob_box):
        assert box.notices[-1] == RoomEnded("deleted")
        assert box.ended is not None
    assert school.classes.rooms == {}
    assert school.sfu.rooms == {}
    await school.classes.close_room("physics", "deleted")
    again, _ = await school.join()
    assert again.others == []


async def test_a_room_opened_while_somebody_still_leaves_the_closed_one_is_given_up(school: School) -> None:
    answers, school.sfu.gate = school.sfu.gate, asyncio.Event()
    late = asyncio.create_task(school.join())
    await school.settle()
    held, school.sfu.gate = school.sfu.gate, answers
    await school.classes.close_room("physics", "closed")
    bob, _ = await school.join()
    await school.classes.leave(bob.me)
    assert school.classes.rooms == {}
    held.set()
    with pytest.raises(NotFound):
        await late


async def test_closing_a_full_room_tells_nobody_of_the_others_media(school: School) -> None:
    boxes = []
    for _ in range(5):
        joined, box = await school.join()
        producer = await school.produce(joined.me)
        boxes.append((joined.me, box, producer))
    await school.consume(boxes[0][0], boxes[1][2])
    for _, box, _ in boxes:
        box.notices.clear()
    await school.classes.close_room("physics", "over")
    await school.settle()
    assert [box.notices for _, box, _ in boxes] == [[RoomEnded("over")]] * 5
    assert all(me.gone and not me.producers and not me.consumers for me, _, _ in boxes)
    assert len(school.classes.waiting) == 0
    assert school.sfu.rooms == {}


async def test_a_changed_room_is_told_once(school: School) -> None:
    _, box = await school.join()
    changed = a_room(name="Chemistry")
    await school.classes.room_changed(changed)
    await school.classes.room_changed(changed)
    assert box.notices == [RoomUpdated(changed)]


async def test_ending_a_user_frees_all_their_seats(school: School) -> None:
    user = a_user()
    _, first = await school.join(user)
    _, second = await school.join(user)
    bob, bob_box = await school.join()
    school.classes.end_user(user.id, "account closed")
    assert first.ended == second.ended == "account closed"
    assert len(bob_box.of(ParticipantLeft)) == 2
    await school.settle()
    assert set(school.sfu.rooms["physics"]) == {bob.me.id}


async def test_a_shutdown_is_told_and_changes_nothing(school: School) -> None:
    ann, box = await school.join()
    school.classes.announce_shutdown()
    assert isinstance(box.notices[-1], ServerShutdown)
    assert set(school.sfu.rooms["physics"]) == {ann.me.id}
    assert not ann.me.gone
