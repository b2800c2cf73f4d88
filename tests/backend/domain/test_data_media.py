"""Data channels of a live class: who is told what, in which order, and what is left when something ends."""

import pytest

from backend.domain.notices import (
    DataConsumerEnded,
    DataProducerEnded,
    NewDataProducer,
    NewProducer,
    Notice,
    ParticipantLeft,
    SfuRestarted,
)
from backend.domain.participants import MAX_DATA_PRODUCERS
from backend.domain.sfu_port import DataConsumerClosed, DataProducerClosed, DataProducerWish, Direction
from backend.domain.users import Role
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.support.live_class import NotedOutbox, School, a_room, a_user


@pytest.fixture
def school() -> School:
    return School()


def kinds(outbox: NotedOutbox) -> list[type[Notice]]:
    return [type(notice) for notice in outbox.notices]


async def test_what_one_sends_is_announced_in_order_and_stands_in_the_list(school: School) -> None:
    ann, anns = await school.join()
    bob, bobs = await school.join()
    await school.produce(ann.me)
    producer_id = await school.produce_data(ann.me, "whiteboard")
    assert kinds(bobs) == [NewProducer, NewDataProducer]
    announced = bobs.of(NewDataProducer)[0]
    assert isinstance(announced, NewDataProducer)
    assert (announced.producer.id, announced.producer.label) == (producer_id, "whiteboard")
    consumer_id = await school.consume_data(bob.me, producer_id)
    await school.data.close_producer(ann.me, producer_id)
    assert bobs.notices[-2:] == [
        DataConsumerEnded(consumer_id, producer_id, None),
        DataProducerEnded(producer_id, ann.me.id),
    ]
    assert not anns.of(DataProducerEnded)
    assert not ann.me.data_producers
    assert not bob.me.data_consumers


async def test_who_may_not_publish_may_not_send_data(school: School) -> None:
    school.rooms.records["physics"] = a_room(students_may_publish=False)
    student, _ = await school.join(a_user(Role.STUDENT))
    with pytest.raises(NotAllowed):
        await school.produce_data(student.me)
    teacher, _ = await school.join(a_user(Role.TEACHER))
    await school.consume_data(student.me, await school.produce_data(teacher.me))


async def test_directions_ownership_and_limits_hold(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    receiving = await school.transport(ann.me, Direction.RECV)
    with pytest.raises(InvalidInput):
        await school.data.produce(ann.me, DataProducerWish(receiving, {"streamId": 0}))
    producer_id = await school.produce_data(ann.me)
    for refused in (
        school.data.close_producer(bob.me, producer_id),
        school.data.close_consumer(bob.me, "nothing"),
    ):
        with pytest.raises(NotFound):
            await refused
    with pytest.raises(NotFound):
        await school.consume_data(bob.me, "nothing")
    sending = await school.transport(ann.me)
    for stream_id in range(1, MAX_DATA_PRODUCERS):
        await school.data.produce(ann.me, DataProducerWish(sending, {"streamId": stream_id}))
    with pytest.raises(Conflict):
        await school.data.produce(ann.me, DataProducerWish(sending, {"streamId": 99}))


async def test_leaving_ends_what_one_sends(school: School) -> None:
    ann, _ = await school.join()
    bob, bobs = await school.join()
    producer_id = await school.produce_data(ann.me)
    consumer_id = await school.consume_data(bob.me, producer_id)
    await school.classes.leave(ann.me)
    assert bobs.notices[-3:] == [
        DataConsumerEnded(consumer_id, producer_id, None),
        DataProducerEnded(producer_id, ann.me.id),
        ParticipantLeft(ann.me.id, "left"),
    ]
    assert not bob.me.room.data.producers


async def test_closing_a_transport_ends_what_it_carries(school: School) -> None:
    ann, _ = await school.join()
    bob, bobs = await school.join()
    producer_id = await school.produce_data(ann.me)
    await school.consume_data(bob.me, producer_id)
    (transport_id,) = ann.me.transports
    await school.media.close_transport(ann.me, transport_id)
    assert kinds(bobs)[-2:] == [DataConsumerEnded, DataProducerEnded]
    assert not ann.me.data_producers


async def test_what_the_sfu_ends_by_itself_is_told(school: School) -> None:
    ann, anns = await school.join()
    bob, bobs = await school.join()
    producer_id = await school.produce_data(ann.me)
    first, second = [await school.consume_data(bob.me, producer_id) for _ in range(2)]
    school.watch.sfu_event(DataConsumerClosed("physics", bob.me.id, first, "buffer-full"))
    assert bobs.notices[-1] == DataConsumerEnded(first, producer_id, "buffer-full")
    school.watch.sfu_event(DataConsumerClosed("physics", bob.me.id, first, "buffer-full"))
    school.watch.sfu_event(DataProducerClosed("physics", producer_id))
    assert bobs.notices[-2:] == [
        DataConsumerEnded(second, producer_id, None),
        DataProducerEnded(producer_id, ann.me.id),
    ]
    assert anns.of(DataProducerEnded) == [DataProducerEnded(producer_id, ann.me.id)]


async def test_a_room_in_doubt_is_compared(school: School) -> None:
    ann, anns = await school.join()
    bob, bobs = await school.join()
    producer_id = await school.produce_data(ann.me)
    consumer_id = await school.consume_data(bob.me, producer_id)
    peers = school.sfu.rooms["physics"]
    peers[bob.me.id].data_consumers.clear()
    peers[ann.me.id].data_producers["unknown"] = ""
    peers[bob.me.id].data_consumers["unknown-too"] = ("", producer_id)
    school.comparison.doubt(ann.me.room)
    await school.settle()
    assert bobs.notices[-1] == DataConsumerEnded(consumer_id, producer_id, None)
    assert list(peers[ann.me.id].data_producers) == [producer_id]
    assert not peers[bob.me.id].data_consumers
    peers[ann.me.id].data_producers.clear()
    school.comparison.doubt(ann.me.room)
    await school.settle()
    assert bobs.of(DataProducerEnded) == anns.of(DataProducerEnded) == [DataProducerEnded(producer_id, ann.me.id)]


async def test_after_a_restart_of_the_sfu_nothing_is_left(school: School) -> None:
    ann, _ = await school.join()
    bob, bobs = await school.join()
    await school.consume_data(bob.me, await school.produce_data(ann.me))
    school.sfu.forget_everything()
    school.watch.sfu_connected(restarted=True, missed_events=True)
    assert kinds(bobs)[-1] is SfuRestarted
    assert not bobs.of(DataProducerEnded)
    assert not bob.me.data_consumers
    assert not bob.me.room.data.producers


async def test_who_loses_its_media_alone_learns_anew_what_the_others_send(school: School) -> None:
    ann, _ = await school.join()
    bob, bobs = await school.join()
    kept = await school.produce_data(ann.me)
    lost = await school.produce_data(bob.me)
    del school.sfu.rooms["physics"][bob.me.id]
    school.comparison.doubt(bob.me.room)
    await school.settle()
    assert kinds(bobs)[-2:] == [SfuRestarted, NewDataProducer]
    again = bobs.notices[-1]
    assert isinstance(again, NewDataProducer)
    assert again.producer.id == kept
    assert lost not in bob.me.room.data.producers
