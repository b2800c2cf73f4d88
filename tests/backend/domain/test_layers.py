"""Layers: who may ask for them, who is told of them, and what is told anew after something was missed."""

import asyncio

import pytest

from backend.domain.notices import ConsumerLayersChanged, ProducerLayersWanted
from backend.domain.sfu_port import ConsumerWish, Direction, Layers, LayersChanged, LayersWanted
from backend.errors import NotFound
from tests.support.live_class import GRACE_S, School, a_user


@pytest.fixture
def school() -> School:
    return School()


async def test_one_sets_the_layers_and_priority_of_ones_own_consumers_only(school: School) -> None:
    ann, _ = await school.join()
    bob, _ = await school.join()
    consumer_id = await school.consume(bob.me, await school.produce(ann.me, "video"))
    assert await school.media.set_preferred_layers(bob.me, consumer_id, Layers(9)) == Layers(2, 2)
    await school.media.set_consumer_priority(bob.me, consumer_id, 200)
    asked = [("preferred-layers", consumer_id, "9"), ("priority", consumer_id, "200")]
    assert school.sfu.calls[-2:] == asked
    for call in (
        school.media.set_preferred_layers(ann.me, consumer_id, Layers(1)),
        school.media.set_consumer_priority(ann.me, consumer_id, 1),
    ):
        with pytest.raises(NotFound) as refusal:
            await call
        assert refusal.value.code == "CONSUMER_NOT_FOUND"
    assert school.sfu.calls[-2:] == asked


async def test_layers_are_told_to_who_receives_and_wishes_to_who_sends(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me, "video")
    consumer_id = await school.consume(bob.me, producer_id)
    layers = LayersChanged("physics", bob.me.id, consumer_id, Layers(1, 2))
    wanted = LayersWanted("physics", producer_id, 1)
    for event in (layers, wanted, layers, wanted):
        school.watch.sfu_event(event)
    assert bob_box.of(ConsumerLayersChanged) == [ConsumerLayersChanged(consumer_id, Layers(1, 2))]
    assert ann_box.of(ProducerLayersWanted) == [ProducerLayersWanted(producer_id, 1)]
    assert ann_box.of(ConsumerLayersChanged) == bob_box.of(ProducerLayersWanted) == []
    school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, None))
    school.watch.sfu_event(LayersWanted("physics", producer_id, None))
    assert bob_box.notices[-1] == ConsumerLayersChanged(consumer_id, None)
    assert ann_box.notices[-1] == ProducerLayersWanted(producer_id, None)


async def test_events_of_what_nobody_here_holds_change_nothing(school: School) -> None:
    ann, ann_box = await school.join()
    school.watch.sfu_event(LayersChanged("physics", ann.me.id, "unknown", Layers(1, 2)))
    school.watch.sfu_event(LayersChanged("physics", "nobody", "unknown", Layers(1, 2)))
    school.watch.sfu_event(LayersWanted("physics", "unknown", 1))
    assert ann_box.notices == []
    assert ann.me.early_layers == {}


async def test_layers_that_overtake_the_answer_stand_in_it(school: School) -> None:
    ann, _ = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me, "video")
    wish = ConsumerWish(producer_id, {}, paused=False, transport_id=await school.transport(bob.me, Direction.RECV))
    school.sfu.gate.clear()
    consuming = asyncio.create_task(school.media.consume(bob.me, wish))
    await school.settle()
    [consumer_id] = school.sfu.rooms["physics"][bob.me.id].consumers
    school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, Layers(0, 1)))
    school.sfu.gate.set()
    consumer, _ = await consuming
    assert consumer.layers == ConsumerLayersChanged(consumer_id, Layers(0, 1))
    assert bob_box.of(ConsumerLayersChanged) == []


async def test_after_a_gap_in_the_events_the_present_layers_are_told(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me, "video")
    first, second, quiet = [await school.consume(bob.me, producer_id) for _ in range(3)]
    for consumer_id in (first, second):
        school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, Layers(2, 2)))
    school.sfu.rooms["physics"][bob.me.id].layers = {first: None, second: Layers(2, 2), quiet: None}
    school.sfu.rooms["physics"][ann.me.id].wanted = {producer_id: 0}
    school.watch.sfu_missed_events()
    await school.settle()
    assert bob_box.of(ConsumerLayersChanged)[2:] == [ConsumerLayersChanged(first, None)]
    assert ann_box.of(ProducerLayersWanted) == [ProducerLayersWanted(producer_id, 0)]


async def test_an_event_that_comes_while_comparing_is_newer_than_the_comparison(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me, "video")
    consumer_id = await school.consume(bob.me, producer_id)
    school.sfu.rooms["physics"][bob.me.id].layers = {consumer_id: Layers(0, 0)}
    school.sfu.rooms["physics"][ann.me.id].wanted = {producer_id: 0}
    school.sfu.gate.clear()
    school.watch.sfu_missed_events()
    await school.settle()
    school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, Layers(2, 2)))
    school.watch.sfu_event(LayersWanted("physics", producer_id, 2))
    school.sfu.gate.set()
    await school.settle()
    assert bob_box.of(ConsumerLayersChanged) == [ConsumerLayersChanged(consumer_id, Layers(2, 2))]
    assert ann_box.of(ProducerLayersWanted) == [ProducerLayersWanted(producer_id, 2)]


async def test_who_takes_a_seat_back_is_told_the_present_layers(school: School) -> None:
    user = a_user()
    ann, _ = await school.join()
    bob, bob_box = await school.join(user)
    producer_id = await school.produce(ann.me, "video")
    consumer_id, _quiet = [await school.consume(bob.me, producer_id) for _ in range(2)]
    own = await school.produce(bob.me, "video")
    school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, Layers(2, 2)))
    school.classes.dropped(bob.me, bob_box)
    school.watch.sfu_event(LayersChanged("physics", bob.me.id, consumer_id, None))
    school.watch.sfu_event(LayersWanted("physics", own, 1))
    school.now += GRACE_S / 2
    again, box = await school.join(user, resume_token=bob.resume_token)
    assert again.resumed
    school.classes.catch_up(again.me)
    assert box.notices == [ConsumerLayersChanged(consumer_id, None), ProducerLayersWanted(own, 1)]
