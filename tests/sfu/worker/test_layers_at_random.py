"""Whatever a consumer, its peer, the allocation and the publisher do after each other: the stream stays whole."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfu.rtp.layers import Layers
from sfu.rtp.rtcp import Nack
from tests.support.layered_video import (
    FRAME_S,
    LayeredCall,
    Picture,
    assert_continuous,
    assert_decodable,
    pictures,
    unwrapped,
)
from tests.support.media_rig import Forwarded, MediaRig

STREAMS = 2

actions = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(1, 12)),
        st.tuples(st.just("key"), st.integers(0, STREAMS - 1)),
        st.tuples(st.just("prefer"), st.tuples(st.integers(0, STREAMS - 1), st.integers(0, 2))),
        st.tuples(st.just("allot"), st.none() | st.builds(Layers, st.integers(0, STREAMS - 1), st.integers(0, 2))),
        st.tuples(st.sampled_from(["pause", "resume", "producer pause", "producer resume"]), st.none()),
        st.tuples(st.just("restart"), st.integers(0, STREAMS - 1)),
        st.tuples(st.just("silence"), st.sets(st.integers(0, STREAMS - 1))),
    ),
    min_size=5,
    max_size=40,
)


def act(call: LayeredCall, action: str, value: object) -> None:
    rig, consumer, producer = call.rig, call.consumer, call.producer
    match action, value:
        case "play", int(frames):
            call.play(frames)
        case "key", int(stream):
            call.play(1, key={stream})
        case "prefer", (int(spatial), int(temporal)):
            consumer.prefer(spatial, temporal, rig.now)
        case "allot", layers:
            consumer.allot(layers, rig.now)  # type: ignore[arg-type]
        case "pause", _:
            consumer.pause(rig.now)
        case "resume", _:
            consumer.resume(rig.now)
        case "producer pause", _:
            producer.pause(rig.now)
        case "producer resume", _:
            producer.resume(rig.now)
        case "restart", int(stream):
            encoder = call.encoders[stream]
            encoder.sequence += 20_000
            encoder.timestamp += 123_456_789
            encoder.picture_id, encoder.tl0 = (encoder.picture_id * 7) & 0x7FFF, (encoder.tl0 * 5) & 0xFF
            call.play(4)
        case "silence", set(streams):
            call.silent = streams  # type: ignore[assignment]


@settings(max_examples=150, deadline=None)
@given(actions, st.sampled_from([1, 32_700, 65_500]))
@example(
    [("play", 2), ("prefer", (1, 0)), ("play", 1), ("restart", 1), ("key", 1)], 1
)  # a part that brought nothing
def test_every_change_is_continuous(events: list[tuple[str, object]], start: int) -> None:
    call = LayeredCall(MediaRig(), STREAMS, start)
    call.play(3, key={0, 1})
    for action, value in events:
        act(call, action, value)
    call.play(3)
    assert_continuous(call.sent)
    assert_retransmissions_repeat(call)


def assert_retransmissions_repeat(call: LayeredCall) -> None:
    first_time = {packet.sequence_number: packet for packet in call.sent[-60:]}
    if call.consumer.active:
        call.rig.receive_rtcp(call.there, Nack(1, call.consumer.sent.ssrc, tuple(first_time)))
    for again in call.there.link.sent:
        if again.ssrc == call.consumer.sent.rtx_ssrc and again.payload:
            original = first_time[int.from_bytes(again.payload[:2], "big")]
            assert (again.payload[2:], again.timestamp) == (original.payload, original.timestamp)
            assert again.marker == original.marker


@pytest.mark.parametrize("seed", range(40))
def test_out_of_order_and_with_losses_nothing_contradicts_itself(seed: int) -> None:
    """Packets come late or not at all, while layers change all the time."""
    rng = Random(seed)  # noqa: S311 (nothing secret)
    call = LayeredCall(MediaRig(), STREAMS, 65_000)
    late: list[tuple[float, bytes]] = []
    for n in range(300):
        for encoder in call.encoders:
            for packet in encoder.frame(key=n % 50 == 0 or rng.random() < 0.03):
                if rng.random() > 0.05 or n == 0:
                    delay = rng.choice([0, 0, 0, 0, 0, 0.02, 0.05, 0.2]) if n else 0
                    late.append((call.rig.now + delay, packet))
        due = [packet for when, packet in late if when <= call.rig.now]
        late = [(when, packet) for when, packet in late if when > call.rig.now]
        call.rig.receive(call.here, *due)
        call.rig.advance(FRAME_S)
        if rng.random() < 0.1:
            call.consumer.prefer(rng.randrange(STREAMS), rng.randrange(3), call.rig.now)
    sent = call.sent
    numbers = unwrapped([packet.sequence_number for packet in sent])
    assert len(set(numbers)) == len(numbers), "a number was used twice"
    by_number = [packet for _, packet in sorted(zip(numbers, sent, strict=True), key=lambda each: each[0])]
    assert_consistent(by_number)


def assert_consistent(by_number: list[Forwarded]) -> None:
    found = [picture for picture in pictures(by_number) if picture.starts]
    for before, after in pairwise(found):
        assert 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 0x80000000
        assert 0 < (after.picture_id - before.picture_id) & 0x7FFF < 0x4000
        lowest = (after.tl0 - before.tl0) & 0xFF
        assert lowest < 100, "TL0PICIDX never goes back"
        if after.picture_id == before.picture_id + 1 & 0x7FFF:
            assert lowest == (1 if after.tid == 0 else 0)
    assert_each_picture_once(found)


def assert_each_picture_once(found: list[Picture]) -> None:
    ids = unwrapped([picture.picture_id << 1 for picture in found])
    assert len(set(ids)) == len(ids)


def test_the_check_finds_what_is_wrong() -> None:
    call = LayeredCall(MediaRig(), 1)
    call.play(12, key={0})
    whole = call.sent
    for broken in (whole[:4] + whole[5:], whole[:6] + whole[9:], whole[3:]):
        with pytest.raises(AssertionError):
            assert_continuous(broken)
    skipped = [picture for n, picture in enumerate(pictures(whole)) if n not in {1, 2}]
    assert_decodable(skipped)
    unsynced = [picture for n, picture in enumerate(pictures(whole)[4:]) if n in {0, 3, 4}]
    with pytest.raises(AssertionError):
        assert_decodable([*unsynced])
