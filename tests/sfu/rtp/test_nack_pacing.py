import pytest

from sfu.rtp.nack_generator import NackGenerator
from sfu.rtp.nack_pacing import MAX_REORDER_DELAY_S, MAX_RETRY_S, MIN_RETRY_S, REORDER_DELAY_S, NackPacing


def test_what_fills_itself_is_waited_for_and_no_longer_when_losses_prevail() -> None:
    pacing = NackPacing()
    for _ in range(20):
        pacing.reordered(0.040)
    assert pacing.reorder_delay_s == pytest.approx(0.050)
    for _ in range(20):
        pacing.answered(0.1)
    assert pacing.reorder_delay_s == REORDER_DELAY_S


def test_rare_reordering_delays_no_request() -> None:
    pacing = NackPacing()
    for _ in range(100):
        pacing.reordered(0.040)
        pacing.answered(0.1)
        pacing.answered(0.1)
    assert pacing.reorder_delay_s == REORDER_DELAY_S


def test_the_wait_is_bounded_and_shrinks_with_the_lateness() -> None:
    pacing = NackPacing()
    for _ in range(20):
        pacing.reordered(3.0)
    assert pacing.reorder_delay_s == MAX_REORDER_DELAY_S
    for _ in range(1000):
        pacing.reordered(0.001)
    assert pacing.reorder_delay_s == REORDER_DELAY_S


def test_the_round_trip_serves_until_answers_have_been_seen() -> None:
    pacing = NackPacing()
    assert pacing.retry_after(0.3) == 0.3
    for _ in range(100):
        pacing.answered(0.08)
    assert pacing.retry_after(0.3) == pytest.approx(0.08, abs=0.001)
    for step in range(100):
        pacing.answered(0.08 + 0.04 * (step % 2))
    assert 0.12 < pacing.retry_after(0.3) < 0.16


def test_retries_are_neither_a_storm_nor_too_rare() -> None:
    pacing = NackPacing()
    assert pacing.retry_after(0.0) == MIN_RETRY_S
    assert pacing.retry_after(20.0) == MAX_RETRY_S
    for _ in range(50):
        pacing.answered(5.0)
    assert pacing.retry_after(0.1) == MAX_RETRY_S


def test_a_generator_learns_how_long_answers_take_by_those_that_are_certain() -> None:
    nack = NackGenerator()
    now, seq = 1.0, 0
    for _ in range(50):
        nack.received(seq, False, False, now)
        nack.received(seq + 2, False, False, now)
        now += REORDER_DELAY_S
        assert nack.due(now, 0.5) == [seq + 1]
        now += 0.040
        nack.received(seq + 1, False, True, now)
        seq += 3
        now += 0.010
    nack.received(seq, False, False, now)
    nack.received(seq + 2, False, False, now)
    asked = now + REORDER_DELAY_S
    assert nack.due(asked, 0.5) == [seq + 1]
    timeout = nack.next_timeout()
    assert timeout is not None
    assert timeout - asked == pytest.approx(0.040, abs=0.002)


@pytest.mark.parametrize("lateness_s", [0.005, 0.030])
def test_a_generator_learns_to_wait_for_stragglers(lateness_s: float) -> None:
    nack = NackGenerator()
    now, seq, asked = 1.0, 0, []
    for _ in range(100):
        nack.received(seq, False, False, now)
        nack.received(seq + 2, False, False, now)
        asked.append(len(nack.due(now + lateness_s - 0.001, 0.1)))
        now += lateness_s
        nack.received(seq + 1, False, False, now)
        seq += 3
        now += 0.1
    assert sum(asked[30:]) == 0
