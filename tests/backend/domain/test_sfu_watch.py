"""What the SFU tells by itself, and what becomes of doubt."""

import asyncio

import pytest

from backend.domain.notices import (
    ActiveSpeaker,
    ConsumerEnded,
    NewProducer,
    ProducerEnded,
    SfuCameBack,
    SfuRestarted,
    SfuWentAway,
)
from backend.domain.sfu_port import (
    ConsumerClosed,
    Direction,
    ProducerClosed,
    RoomDoubtful,
    SfuUnavailable,
    SpeakerChanged,
    SwitchAction,
)
from backend.errors import Broken
from tests.support.live_class import School


@pytest.fixture
def school() -> School:
    return School()


async def test_a_producer_that_the_sfu_closed_is_told_to_all_its_owner_too(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    for _ in range(2):
        school.watch.sfu_event(ProducerClosed("physics", producer_id))
    for box in (ann_box, bob_box):
        assert box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]
    assert bob_box.of(ConsumerEnded) == [ConsumerEnded(consumer_id, producer_id)]


async def test_the_echo_of_ones_own_close_is_not_told_twice(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    school.sfu.gate.clear()
    closing = asyncio.create_task(school.media.switch_producer(ann.me, producer_id, SwitchAction.CLOSE))
    await school.settle()
    school.watch.sfu_event(ConsumerClosed("physics", consumer_id))
    school.watch.sfu_event(ProducerClosed("physics", producer_id))
    school.sfu.gate.set()
    await closing
    assert ann_box.of(ProducerEnded) == []
    assert bob_box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]
    assert bob_box.of(ConsumerEnded) == [ConsumerEnded(consumer_id, producer_id)]


async def test_what_one_is_just_closing_oneself_is_not_told_when_it_is_found_missing(school: School) -> None:
    ann, ann_box = await school.join()
    _, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    answers, school.sfu.gate = school.sfu.gate, asyncio.Event()
    closing = asyncio.create_task(school.media.switch_producer(ann.me, producer_id, SwitchAction.CLOSE))
    await school.settle()
    late, school.sfu.gate = school.sfu.gate, answers
    school.watch.sfu_missed_events()
    await school.settle()
    assert producer_id not in ann.me.producers
    late.set()
    await closing
    assert ann_box.of(ProducerEnded) == []
    assert bob_box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]


async def test_a_lost_answer_is_made_good_when_the_sfu_is_back_though_no_event_was_missed(school: School) -> None:
    ann, _ = await school.join()
    at_sfu = school.sfu.rooms["physics"][ann.me.id].transports
    at_sfu["made-unanswered"] = Direction.SEND
    school.sfu.available = False
    school.comparison.doubt(ann.me.room)
    await school.settle()
    school.sfu.available = True
    school.watch.sfu_connected(restarted=False, missed_events=False)
    await school.settle()
    assert at_sfu == {}


@pytest.mark.parametrize("error", [SfuUnavailable(maybe_done=True), Broken("The media server failed.")])
async def test_an_sfu_that_is_there_is_asked_again_until_it_answers(
    school: School, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("backend.domain.sfu_compare.RETRY_S", 0)
    ann, _ = await school.join()
    at_sfu = school.sfu.rooms["physics"][ann.me.id].transports
    at_sfu["made-unanswered"] = Direction.SEND
    answer, asked = school.sfu.room_state, 0

    async def moody(room_id: str) -> object:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise error
        return await answer(room_id)

    monkeypatch.setattr(school.sfu, "room_state", moody)
    school.comparison.doubt(ann.me.room)
    await school.settle()
    assert at_sfu == {}


async def test_events_of_other_rooms_and_unknown_ids_change_nothing(school: School) -> None:
    ann, _ = await school.join()
    _, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    told = len(bob_box.notices)
    school.watch.sfu_event(ProducerClosed("maths", producer_id))
    school.watch.sfu_event(ProducerClosed("physics", "unknown"))
    school.watch.sfu_event(ConsumerClosed("physics", "unknown"))
    assert len(bob_box.notices) == told
    assert producer_id in ann.me.producers


async def test_stale_news_of_a_closed_room_harms_nobody(school: School) -> None:
    ann, ann_box = await school.join()
    producer_id = await school.produce(ann.me)
    school.watch.sfu_event(RoomDoubtful("physics"))
    await school.settle()
    assert producer_id in ann.me.producers
    assert ann_box.notices == []


async def test_a_dead_worker_starts_its_rooms_over(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    await school.produce(ann.me)
    school.sfu.forget_everything()
    school.watch.sfu_event(RoomDoubtful("physics"))
    await school.settle()
    for box in (ann_box, bob_box):
        assert box.of(SfuRestarted) == [SfuRestarted()]
        assert box.of(ProducerEnded) == []
    assert not ann.me.has_peer
    assert not bob.me.has_peer


async def test_a_peer_that_the_sfu_removed_starts_over_alone(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    sent = await school.produce(ann.me)
    kept = await school.produce(bob.me)
    del school.sfu.rooms["physics"][ann.me.id]
    school.watch.sfu_event(RoomDoubtful("physics"))
    await school.settle()
    assert bob_box.of(ProducerEnded) == [ProducerEnded(sent, ann.me.id)]
    assert bob_box.of(SfuRestarted) == []
    assert isinstance(ann_box.notices[-2], SfuRestarted)
    assert ann_box.notices[-1] == NewProducer(bob.me.producers[kept])
    again = await school.produce(ann.me)
    assert again in school.sfu.rooms["physics"][ann.me.id].producers


async def test_what_is_made_while_comparing_is_not_taken_for_lost(school: School) -> None:
    ann, ann_box = await school.join()
    transport_id = await school.transport(ann.me)
    school.sfu.gate.clear()
    school.comparison.doubt(ann.me.room)
    await school.settle()
    school.sfu.rooms["physics"][ann.me.id].producers["late"] = transport_id
    school.sfu.gate.set()
    producer_id = await school.produce(ann.me)
    await school.settle()
    assert producer_id in ann.me.producers
    assert ann_box.notices == []


async def test_what_the_sfu_made_without_our_knowing_is_closed(school: School) -> None:
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    peer = school.sfu.rooms["physics"][ann.me.id]
    peer.producers["unknown"] = next(iter(peer.transports))
    peer.transports["unknown-transport"] = Direction.SEND
    peer.consumers["unknown-consumer"] = ("", "unknown")
    school.comparison.doubt(ann.me.room)
    await school.settle()
    assert [*peer.producers] == [producer_id]
    assert peer.consumers == {}
    assert peer.transports == ann.me.transports


async def test_what_the_sfu_lost_without_telling_is_told(school: School) -> None:
    ann, ann_box = await school.join()
    bob, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    consumer_id = await school.consume(bob.me, producer_id)
    school.sfu.rooms["physics"][ann.me.id].producers.clear()
    school.sfu.rooms["physics"][bob.me.id].consumers.clear()
    school.watch.sfu_missed_events()
    await school.settle()
    assert ann_box.of(ProducerEnded) == bob_box.of(ProducerEnded) == [ProducerEnded(producer_id, ann.me.id)]
    assert bob_box.of(ConsumerEnded) == [ConsumerEnded(consumer_id, producer_id)]


async def test_an_absence_is_told_once_and_its_end_too(school: School) -> None:
    _, box = await school.join()
    school.watch.sfu_lost()
    school.watch.sfu_lost()
    school.watch.sfu_connected(restarted=False, missed_events=False)
    school.watch.sfu_connected(restarted=False, missed_events=True)
    await school.settle()
    assert box.notices == [SfuWentAway(), SfuCameBack()]


async def test_a_restart_after_an_absence_starts_over(school: School) -> None:
    _, box = await school.join()
    school.watch.sfu_lost()
    school.sfu.forget_everything()
    school.watch.sfu_connected(restarted=True, missed_events=False)
    assert box.notices == [SfuWentAway(), SfuRestarted()]


async def test_speakers_are_passed_on_to_all(school: School) -> None:
    ann, ann_box = await school.join()
    _, bob_box = await school.join()
    producer_id = await school.produce(ann.me)
    bob_box.notices.clear()
    school.watch.sfu_event(SpeakerChanged("physics", ann.me.id, producer_id, -20))
    spoken = ActiveSpeaker(ann.me.id, producer_id, -20)
    assert ann_box.of(ActiveSpeaker) == [spoken]
    assert bob_box.notices == [spoken]


async def test_who_comes_later_or_again_learns_who_speaks_unless_that_has_ended(school: School) -> None:
    ann, _ = await school.join()
    producer_id = await school.produce(ann.me)
    school.watch.sfu_event(SpeakerChanged("physics", ann.me.id, producer_id, -20))
    late, late_box = await school.join()
    school.classes.catch_up(late.me)
    assert late_box.of(ActiveSpeaker) == [ActiveSpeaker(ann.me.id, producer_id, -20)]
    school.watch.sfu_event(ProducerClosed("physics", producer_id))
    school.watch.sfu_event(SpeakerChanged("physics", ann.me.id, producer_id, -30))
    assert len(late_box.of(ActiveSpeaker)) == 1, "of a producer that is gone nothing is told"
    later, later_box = await school.join()
    school.classes.catch_up(later.me)
    assert later_box.of(ActiveSpeaker) == []


async def test_after_a_restart_of_the_sfu_nobody_speaks_yet(school: School) -> None:
    ann, ann_box = await school.join()
    school.watch.sfu_event(SpeakerChanged("physics", ann.me.id, await school.produce(ann.me), -20))
    school.sfu.forget_everything()
    school.watch.sfu_connected(restarted=True, missed_events=False)
    ann_box.notices.clear()
    school.classes.catch_up(ann.me)
    assert ann_box.of(ActiveSpeaker) == []


async def test_peers_from_before_our_start_are_removed_when_nobody_claims_them() -> None:
    school = School()
    school.watch._grace_s = 0
    ann, _ = await school.join()
    sfu_peers = school.sfu.rooms["physics"]
    sfu_peers["ghost"] = type(sfu_peers[ann.me.id])()
    school.sfu.rooms["old-room"] = {"other-ghost": type(sfu_peers[ann.me.id])()}
    school.watch.sfu_connected(restarted=False, missed_events=False)
    await school.settle()
    assert set(school.sfu.rooms) == {"physics"}
    assert set(school.sfu.rooms["physics"]) == {ann.me.id}


async def test_a_missing_peer_at_the_sfu_makes_the_client_start_over(school: School) -> None:
    ann, box = await school.join()
    school.sfu.forget_everything()
    with pytest.raises(Exception, match="not available"):
        await school.transport(ann.me, Direction.SEND)
    await school.settle()
    assert box.notices == [SfuRestarted()]
    await school.transport(ann.me, Direction.SEND)
