"""Simulcast with temporal layers of VP8: what a consumer gets, as a browser's receiver judges it."""

from itertools import pairwise

import pytest

from sfu.rtp.layers import LayerOption, Layers
from sfu.rtp.rtcp import Nack, PictureLossIndication, SenderReport
from sfu.worker.layering import STARTUP_S, STEADY_S
from sfu.worker.wanted_layers import LOWER_AFTER_S
from tests.support.layered_video import FRAME_S, TICKS, LayeredCall, assert_continuous, pictures
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, video
from tests.support.rtp_packets import BOUNDARIES

ALL = {0, 1, 2}


def asked(call: LayeredCall) -> set[int]:
    return {pli.media_ssrc for pli in call.here.link.rtcp_of(PictureLossIndication)}


def test_the_highest_stream_is_chosen_and_all_of_it_flows(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(30, key=ALL)
    found = assert_continuous(call.sent)
    assert [len(picture.packets[0].payload) for picture in found] == [67, 127, *[187] * 30]
    assert call.layers()[-1] == Layers(2, 2)


@pytest.mark.parametrize("start", BOUNDARIES)
@pytest.mark.parametrize("temporal", [0, 1])
def test_fewer_temporal_layers_leave_no_gap(rig: MediaRig, start: int, temporal: int) -> None:
    call = LayeredCall(rig, 1, start + 65_000 & 0xFFFF)
    call.encoders[0].picture_id = 0x7FF0
    call.encoders[0].tl0 = 250
    call.consumer.prefer(0, temporal, rig.now)
    call.play(600, key=ALL)
    found = assert_continuous(call.sent)
    assert len(found) in {600 // 4, 600 // 2} or len(found) - 600 // (4 >> temporal) <= 3
    assert {picture.tid for picture in found[8:]} == set(range(temporal + 1))


def test_temporal_layers_go_down_at_once_and_up_where_the_encoder_allows(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    call.play(41, key=ALL)
    call.consumer.allot(Layers(0, 0), rig.now)
    before = len(pictures(call.sent))
    call.play(20)
    found = pictures(call.sent)
    assert {picture.tid for picture in found[before:]} == {0}
    call.consumer.allot(Layers(0, 1), rig.now)
    call.play(20)
    call.consumer.allot(Layers(0, 2), rig.now)
    call.play(40)
    found = assert_continuous(call.sent)
    assert {picture.tid for picture in found[-8:]} == {0, 1, 2}
    call.consumer.allot(Layers(0, 0), rig.now)
    call.play(16)
    call.consumer.allot(Layers(0, 2), rig.now)
    call.play(40)
    found = assert_continuous(call.sent)
    assert {picture.tid for picture in found[-8:]} == {0, 1, 2}
    assert asked(call) == set(), "no key frame was needed"
    assert call.layers() == [
        Layers(0, 2),
        Layers(0, 0),
        Layers(0, 1),
        Layers(0, 2),
        Layers(0, 0),
        Layers(0, 1),
        Layers(0, 2),
    ]


def test_another_stream_begins_with_its_key_frame_and_the_old_one_goes_on_until_then(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(30, key=ALL)
    for target in (0, 2, 1, 2, 0, 1):
        here = len(call.here.link.rtcp_of(PictureLossIndication))
        call.consumer.prefer(target, 2, rig.now)
        before = call.consumer.layers
        call.play(10)
        assert call.consumer.layers == before
        asked_now = call.here.link.rtcp_of(PictureLossIndication)[here:]
        assert {pli.media_ssrc for pli in asked_now} == {1000 + target}
        call.play(20, key={target})
        assert call.consumer.layers == Layers(target, 2)
    found = assert_continuous(call.sent)
    climbs = (
        2 + 3
    )  # where the lower stream's picture of the moment has gone out when the higher one's key frame comes
    assert len(found) == climbs + 30 + 6 * 30


def test_timestamps_keep_the_pace_over_a_switch_when_the_clocks_are_known(rig: MediaRig) -> None:
    call = LayeredCall(rig, 2)
    call.play(5, key=ALL)
    for encoder in call.encoders:
        ntp = int((5000 + rig.now) * (1 << 32))
        rig.receive_rtcp(call.here, SenderReport(encoder.ssrc, ntp, encoder.timestamp, 1, 1))
    call.consumer.prefer(0, 2, rig.now)
    rig.now += 0.4  # the network holds the lower stream's key frame up
    call.play(10, key={0})
    found = assert_continuous(call.sent)
    steps = {after.timestamp - before.timestamp for before, after in pairwise(found[1:])}
    assert steps == {TICKS}


def test_without_sender_reports_the_time_of_arrival_counts(rig: MediaRig) -> None:
    call = LayeredCall(rig, 2)
    call.play(5, key=ALL)
    call.consumer.prefer(0, 2, rig.now)
    rig.now += 0.4
    call.play(10, key={0})
    found = assert_continuous(call.sent)
    step = found[-10].timestamp - found[-11].timestamp
    assert step == pytest.approx((0.4 + FRAME_S) * 90_000, abs=10)


def test_pause_and_resume_are_continuous(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(10, key=ALL)
    call.consumer.pause(rig.now)
    call.play(17)
    call.consumer.resume(rig.now)
    call.play(10)
    call.play(10, key={2})
    call.producer.pause(rig.now)
    call.play(7)
    call.producer.resume(rig.now)
    call.play(10, key={2})
    call.consumer.allot(None, rig.now)
    call.play(7, key=ALL)
    call.consumer.allot(Layers(1, 0), rig.now)
    call.play(12, key={1})
    assert_continuous(call.sent)
    assert call.layers()[2:] == [Layers(2, 2), None, Layers(2, 2), None, Layers(2, 2), None, Layers(1, 0)]


def test_a_stream_that_starts_anew_is_continuous(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    call.play(10, key=ALL)
    encoder = call.encoders[0]
    encoder.sequence, encoder.timestamp, encoder.picture_id, encoder.tl0 = 40_000, 12345, 3, 200
    call.play(5)
    call.play(10, key={0})
    assert_continuous(call.sent)


def test_an_encoder_that_counts_pictures_anew_is_continuous_for_who_gets_a_part(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    call.consumer.prefer(0, 0, rig.now)
    call.play(10, key=ALL)
    call.encoders[0].picture_id = 9000
    call.play(12, key={0})
    ids = [picture.picture_id for picture in pictures(call.sent)]
    assert len(ids) > 4


def test_lost_packets_are_repaired_through_a_part_and_over_its_changes(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    call.play(8, key=ALL)
    call.consumer.allot(Layers(0, 1), rig.now)
    call.play(8)
    call.consumer.allot(Layers(0, 0), rig.now)
    call.play(8)
    first_time = {packet.sequence_number: packet for packet in call.sent}
    rig.receive_rtcp(call.there, Nack(1, call.consumer.sent.ssrc, tuple(first_time)))
    again = [packet for packet in call.there.link.sent if packet.ssrc == call.consumer.sent.rtx_ssrc]
    assert len(again) == len(first_time)
    for packet in again:
        original = first_time[int.from_bytes(packet.payload[:2], "big")]
        assert packet.payload[2:] == original.payload
        assert (packet.timestamp, packet.marker) == (original.timestamp, original.marker)


def test_retransmissions_after_a_switch_carry_the_picture_numbers_of_the_first_time(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(6, key=ALL)
    call.consumer.allot(Layers(0, 1), rig.now)
    call.play(6, key={0})
    call.consumer.allot(Layers(1, 2), rig.now)
    call.play(6, key={1})
    first_time = {packet.sequence_number: packet for packet in call.sent}
    rig.receive_rtcp(call.there, Nack(1, call.consumer.sent.ssrc, tuple(first_time)))
    again = [packet for packet in call.there.link.sent if packet.ssrc == call.consumer.sent.rtx_ssrc]
    assert len(again) == len(first_time)
    for packet in again:
        original = first_time[int.from_bytes(packet.payload[:2], "big")]
        assert (packet.payload[2:], packet.timestamp) == (original.payload, original.timestamp)


def test_a_packet_that_comes_late_for_a_part_keeps_its_place(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    call.consumer.prefer(0, 1, rig.now)
    call.play(8, key=ALL)
    held: list[bytes] = []
    for n in range(16):
        packets = call.encoders[0].frame()
        if n in {3, 5, 8}:  # two of the highest layer, then one of the lowest
            held.append(packets.pop(1))
        rig.receive(call.here, *packets)
        rig.advance(FRAME_S)
        if n == 10:
            rig.receive(call.here, *held)
    assert_continuous(call.sent)


def test_a_stream_that_comes_back_has_to_last_before_it_is_chosen(rig: MediaRig) -> None:
    call = LayeredCall(rig, 2)
    call.silent = {1}
    call.play(int((STARTUP_S + 0.5) / FRAME_S), key=ALL)
    assert call.consumer.layers == Layers(0, 2)
    call.silent = set()
    call.play(10, key={1})
    assert call.consumer.layers == Layers(0, 2)
    call.play(int((STEADY_S + 0.5) / FRAME_S))
    assert asked(call) >= {1001}
    call.play(10, key={1})
    assert call.consumer.layers == Layers(1, 2)
    assert_continuous(call.sent)


def test_a_stream_that_stops_gives_way_to_a_lower_one(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(30, key=ALL)
    call.silent = {2}
    call.play(75)
    assert asked(call) == {1001}
    call.play(10, key={1})
    assert call.consumer.layers == Layers(1, 2)
    assert_continuous(call.sent)


def test_layer_options_are_what_comes_within_what_is_preferred(rig: MediaRig) -> None:
    call = LayeredCall(rig, 2)
    call.encoders[1].packets_a_frame, call.encoders[1].size = 6, 400
    assert call.consumer.layer_options(rig.now) == []
    call.play(60, key=ALL)
    options = call.consumer.layer_options(rig.now)
    assert [option.layers for option in options] == [*(Layers(0, t) for t in range(3)), Layers(1, 1), Layers(1, 2)]
    assert all(lower.bitrate_bps < higher.bitrate_bps for lower, higher in pairwise(options))
    whole = options[-1].bitrate_bps
    assert whole == pytest.approx(call.producer.streams[1].received.bitrate_bps(rig.now), rel=0.1)
    assert options[-2].bitrate_bps == pytest.approx(whole / 2, rel=0.1)
    call.consumer.prefer(1, 0, rig.now)
    assert [option.layers for option in call.consumer.layer_options(rig.now)] == [Layers(0, 0), Layers(1, 0)]
    call.consumer.pause(rig.now)
    assert call.consumer.layer_options(rig.now) == []


def test_what_costs_more_than_something_better_is_no_option(rig: MediaRig) -> None:
    call = LayeredCall(rig, 2)
    call.play(60, key=ALL)
    options = call.consumer.layer_options(rig.now)
    assert [option.layers for option in options] == [Layers(0, 0), Layers(0, 1), Layers(1, 1), Layers(1, 2)]


def test_a_simple_consumer_has_one_option_and_no_choice(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    for n in range(60):
        rig.receive(here, video(n, VP8_KEY_FRAME))
        rig.advance(FRAME_S)
    (option,) = consumer.layer_options(rig.now)
    assert isinstance(option, LayerOption)
    assert option.layers == Layers(0, 0)
    assert option.bitrate_bps > 0
    assert consumer.prefer(2, 2, rig.now) is None
    consumer.allot(None, rig.now)
    told = [data for event, data in rig.notifications if event == "consumer.layers"]
    assert [(data["spatialLayer"], data["temporalLayer"]) for data in told] == [(0, 0), (None, None)]


def test_preferred_layers_are_brought_within_what_there_is(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    assert call.consumer.prefer(9, 9, rig.now) == Layers(2, 2)
    assert call.consumer.prefer(1, None, rig.now) == Layers(1, 2)
    assert call.consumer.prefer(0, 1, rig.now) == Layers(0, 1)


def test_the_publisher_is_told_which_layers_are_wanted(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.play(1, key=ALL)
    _, other = call.consume()
    call.consumer.prefer(0, None, rig.now)
    other.prefer(1, None, rig.now)
    call.play(30)
    assert list(call.wanted()) == []
    call.play(int(LOWER_AFTER_S / FRAME_S) + 2)
    assert list(call.wanted()) == [1]
    other.pause(rig.now)
    call.consumer.pause(rig.now)
    call.play(int(LOWER_AFTER_S / FRAME_S) + 2)
    assert list(call.wanted()) == [1, None]
    other.resume(rig.now)
    assert list(call.wanted()) == [1, None, 1]
    other.prefer(2, None, rig.now)
    assert list(call.wanted()) == [1, None, 1, 2]


def test_only_streams_that_somebody_watches_are_asked_for_key_frames(rig: MediaRig) -> None:
    call = LayeredCall(rig)
    call.consumer.prefer(1, None, rig.now)
    call.play(10, key=ALL)
    rig.advance(2)
    call.play(1)
    call.here.link.rtcp.clear()
    rig.receive_rtcp(call.there, PictureLossIndication(1, call.consumer.sent.ssrc))
    assert asked(call) == {1001}


def test_consumers_of_the_same_part_share_it(rig: MediaRig) -> None:
    call = LayeredCall(rig, 1)
    others = [call.consume() for _ in range(5)]
    for _, consumer in [*others, (None, call.consumer)]:
        consumer.prefer(0, 0, rig.now)
    call.play(40, key=ALL)
    batches = {id(consumer._path.flowing.view) for _, consumer in others}  # type: ignore[union-attr]
    assert len(batches) == 1
    for there, _ in others:
        assert_continuous(there.link.sent)
