"""A backend that was killed in mid-class: the next one puts everybody back, and nobody notices."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backend.domain.notices import (
    NewDataProducer,
    NewProducer,
    ParticipantLeft,
    ProducerSwitched,
    SfuRestarted,
    SfuWentAway,
)
from backend.domain.participants import MediaConsumer
from backend.domain.publishing import PublishingRule
from backend.domain.seat_ports import KeptSeat
from backend.domain.sfu_port import Direction, ProducerClosed, SfuUnavailable, SwitchAction
from backend.domain.users import Role
from backend.errors import DatabaseUnavailable, NotFound
from tests.support.live_class import GRACE_S, School, a_room, a_user


@pytest.fixture
def school() -> School:
    return School()


async def test_everybody_is_back_in_the_same_seat_with_the_same_media(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    school.hands.raise_hand(bob.me, raised=True)
    await school.settle()
    made = len(school.sfu.calls)

    later = School(before=school)
    ann2, ann_box = await later.join(ann.me.user, resume_token=ann.resume_token)
    bob2, bob_box = await later.join(bob.me.user, resume_token=bob.resume_token)
    assert ann2.resumed
    assert bob2.resumed
    assert (ann2.me.id, bob2.me.id) == (ann.me.id, bob.me.id)
    assert ann2.me.joined_at == ann.me.joined_at
    assert [*ann2.me.producers] == [*bob2.others[0].producers] == [producer_id]
    assert ann2.me.transports == ann.me.transports
    assert [*bob2.me.consumers] == [consumer_id]
    assert bob2.me.hand_raised_at == bob.me.hand_raised_at is not None
    assert bob2.me.room.router_rtp_capabilities == {"codecs": []}
    assert ann_box.notices == bob_box.notices == []
    assert later.classes.waiting.next_timeout() is None
    assert {call[0] for call in school.sfu.calls[made:]} == {"state"}, "nothing was made or closed"


async def test_a_restored_consumer_is_controlled_and_ends_with_its_producer(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    later = School(before=school)
    ann2, _ = await later.join(ann.me.user, resume_token=ann.resume_token)
    bob2, bob_box = await later.join(bob.me.user, resume_token=bob.resume_token)
    consumer: MediaConsumer = bob2.me.consumers[consumer_id]
    assert consumer.paused
    await later.media.switch_consumer(bob2.me, consumer_id, SwitchAction.RESUME)
    assert not consumer.paused
    await later.media.switch_producer(ann2.me, producer_id, SwitchAction.CLOSE)
    assert [type(notice).__name__ for notice in bob_box.notices] == ["ConsumerEnded", "ProducerEnded"]
    assert bob2.me.consumers == {}


async def test_data_channels_are_restored(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    source = await school.produce_data(ann.me)
    sink = await school.consume_data(bob.me, source)
    later = School(before=school)
    bob2, box = await later.join(bob.me.user, resume_token=bob.resume_token)
    assert [*bob2.me.data_consumers] == [sink]
    assert [*bob2.others[0].data_producers] == [source]
    assert box.of(NewDataProducer) == []


async def test_who_joins_after_a_restart_sees_everybody_and_all_they_send(school: School) -> None:
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    later = School(before=school)
    bob, box = await later.join()
    assert [(other.id, [*other.producers]) for other in bob.others] == [(ann.me.id, [producer_id])]
    assert box.notices == []


async def test_a_room_is_opened_once_however_many_come_at_once(school: School) -> None:
    ann, _ = await school.join()
    later = School(before=school)
    read = school.seats.read
    joined = await asyncio.gather(*(later.join() for _ in range(20)), later.classes.adopt("physics"))
    assert school.seats.read == read + 1
    assert len(later.classes.rooms["physics"].participants) == 21
    assert all(ann.me.id in [other.id for other in one[0].others] for one in joined[:-1] if one is not None)


async def test_restored_seats_have_their_grace_from_then_on_and_leave_as_ever(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    await school.produce(ann.me)
    later = School(before=school)
    later.now = 5000.0
    before = datetime.now(UTC)
    await later.classes.adopt("physics")
    restored_at = datetime.now(UTC)
    assert set(later.classes.rooms["physics"].participants) == {ann.me.id, bob.me.id}
    assert later.classes.waiting.next_timeout() == 5000.0 + GRACE_S
    _, box = await later.join(bob.me.user, resume_token=bob.resume_token)
    later.classes.handle_timeout(5000.0 + GRACE_S)
    assert box.notices[-1] == ParticipantLeft(ann.me.id, "connection-lost")
    await later.settle()
    assert set(later.sfu.rooms["physics"]) == {bob.me.id}
    assert set(school.seats.seats) == {bob.me.id}
    assert before <= school.seats.left[ann.me.id] <= restored_at, "nobody was seen after that"


async def test_who_leaves_just_then_is_not_restored(school: School) -> None:
    ann, _ = await school.join()
    school.seats.available = False
    await school.classes.leave(ann.me)
    assert school.classes.rooms == {}
    school.seats.available = True
    bob, _ = await school.join()
    assert bob.others == []
    assert school.chores._retrying is not None
    await school.chores._retrying
    assert set(school.seats.seats) == {bob.me.id}


async def test_who_has_left_by_the_time_the_seats_are_read_is_not_restored(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = await school.join()
    read, free, was_read = school.seats.of_room, school.seats.free, asyncio.Event()

    async def read_before(room_id: str) -> Sequence[KeptSeat]:
        found = await read(room_id)
        was_read.set()
        await leaving
        return found

    async def free_after(participant_id: str, left_at: datetime) -> None:
        await was_read.wait()
        await free(participant_id, left_at)

    monkeypatch.setattr(school.seats, "of_room", read_before)
    monkeypatch.setattr(school.seats, "free", free_after)
    leaving = asyncio.create_task(school.classes.leave(ann.me))
    await school.settle()
    bob, _ = await school.join()
    assert bob.others == []


async def test_a_closed_account_has_no_seat_to_come_back_to(school: School) -> None:
    ann, _ = await school.join()
    kept = school.seats.seats[ann.me.id]
    school.seats.seats[ann.me.id] = replace(kept, user=replace(kept.user, active=False))
    later = School(before=school)
    await later.classes.adopt("physics")
    await later.settle()
    assert later.classes.rooms == {}
    assert school.seats.seats == {}
    assert school.sfu.rooms == {}


async def test_a_room_that_cannot_be_read_is_not_opened_and_can_be_later(school: School) -> None:
    ann, _ = await school.join()
    later = School(before=school)
    school.seats.available = False
    results = await asyncio.gather(*(later.join() for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    assert later.classes.rooms == {}
    school.seats.available = True
    again, _ = await later.join(ann.me.user, resume_token=ann.resume_token)
    assert again.resumed


async def test_a_room_whose_place_cannot_be_read_holds_nobodys_seat(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = await school.join()
    later = School(before=school)

    async def unknown(_room_id: str) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as away:
        away.setattr(later.sfu, "open_room", unknown)
        with pytest.raises(DatabaseUnavailable):
            await later.join()
    assert later.classes.rooms == {}
    assert later.classes.waiting.next_timeout() is None
    again, _ = await later.join(ann.me.user, resume_token=ann.resume_token)
    assert again.resumed
    later.classes.handle_timeout(later.now + 2 * GRACE_S)
    await later.settle()
    assert set(school.sfu.rooms["physics"]) == set(school.seats.seats) == {ann.me.id}


async def test_somebody_who_gives_up_waiting_does_not_stop_the_opening(school: School) -> None:
    ann, _ = await school.join()
    later = School(before=school)
    later.sfu.gate.clear()
    first, second = asyncio.create_task(later.join()), asyncio.create_task(later.join())
    await later.settle()
    first.cancel()
    await later.settle()
    later.sfu.gate.set()
    joined, _ = await second
    assert [other.id for other in joined.others] == [ann.me.id]


async def test_a_room_closed_while_it_is_opened_takes_nobody(school: School) -> None:
    ann, _ = await school.join()
    later = School(before=school)
    later.sfu.gate.clear()
    joining = asyncio.create_task(later.join())
    await later.settle()
    closing = asyncio.create_task(later.classes.close_room("physics", "deleted"))
    await later.settle()
    later.sfu.gate.set()
    with pytest.raises(NotFound):
        await joining
    await closing
    await later.settle()
    assert later.classes.rooms == {}
    assert ann.me.id not in school.seats.seats
    assert school.sfu.rooms == {}


async def test_new_rules_while_a_room_is_opened_are_not_missed(school: School) -> None:
    await school.join()
    later = School(before=school)
    later.sfu.gate.clear()
    joining = asyncio.create_task(later.join())
    await later.settle()
    locked = school.rooms.records["physics"] = a_room(is_locked=True)
    await later.classes.room_changed(locked)
    later.sfu.gate.set()
    with pytest.raises(Exception, match="locked"):
        await joining
    teacher, _ = await later.join(a_user(Role.TEACHER))
    assert teacher.me.room.record == locked


@pytest.mark.parametrize("what", ["account", "sign-in", "role"])
async def test_what_becomes_of_people_while_a_room_is_opened_is_not_missed(
    school: School, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    ann, _ = await school.join(a_user(Role.TEACHER))
    later = School(before=school)
    found = asyncio.Event()

    async def open_room(_room_id: str) -> None:
        await found.wait()

    monkeypatch.setattr(school.sfu, "open_room", open_room)
    joining = asyncio.create_task(later.join(session_id="another"))
    await later.settle()
    demoted = replace(ann.me.user, role=Role.STUDENT)
    if what == "account":
        later.classes.end_user(ann.me.user.id, "closed")
    elif what == "sign-in":
        later.classes.end_session("session", "signed out")
    else:
        later.classes.user_changed(demoted)
    found.set()
    joined, _ = await joining
    assert [one.user for one in joined.me.room.participants.values() if one is not joined.me] == (
        [demoted] if what == "role" else []
    )


# The SFU


async def test_what_ends_while_it_is_read_is_not_restored(school: School) -> None:
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    later = School(before=school)
    later.sfu.gate.clear()
    joining = asyncio.create_task(later.join())
    await later.settle()
    school.sfu.rooms["physics"][ann.me.id].producers.clear()
    later.watch.sfu_event(ProducerClosed("physics", producer_id))
    later.sfu.gate.set()
    joined, _ = await joining
    await later.settle()
    assert [*joined.others[0].producers] == []


async def test_media_is_taken_over_when_the_sfu_is_back_and_nothing_is_closed(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    later = School(before=school)
    school.sfu.available = False
    ann2, ann_box = await later.join(ann.me.user, resume_token=ann.resume_token)
    bob2, bob_box = await later.join(bob.me.user, resume_token=bob.resume_token)
    later.classes.catch_up(bob2.me)
    assert bob_box.notices == [SfuWentAway()]
    with pytest.raises(SfuUnavailable):
        await later.media.switch_producer(ann2.me, producer_id, SwitchAction.PAUSE)
    with pytest.raises(SfuUnavailable):
        await later.media.create_transport(ann2.me, Direction.SEND)
    made = len(school.sfu.calls)
    school.sfu.available = True
    later.watch.sfu_connected(restarted=False, missed_events=False)
    await later.settle()
    assert [*ann2.me.producers] == [producer_id]
    assert [*bob2.me.consumers] == [consumer_id]
    assert [notice.producer.id for notice in bob_box.of(NewProducer)] == [producer_id]  # type: ignore[union-attr] # of this kind
    assert ann_box.notices == []
    assert {call[0] for call in school.sfu.calls[made:]} <= {"state", "rooms"}
    await later.media.switch_producer(ann2.me, producer_id, SwitchAction.PAUSE)


async def test_when_the_sfu_restarted_meanwhile_everybody_starts_over(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    await school.produce(ann.me)
    later = School(before=school)
    school.sfu.available = False
    ann2, ann_box = await later.join(ann.me.user, resume_token=ann.resume_token)
    school.sfu.forget_everything()
    school.sfu.available = True
    later.watch.sfu_connected(restarted=False, missed_events=False)
    await later.settle()
    assert ann_box.notices == [SfuRestarted()]
    bob2, bob_box = await later.join(bob.me.user, resume_token=bob.resume_token)
    later.classes.catch_up(bob2.me)
    assert bob_box.notices == [SfuRestarted()]
    assert await later.produce(ann2.me) in school.sfu.rooms["physics"][ann.me.id].producers


async def test_an_sfu_that_gives_no_answer_once_is_asked_again(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.domain.sfu_compare.RETRY_S", 0)
    monkeypatch.setattr("backend.domain.sfu_compare.FIRST_ANSWER_S", 0)
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    later = School(before=school)
    answer, joined_already, refused = school.sfu.room_state, asyncio.Event(), 0

    async def moody(room_id: str) -> object:
        nonlocal refused
        await joined_already.wait()
        refused += 1
        if refused < 3:
            raise SfuUnavailable(maybe_done=True)
        return await answer(room_id)

    monkeypatch.setattr(school.sfu, "room_state", moody)
    joined, box = await later.join()
    assert joined.others[0].media_unknown
    joined_already.set()
    await later.settle()
    assert not joined.others[0].media_unknown
    assert [notice.producer.id for notice in box.of(NewProducer)] == [producer_id]  # type: ignore[union-attr] # of this kind


async def test_what_the_sfu_tells_late_is_held_to_rules_made_meanwhile(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.domain.sfu_compare.FIRST_ANSWER_S", 0)
    ann, _ = await school.join()
    await school.produce(ann.me)
    later = School(before=school)
    rule = PublishingRule(later.media, later.data, later.chores)
    later.classes.open_rooms.on_changed = later.comparison.on_adopted = rule.room_changed
    answer, answering = school.sfu.room_state, asyncio.Event()

    async def late(room_id: str) -> object:
        await answering.wait()
        return await answer(room_id)

    monkeypatch.setattr(school.sfu, "room_state", late)
    admin, box = await later.join(a_user(Role.ADMIN))
    await later.classes.room_changed(a_room(students_may_publish=False))
    with pytest.raises(SfuUnavailable):
        await later.moderation.mute(admin.me, ann.me.id)
    answering.set()
    await later.settle()
    assert [notice.paused for notice in box.of(ProducerSwitched)] == [True]  # type: ignore[union-attr] # of this kind


async def test_a_stranger_in_a_room_that_is_restored_goes_unless_there_is_a_seat(school: School) -> None:
    """The backend that a room was at has died, and another one restores it."""
    ann, _ = await school.join()
    peers = school.sfu.rooms["physics"]
    peers["cut-short"] = type(peers[ann.me.id])()
    later = School(before=school)
    later.watch._grace_s = 0
    (joined, _), *_ = await asyncio.gather(later.join(), later.join())
    await later.settle()
    assert "cut-short" not in school.sfu.rooms["physics"]
    assert {ann.me.id, joined.me.id} < set(school.sfu.rooms["physics"])


async def test_a_join_that_a_crash_cut_short_leaves_no_peer(school: School) -> None:
    ann, _ = await school.join()
    peers = school.sfu.rooms["physics"]
    peers["cut-short"] = type(peers[ann.me.id])()
    later = School(before=school)
    later.watch._grace_s = 0
    later.watch.sfu_connected(restarted=False, missed_events=False)
    await later.settle()
    assert set(school.sfu.rooms["physics"]) == {ann.me.id}, "whoever has a seat keeps the peer, restored or not"
