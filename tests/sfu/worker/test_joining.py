"""Who comes when: how soon a consumer has a picture, and what that costs the publisher."""

import pytest

from sfu.rtp.rtcp import PictureLossIndication
from sfu.worker.layering import STARTUP_S
from sfu.worker.producer import MAX_HOLD_S
from tests.support.layered_video import FRAME_S, LayeredCall, assert_continuous, pictures
from tests.support.media_rig import MediaRig

ALL = {0, 1, 2}


def requests(call: LayeredCall) -> list[int]:
    return [pli.media_ssrc for pli in call.here.link.rtcp_of(PictureLossIndication)]


@pytest.mark.parametrize("streams", [1, 3])
def test_the_first_key_frame_goes_to_who_waited_for_it(rig: MediaRig, streams: int) -> None:
    call = LayeredCall(rig, streams)
    rig.advance(3)
    call.play(30, key=ALL)
    assert requests(call) == []
    assert len(pictures(call.sent)) == 30 + streams - 1
    assert_continuous(call.sent)


@pytest.mark.parametrize("streams", [1, 3])
def test_who_comes_later_has_a_picture_after_one_request(rig: MediaRig, streams: int) -> None:
    call = LayeredCall(rig, streams)
    call.play(90, key=ALL)
    there, consumer = call.consume()
    assert requests(call) == [call.encoders[-1].ssrc]
    call.play(3)
    assert not there.link.sent
    call.play(60, key={streams - 1})
    assert requests(call) == [call.encoders[-1].ssrc]
    assert len(pictures(there.link.sent)) == 60
    assert consumer.layers is not None
    assert_continuous(there.link.sent)


def test_a_crowd_that_comes_within_seconds_asks_a_few_times(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(90, key=ALL)
    crowd, answered = [], 0
    for _ in range(30):
        crowd += [call.consume() for _ in range(7)]
        call.play(2)  # so long a key frame takes to come
        begins, answered = len(requests(call)) > answered, len(requests(call))
        call.play(1, key={2} if begins else None)
    call.play(30, key={2})
    assert len(requests(call)) <= 8, "more than two a second"
    assert set(requests(call)) == {call.encoders[2].ssrc}
    for there, _ in crowd:
        assert_continuous(there.link.sent)


def test_encodings_that_begin_late_are_joined_without_a_gap(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.silent = {1, 2}
    call.play(round((STARTUP_S + 1) / FRAME_S), key={0})
    call.silent = {2}
    call.play(90, key={1})
    call.play(30, key={1})
    assert call.consumer.layers is not None
    assert call.consumer.layers.spatial == 1
    call.silent = set()
    call.play(90, key={2})
    call.play(30, key={2})
    assert call.consumer.layers.spatial == 2
    assert_continuous(call.sent)


def test_a_lowest_encoding_that_stops_gives_way_to_the_next(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.consumer.prefer(0, None, rig.now)
    call.play(60, key=ALL)
    call.silent = {0}
    call.play(60)
    call.play(60, key={1})
    assert call.consumer.layers is not None
    assert call.consumer.layers.spatial == 1
    before = len(pictures(call.sent))
    call.silent = set()
    call.play(60, key={0})
    call.play(60, key={0})
    assert call.consumer.layers.spatial == 0
    assert len(pictures(call.sent)) >= before + 118
    assert_continuous(call.sent)


def test_encodings_that_were_stopped_for_want_of_viewers_come_back_with_their_first_key_frame(
    rig: MediaRig,
) -> None:
    call = LayeredCall(rig)
    call.consumer.prefer(0, None, rig.now)
    call.play(200, key=ALL)
    assert list(call.wanted()) == [0]
    call.silent = {1, 2}
    call.play(300)
    call.here.link.rtcp.clear()
    call.consumer.prefer(2, None, rig.now)
    assert list(call.wanted()) == [0, 2]
    call.play(10)  # so long it takes the publisher to hear of it
    call.silent = set()
    before = len(pictures(call.sent))
    call.play(1, key=ALL)
    assert call.consumer.layers is not None
    assert call.consumer.layers.spatial == 2
    call.play(30)
    assert len(pictures(call.sent)) >= before + 31
    assert requests(call) == []
    assert_continuous(call.sent)


@pytest.mark.parametrize("order", [(1, 0, 2), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("temporal", [0, 1, 2])
def test_a_key_frame_that_comes_in_disorder_is_whole(rig: MediaRig, order: tuple[int, ...], temporal: int) -> None:
    call = LayeredCall(rig, 1)
    call.play(30, key={0})
    there, consumer = call.consume()
    consumer.prefer(0, temporal, rig.now)
    packets = call.encoders[0].frame(key=True)
    rig.receive(call.here, *[packets[n] for n in order])
    rig.advance(2 * MAX_HOLD_S)
    assert len(there.link.sent) == 3
    call.play(8)
    assert_continuous(there.link.sent)
