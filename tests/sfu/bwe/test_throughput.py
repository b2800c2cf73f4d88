"""The rate that arrives, by batches that feedback has told of."""

import pytest

from sfu.bwe.sent_history import Arrival
from sfu.bwe.throughput import MAX_ARRIVALS, MAX_WINDOW_S, MIN_ARRIVALS, Throughput


def fill(throughput: Throughput, count: int, *, interval_s: float = 0.04, stretch: float = 1.0) -> None:
    for number in range(count):
        sent_at = number * interval_s
        throughput.add(Arrival(sent_at, 500 + sent_at * stretch, 1000, 0, 0))


def test_the_rate_is_bytes_by_time() -> None:
    throughput = Throughput()
    fill(throughput, 100)
    assert throughput.rate_bps() == pytest.approx(1000 * 8 / 0.04, rel=0.01)
    assert throughput.stretch() == pytest.approx(1)


def test_few_batches_make_no_rate() -> None:
    throughput = Throughput()
    fill(throughput, MIN_ARRIVALS - 1)
    assert throughput.rate_bps() is None
    assert throughput.stretch() == 1


def test_a_layer_of_few_frames_has_a_rate() -> None:
    throughput = Throughput()
    fill(throughput, 30, interval_s=1 / 7.5)
    assert throughput.rate_bps() == pytest.approx(1000 * 8 * 7.5, rel=0.01)


def test_a_path_that_is_too_narrow_stretches_time() -> None:
    throughput = Throughput()
    fill(throughput, 100, stretch=2.0)
    assert throughput.stretch() == pytest.approx(2)
    assert throughput.rate_bps() == pytest.approx(1000 * 8 / 0.08, rel=0.01)


def test_lost_bytes_do_not_arrive() -> None:
    throughput = Throughput()
    for number in range(50):
        throughput.add(Arrival(number * 0.04, number * 0.04, 1000, 500, 0))
        throughput.add(Arrival(number * 0.04, None, 1000, 1000, 0))
    assert throughput.rate_bps() == pytest.approx(500 * 8 / 0.04, rel=0.01)


@pytest.mark.parametrize("jump_s", [MAX_WINDOW_S, 1e9, -MAX_WINDOW_S, -1e9])
def test_a_silence_or_a_jump_of_the_clock_begins_anew(jump_s: float) -> None:
    throughput = Throughput()
    fill(throughput, 50)
    throughput.add(Arrival(2.0, 502 + jump_s, 1000, 0, 0))
    assert throughput.rate_bps() is None


def test_it_is_bounded() -> None:
    throughput = Throughput()
    for _ in range(2 * MAX_ARRIVALS):
        throughput.add(Arrival(0.0, 0.0, 1000, 0, 0))
    assert len(throughput._arrivals) == MAX_ARRIVALS
    assert throughput.rate_bps() is None, "no time has passed"


def test_bytes_of_a_lost_feedback_count_for_the_time_in_which_they_came() -> None:
    throughput = Throughput()
    for step in range(60):
        at = step * 0.033
        if 20 <= step < 30:
            continue  # the feedback about these is lost
        throughput.add(Arrival(at, at + 100, 4000, 0, 0, untold_octets=40_000 if step == 30 else 0))
        if step > 20:
            assert throughput.rate_bps() == pytest.approx(4000 * 8 / 0.033, rel=0.02), step
