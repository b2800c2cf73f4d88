"""Whole calls over bad networks: what arrives in time, what that costs, and that all of it stays bounded.

Both networks of a call lose alike, and every way of each. The figures are worst cases over many more seeds than
run here, with room to spare.
"""

from collections import Counter

import pytest

from sfu.rtp.nack_generator import MAX_MISSING
from sfu.rtp.retransmission_buffer import MAX_AGE_S, MAX_BYTES
from sfu.rtp.rtcp import Nack, PictureLossIndication
from sfu.rtp.stream_recv import MAX_MISSING as MAX_REMEMBERED
from sfu.worker.layering import HIGHEST
from tests.support.lossy_call import FRAMES_PER_S, LossyCall
from tests.support.lossy_link import Troubles
from tests.support.network_link import Conditions
from tests.support.rtp_packets import BOUNDARIES

DELAY_S = 0.05
REORDERING = Troubles(stragglers=0.03, straggle_s=0.03, duplicates=0.01)
SEEDS = (1, 2)


def assert_sound(call: LossyCall) -> None:
    """Nothing went out twice under one number, and nothing has grown without bound."""
    outputs = Counter((packet.ssrc, packet.sequence_number) for packet in call.there.link.sent)
    assert outputs.most_common(1)[0][1] == 1
    (stream,) = call.producer.streams
    generator = stream.received.nack_generator
    assert generator is not None
    store = stream.views.view(HIGHEST).store
    assert store is not None
    assert len(generator._missing) <= MAX_MISSING
    assert len(stream.received._missing) <= 2 * MAX_REMEMBERED
    assert store.size_bytes <= MAX_BYTES
    assert sum(len(entry[1]) for entry in store._ring if entry) == store.size_bytes


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("loss", "playout_s", "in_time", "shown", "requests", "retransmissions"),
    [(0.05, 0.6, 0.997, 0.85, 2.0, 1.9), (0.1, 0.8, 0.98, 0.8, 2.0, 1.8), (0.2, 1.0, 0.94, 0.65, 2.0, 1.6)],
)
def test_loss_is_repaired_in_time_at_little_cost(
    seed: int,
    loss: float,
    playout_s: float,
    in_time: float,
    shown: float,
    requests: float,
    retransmissions: float,
) -> None:
    call = LossyCall(seed, Conditions(loss=loss, delay_s=DELAY_S), REORDERING, delay_s=playout_s)
    call.run(10)
    figures = call.figures()
    assert figures.packets_in_time >= in_time
    assert figures.frames_shown >= shown
    assert figures.requests_per_loss <= requests
    assert figures.retransmissions_per_loss <= retransmissions
    assert figures.forwarded_again_per_loss <= call.subscriber.asked / call.down.lost
    assert_sound(call)


@pytest.mark.parametrize("seed", SEEDS)
def test_bursts_are_repaired(seed: int) -> None:
    troubles = Troubles(burst_loss=0.05, mean_burst=5)
    call = LossyCall(seed, Conditions(loss=0.02, delay_s=DELAY_S), troubles, delay_s=0.8)
    call.run(10)
    figures = call.figures()
    assert figures.packets_in_time >= 0.995
    assert figures.requests_per_loss <= 1.8
    assert_sound(call)


@pytest.mark.parametrize("seed", SEEDS)
def test_reordering_alone_costs_few_requests(seed: int) -> None:
    call = LossyCall(seed, Conditions(delay_s=DELAY_S, jitter_s=0.04, reorders=True), delay_s=0.6)
    call.run(10)
    received = call.producer.streams[0].received
    assert call.figures().frames_shown == 1
    assert received.nack_packet_count <= 0.03 * call.publisher.sent
    assert received.packets_lost < 10, "only what is under way"
    assert_sound(call)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_far_publisher_and_a_far_subscriber_are_repaired_too(seed: int) -> None:
    call = LossyCall(seed, Conditions(loss=0.05, delay_s=0.3), delay_s=3)
    call.run(20)
    figures = call.figures()
    assert figures.packets_in_time >= 0.99
    assert figures.requests_per_loss <= 3
    stream = call.producer.streams[0]
    assert stream.received.round_trip.rtt_s == pytest.approx(0.6, abs=0.02)
    assert call.consumer.sent.rtt_s == pytest.approx(0.6, abs=0.02)
    store = stream.views.view(HIGHEST).store
    assert store is not None
    assert 1.5 < store.max_age_s <= MAX_AGE_S
    assert_sound(call)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [0.5, 3, 20])
def test_after_an_outage_the_picture_is_back_within_a_second_and_a_half(seed: int, seconds: float) -> None:
    call = LossyCall(seed, Conditions(loss=0.02, delay_s=DELAY_S), delay_s=0.6)
    call.run(5)
    asked = len(call.here.link.rtcp_of(Nack))
    call.cut(seconds, call.up, call.up_back)
    before = len(call.subscriber.shown)
    call.run(2.1)
    shown = len(call.subscriber.shown) - before
    assert shown >= 0.6 * FRAMES_PER_S
    assert len(call.here.link.rtcp_of(Nack)) - asked < 60, "what was lost long ago is not asked for"
    call.run(5)
    assert_sound(call)


def test_while_nothing_comes_nothing_but_key_frames_is_asked_for() -> None:
    call = LossyCall(1, Conditions(delay_s=DELAY_S))
    call.run(5)
    nacks, plis = (len(call.here.link.rtcp_of(kind)) for kind in (Nack, PictureLossIndication))
    call.cut(10, call.up)
    assert len(call.here.link.rtcp_of(Nack)) == nacks
    assert len(call.here.link.rtcp_of(PictureLossIndication)) - plis <= 25


@pytest.mark.parametrize("first_sequence", BOUNDARIES)
def test_wraps_are_no_trouble(first_sequence: int) -> None:
    conditions = Conditions(loss=0.1, delay_s=DELAY_S)
    call = LossyCall(5, conditions, REORDERING, first_sequence=first_sequence - 300 & 0xFFFF, delay_s=0.8)
    call.run(6)
    assert call.figures().packets_in_time >= 0.99
    assert call.producer.streams[0].received.restarts == 0
    assert_sound(call)


@pytest.mark.parametrize("again_at", [0, 20_000, 40_000, 65_535])
def test_a_source_that_starts_anew_is_followed(again_at: int) -> None:
    call = LossyCall(6, Conditions(loss=0.05, delay_s=DELAY_S), REORDERING, first_sequence=5000, delay_s=0.6)
    call.run(5)
    call.publisher.restart(again_at)
    before = len(call.subscriber.shown)
    call.run(4)
    assert call.producer.streams[0].received.restarts == 1
    assert len(call.subscriber.shown) - before >= 2 * FRAMES_PER_S
    assert_sound(call)
