from collections.abc import Iterable

import pytest

from sfu.rtp.nack_generator import (
    MAX_ASKED_AT_ONCE,
    MAX_ATTEMPTS,
    MAX_MISSING,
    MAX_PACKET_AGE,
    NackGenerator,
)
from sfu.rtp.nack_pacing import MIN_RETRY_S, REORDER_DELAY_S
from tests.support.rtp_packets import BOUNDARIES

RTT = 0.050


def receive(nack: NackGenerator, seqs: Iterable[int], now: float, *, key: bool = False, rtx: bool = False) -> None:
    for seq in seqs:
        nack.received(seq, key, rtx, now)


def test_nothing_missing_asks_for_nothing() -> None:
    nack = NackGenerator()
    receive(nack, range(100, 200), 1.0)
    assert nack.due(10.0, RTT) == []
    assert nack.next_timeout() is None
    assert not nack.take_key_frame_request()


@pytest.mark.parametrize("start", BOUNDARIES)
def test_a_gap_is_asked_for_after_the_reordering_delay(start: int) -> None:
    nack = NackGenerator()
    receive(nack, [start, start + 1, start + 4], 1.0)
    assert nack.next_timeout() == 1.0 + REORDER_DELAY_S
    assert nack.due(1.0 + REORDER_DELAY_S / 2, RTT) == []
    assert nack.due(1.0 + REORDER_DELAY_S, RTT) == [start + 2, start + 3]


def test_a_reordered_packet_is_not_asked_for() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7, 8, 6], 1.0)
    assert nack.next_timeout() is None
    assert nack.due(2.0, RTT) == []


def test_asked_again_once_a_round_trip_until_the_attempts_are_used_up() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.0)
    now = 1.0 + REORDER_DELAY_S
    for _ in range(MAX_ATTEMPTS):
        assert nack.due(now, RTT) == [6]
        assert nack.due(now + RTT * 0.9, RTT) == []
        assert nack.next_timeout() == now + RTT
        now += RTT
    assert not nack.key_frame_needed
    assert nack.due(now, RTT) == []
    assert nack.next_timeout() is None
    assert nack.take_key_frame_request()


def test_what_a_key_frame_has_made_up_for_is_given_up_in_silence() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.0)
    receive(nack, [8], 1.0, key=True)
    for step in range(100):
        nack.due(1.0 + step * RTT, RTT)
    assert nack.next_timeout() is None
    assert not nack.key_frame_needed


def test_a_far_sender_is_not_asked_for_ever() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.0)
    asked_at = [now for now in (1.0 + step / 100 for step in range(1000)) if nack.due(now, 0.7)]
    assert len(asked_at) == 3
    assert nack.next_timeout() is None
    assert nack.take_key_frame_request()


def test_after_an_outage_a_key_frame_is_asked_for_and_not_what_was_lost() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.0)
    receive(nack, [200], 1.0 + 1.1)
    assert nack.next_timeout() is None
    assert nack.take_key_frame_request()
    receive(nack, [202], 2.2)
    assert nack.due(2.3, RTT) == [201]


def test_what_is_cleared_is_not_asked_for() -> None:
    nack = NackGenerator()
    receive(nack, [5, 8], 1.0)
    receive(nack, [10], 1.0, rtx=True)
    nack.clear()
    assert nack.next_timeout() is None
    receive(nack, [12], 1.1)
    assert nack.due(2.0, RTT) == [9, 10, 11]


def test_a_tiny_round_trip_does_not_make_a_storm() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.0)
    assert nack.due(2.0, 0.0) == [6]
    assert nack.due(2.0 + MIN_RETRY_S / 2, 0.0) == []
    assert nack.due(2.0 + MIN_RETRY_S, 0.0) == [6]


def test_a_retransmission_that_arrives_ends_the_asking() -> None:
    nack = NackGenerator()
    receive(nack, [5, 8], 1.0)
    assert nack.due(2.0, RTT) == [6, 7]
    receive(nack, [6], 2.04, rtx=True)
    assert nack.due(3.0, RTT) == [7]


def test_packets_are_due_at_their_own_times() -> None:
    nack = NackGenerator()
    receive(nack, [5, 7], 1.000)
    receive(nack, [9], 1.008)
    assert nack.due(1.010, RTT) == [6]
    assert nack.next_timeout() == pytest.approx(1.018)
    assert nack.due(1.018, RTT) == [8]
    assert nack.next_timeout() == pytest.approx(1.060)


def test_what_was_recovered_ahead_is_neither_a_gap_nor_asked_for() -> None:
    nack = NackGenerator()
    receive(nack, [5], 1.0)
    receive(nack, [8], 1.0, rtx=True)
    assert nack.next_timeout() is None
    receive(nack, [9], 1.0)
    assert nack.due(2.0, RTT) == [6, 7]


def test_many_unrelated_losses_are_asked_for_in_portions() -> None:
    nack = NackGenerator()
    receive(nack, range(0, 2 * (MAX_ASKED_AT_ONCE + 10), 2), 1.0)
    first = nack.due(2.0, RTT)
    assert len(first) == MAX_ASKED_AT_ONCE
    timeout = nack.next_timeout()
    assert timeout is not None
    assert timeout <= 2.0
    second = nack.due(2.0, RTT)
    assert first + second == list(range(1, 2 * (MAX_ASKED_AT_ONCE + 9), 2))
    assert nack.due(2.0, RTT) == []


def test_a_hopeless_list_becomes_a_key_frame_request() -> None:
    nack = NackGenerator()
    receive(nack, [5, 5 + MAX_MISSING + 1], 1.0)
    assert not nack.key_frame_needed
    receive(nack, [5 + MAX_MISSING + 3], 1.0)
    assert nack.key_frame_needed
    assert nack.next_timeout() is None
    assert nack.take_key_frame_request()
    assert not nack.take_key_frame_request()
    receive(nack, [5 + MAX_MISSING + 5], 1.0)
    assert nack.due(2.0, RTT) == [5 + MAX_MISSING + 4]


def test_losses_before_a_key_frame_give_way_first() -> None:
    nack = NackGenerator()
    receive(nack, [0, 500], 1.0)
    receive(nack, [600], 1.0, key=True)
    receive(nack, [601, 601 + 600], 1.0)
    assert not nack.key_frame_needed
    assert nack.next_timeout() is not None
    asked = [seq for _ in range(10) for seq in nack.due(2.0, RTT)]
    assert asked == list(range(602, 1201))


def test_a_jump_of_any_size_costs_little_and_asks_for_a_key_frame() -> None:
    nack = NackGenerator()
    receive(nack, [5, 1 << 40], 1.0)
    assert nack.take_key_frame_request()
    assert nack.due(2.0, RTT) == []


def test_losses_of_long_ago_are_forgotten() -> None:
    nack = NackGenerator()
    receive(nack, [0, 2], 1.0)
    receive(nack, range(3, MAX_PACKET_AGE + 1), 1.0)
    receive(nack, [MAX_PACKET_AGE + 3], 1.0)
    assert nack.due(2.0, RTT) == [MAX_PACKET_AGE + 1, MAX_PACKET_AGE + 2]


def test_recovered_numbers_are_bounded() -> None:
    nack = NackGenerator()
    receive(nack, [5], 1.0)
    receive(nack, range(7, 5000), 1.0, rtx=True)
    assert len(nack._recovered) == 1000
