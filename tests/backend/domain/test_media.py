"""What participants do with media, and what becomes of it when the world moves on meanwhile."""

import asyncio

import pytest

from backend.domain.notices import (
    ConsumerEnded,
    ConsumerSwitched,
    NewProducer,
    ProducerEnded,
    ProducerSwitched,
    SfuRestarted,
)
from backend.domain.participants import (
    MAX_CONSUMERS,
    MAX_DATA_CONSUMERS,
    MAX_DATA_PRODUCERS,
    MAX_PRODUCERS,
    MAX_TRANSPORTS,
)
from backend.domain.sfu_port import (
    ConsumerWish,
    Direction,
    MediaObject,
    ProducerWish,
    SfuUnavailable,
    SwitchAction,
)
from backend.domain.users import Role
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from sfu.control.limits import Limits
from tests.support.live_class import School, a_room, a_user


@pytest.fixture
def school() -> School:
    return School()


async def test_a_producer_is_announced_to_all_others_once(school: School) -> None:
    ann, ann_box = await school.join()
    _, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    assert [notice.producer.id for notice in bob_box.of(NewProducer)] == [producer_id]  # type: ignore[union-attr] # of this kind
    assert ann_box.of(NewProducer) == []
    cleo, cleo_box = await school.join()
    assert [*cleo.others[0].producers] == [producer_id]
    assert cleo_box.notices == []


async def test_pausing_reaches_others_and_receivers_once(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    for action in (SwitchAction.PAUSE, SwitchAction.PAUSE, SwitchAction.RESUME):
        await school.media.switch_producer(ann.me, producer_id, action)
    assert bob_box.of(ProducerSwitched) == [
        ProducerSwitched(producer_id, ann.me.id, paused=True),
        ProducerSwitched(producer_id, ann.me.id, paused=False),
    ]
    assert bob_box.of(ConsumerSwitched) == [
        ConsumerSwitched(consumer_id, producer_id, paused=True),
        ConsumerSwitched(consumer_id, producer_id, paused=False),
    ]
    assert ann_box.of(ProducerSwitched) == []


async def test_closing_a_transport_ends_what_it_carried(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    await school.media.close_transport(ann.me, ann.me.producers[producer_id].transport_id)
    assert bob_box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]
    assert bob_box.of(ConsumerEnded) == [ConsumerEnded(consumer_id, producer_id)]
    assert ann_box.of(ProducerEnded) == []
    assert ann.me.transports == {}
    with pytest.raises(NotFound):
        await school.media.switch_producer(ann.me, producer_id, SwitchAction.PAUSE)


async def test_closing_a_receiving_transport_tells_nobody(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    told = len(ann_box.notices), len(bob_box.notices)
    await school.media.close_transport(bob.me, bob.me.consumers[consumer_id].transport_id)
    assert (len(ann_box.notices), len(bob_box.notices)) == told
    assert bob.me.consumers == {}
    assert ann.me.producers[producer_id].consumers == {}


async def test_nothing_of_somebody_else_can_be_touched(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(ann.me, producer_id)
    transport_id = next(iter(ann.me.transports))
    school.sfu.calls.clear()
    media, bobs = school.media, bob.me
    for refused in (
        media.connect_transport(bobs, transport_id, {}),
        media.restart_ice(bobs, transport_id),
        media.close_transport(bobs, transport_id),
        media.produce(bobs, ProducerWish(transport_id, "audio", {})),
        media.switch_producer(bobs, producer_id, SwitchAction.CLOSE),
        media.switch_consumer(bobs, consumer_id, SwitchAction.PAUSE),
        media.request_key_frame(bobs, consumer_id),
        media.stats(bobs, MediaObject.TRANSPORT, transport_id),
        media.stats(bobs, MediaObject.PRODUCER, producer_id),
        media.consume(bobs, ConsumerWish(producer_id, {}, transport_id=transport_id)),
        media.consume(bobs, ConsumerWish(producer_id, {})),
    ):
        with pytest.raises(NotFound):
            await refused
    assert school.sfu.calls == []


async def test_another_rooms_producer_is_not_found(school: School) -> None:
    school.rooms.records["maths"] = a_room("maths")
    ann, _ = await school.join()
    bob, _ = await school.join(room_id="maths")
    producer_id = await school.produce(ann.me)
    with pytest.raises(NotFound) as caught:
        await school.consume(bob.me, producer_id)
    assert caught.value.code == "PRODUCER_NOT_FOUND"


@pytest.mark.parametrize(("role", "may"), [(Role.STUDENT, False), (Role.TEACHER, True), (Role.ADMIN, True)])
async def test_who_may_publish_where_students_may_not(school: School, role: Role, *, may: bool) -> None:
    school.rooms.records["physics"] = a_room(students_may_publish=False)
    joined, _ = await school.join(a_user(role))
    if may:
        await school.produce(joined.me)
        return
    with pytest.raises(NotAllowed):
        await school.produce(joined.me)


async def test_a_transport_serves_its_own_direction_only(school: School) -> None:
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    sending, receiving = next(iter(ann.me.transports)), await school.transport(ann.me, Direction.RECV)
    with pytest.raises(InvalidInput):
        await school.media.produce(ann.me, ProducerWish(receiving, "audio", {}))
    with pytest.raises(InvalidInput):
        await school.media.consume(ann.me, ConsumerWish(producer_id, {}, transport_id=sending))


async def test_transports_are_limited(school: School) -> None:
    ann, _ = await school.join()
    for _ in range(MAX_TRANSPORTS):
        await school.transport(ann.me)
    with pytest.raises(Conflict) as caught:
        await school.transport(ann.me)
    assert caught.value.code == "LIMIT_REACHED"


async def test_a_producer_made_for_somebody_who_left_meanwhile_is_not_announced(school: School) -> None:
    ann, ann_box = await school.join()
    _, bob_box = await school.join()
    transport_id = await school.transport(ann.me)
    school.sfu.gate.clear()
    producing = asyncio.create_task(school.media.produce(ann.me, ProducerWish(transport_id, "audio", {})))
    await school.settle()
    school.classes.dropped(ann.me, ann_box)
    school.classes.handle_timeout(school.now + 1000)
    school.sfu.gate.set()
    with pytest.raises(Conflict):
        await producing
    assert bob_box.of(NewProducer) == []
    await school.settle()
    assert ann.me.id not in school.sfu.rooms["physics"]


async def test_consuming_what_is_closed_meanwhile_is_refused(school: School) -> None:
    ann, _ = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    receiving = await school.transport(bob.me, Direction.RECV)
    school.sfu.gate.clear()
    consuming = asyncio.create_task(
        school.media.consume(bob.me, ConsumerWish(producer_id, {}, transport_id=receiving))
    )
    await school.settle()
    ann.me.room.end_producer(ann.me.producers[producer_id])
    school.sfu.gate.set()
    with pytest.raises(NotFound):
        await consuming
    assert bob.me.consumers == {}
    assert bob_box.of(ConsumerEnded) == []


async def test_an_answer_from_before_a_restart_counts_for_nothing(school: School) -> None:
    ann, _ = await school.join()
    _, bob_box = await school.join()
    transport_id = await school.transport(ann.me)
    school.sfu.gate.clear()
    producing = asyncio.create_task(school.media.produce(ann.me, ProducerWish(transport_id, "audio", {})))
    await school.settle()
    school.watch.sfu_connected(restarted=True, missed_events=False)
    school.sfu.gate.set()
    with pytest.raises(SfuUnavailable):
        await producing
    assert bob_box.of(NewProducer) == []
    assert ann.me.producers == {}


async def test_after_a_restart_the_peer_is_made_anew_with_the_first_transport(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    await school.produce(ann.me)
    school.sfu.forget_everything()
    school.watch.sfu_connected(restarted=True, missed_events=False)
    for box in (ann_box, bob_box):
        assert len(box.of(SfuRestarted)) == 1
        assert box.of(ProducerEnded) == []
    assert not ann.me.room.producers
    new = await school.produce(ann.me)
    assert school.sfu.rooms["physics"].keys() == {ann.me.id}
    assert [notice.producer.id for notice in bob_box.of(NewProducer)][-1] == new  # type: ignore[union-attr] # of this kind
    await school.consume(bob.me, new)
    assert len([call for call in school.sfu.calls if call[0] == "join"]) == 4


async def test_who_has_left_is_not_taken_back_to_the_sfu(school: School) -> None:
    ann, _ = await school.join()
    await school.produce(ann.me)
    school.sfu.forget_everything()
    school.watch.sfu_connected(restarted=True, missed_events=False)
    await school.classes.leave(ann.me)
    with pytest.raises(Conflict) as caught:
        await school.transport(ann.me)
    assert caught.value.code == "NOT_JOINED"
    assert school.sfu.rooms == {}
    assert school.sfu.closed_rooms == [("physics", True)]


async def test_muting_pauses_and_is_told(school: School) -> None:
    teacher, _ = await school.join(a_user(Role.ADMIN))
    student, box = await school.join()
    producer_id = await school.produce(student.me)
    await school.moderation.mute(teacher.me, student.me.id, "video")
    assert not student.me.producers[producer_id].paused
    await school.moderation.mute(teacher.me, student.me.id)
    assert student.me.producers[producer_id].paused
    assert ("pause-producer", producer_id) in school.sfu.calls
    assert type(box.notices[-1]).__name__ == "Muted"


@pytest.mark.parametrize(
    ("role", "owns", "may"),
    [
        (Role.STUDENT, False, False),
        (Role.TEACHER, False, False),
        (Role.TEACHER, True, True),
        (Role.ADMIN, False, True),
    ],
)
async def test_who_may_run_the_room(school: School, role: Role, *, owns: bool, may: bool) -> None:
    user = a_user(role)
    school.rooms.records["physics"] = a_room(owner_id=user.id if owns else None)
    me, _ = await school.join(user)
    other, other_box = await school.join()
    moderation = school.moderation

    async def kick() -> None:
        moderation.kick(me.me, other.me.id)

    for power in (
        lambda: moderation.mute(me.me, other.me.id),
        lambda: moderation.lock(me.me, locked=True),
        kick,
        lambda: moderation.close(me.me),
    ):
        if may:
            await power()
        else:
            with pytest.raises(NotAllowed):
                await power()
    assert (other_box.ended is not None) is may
    assert school.rooms.records["physics"].is_locked is may


def test_a_seat_may_hold_no_more_than_an_sfu_gives_it() -> None:
    limits = Limits()
    assert limits.transports_per_peer >= MAX_TRANSPORTS
    assert limits.producers_per_transport >= MAX_PRODUCERS
    assert limits.consumers_per_transport >= MAX_CONSUMERS
    assert limits.data_producers_per_transport >= MAX_DATA_PRODUCERS
    assert limits.data_consumers_per_transport >= MAX_DATA_CONSUMERS
