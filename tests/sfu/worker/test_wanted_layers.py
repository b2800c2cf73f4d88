"""Which layers are wanted: more is told at once, less when that has lasted."""

import gc
import weakref

from sfu.worker.wanted_layers import LOWER_AFTER_S, WantedLayers
from tests.support.layered_video import LayeredCall
from tests.support.media_rig import MediaRig

ALL = {0, 1, 2}


def test_less_is_counted_after_a_time_and_more_told_at_once() -> None:
    wanted = WantedLayers(3)
    assert wanted.next_timeout() is None
    assert wanted.lowered(10) == wanted.lowered(12) == wanted.next_timeout() == 10 + LOWER_AFTER_S
    assert wanted.settle(1)
    assert wanted.next_timeout() is None
    assert [wanted.raised(spatial) for spatial in (0, 1, 2, 2)] == [False, False, True, False]


def test_who_comes_back_in_time_is_not_noticed() -> None:
    wanted = WantedLayers(3)
    wanted.lowered(10)
    assert not wanted.raised(1)
    assert wanted.next_timeout() is not None, "the highest layer is still not wanted"
    assert not wanted.raised(2)
    assert wanted.next_timeout() is None
    assert wanted.lowered(14) == 14 + LOWER_AFTER_S, "what was wanted between does not count"


def test_nobody_watches() -> None:
    wanted = WantedLayers(1)
    wanted.lowered(10)
    assert wanted.settle(None)
    assert not wanted.settle(None)
    assert wanted.raised(0)


def test_who_prefers_nothing_wants_all_there_is(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(1, key=ALL)
    rig.advance(2 * LOWER_AFTER_S)
    assert list(call.wanted()) == []
    call.consumer.prefer(0, None, rig.now)
    rig.advance(2 * LOWER_AFTER_S)
    _, other = call.consume()
    other.prefer(7, None, rig.now)
    assert list(call.wanted()) == [0, 2]


def test_less_is_told_though_no_packet_comes(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    rig.advance(1)
    call.consumer.prefer(1, None, rig.now)
    rig.advance(LOWER_AFTER_S - 0.1)
    assert list(call.wanted()) == []
    rig.advance(0.2)
    assert list(call.wanted()) == [1]
    call.consumer.pause(rig.now)
    rig.advance(LOWER_AFTER_S + 0.1)
    assert list(call.wanted()) == [1, None]


def test_who_leaves_wants_nothing_any_more_after_a_time(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.consumer.prefer(1, None, rig.now)
    _, other = call.consume()
    rig.advance(60)
    other.close()
    rig.advance(LOWER_AFTER_S - 0.1)
    assert list(call.wanted()) == []
    rig.advance(0.2)
    assert list(call.wanted()) == [1]
    call.consumer.close()
    call.consumer.close()
    rig.advance(LOWER_AFTER_S + 0.1)
    assert list(call.wanted()) == [1, None]


def test_nobody_is_told_of_layers_of_a_voice(rig: MediaRig) -> None:
    here = rig.transport()
    voice = rig.produce(here, "audio")
    consumer = rig.consume(rig.transport(), voice)
    consumer.close()
    assert voice.next_timeout() is None
    rig.advance(2 * LOWER_AFTER_S)
    assert "producer.wantedLayers" not in [event for event, _ in rig.notifications]


def test_who_came_and_went_leaves_nothing_behind(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(2, key=ALL)
    gc.disable()
    try:
        gone = []
        for n in range(30):
            there, consumer = call.consume()
            consumer.prefer(n % 3, n % 2, rig.now)
            call.play(2, key=ALL)
            there.remove_consumer(consumer)
            consumer.close()
            gone.append(weakref.ref(consumer))
        del consumer
        assert [each for each in gone if each() is not None] == []
    finally:
        gc.enable()
    call.play(60)
    assert [len(stream.views.followers) for stream in call.producer.streams] == [0, 0, 1]
    assert [len(stream.views._views) for stream in call.producer.streams] == [0, 0, 1]
