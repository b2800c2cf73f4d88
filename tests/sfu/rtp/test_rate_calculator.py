import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.rate_calculator import RateCalculator


def test_a_steady_stream_shows_its_rate() -> None:
    rate = RateCalculator()
    for step in range(500):
        rate.update(100, 1000 + step / 100)
    assert rate.rate_bps(1004.99) == pytest.approx(80_000, rel=0.05)


def test_a_short_window() -> None:
    rate = RateCalculator(window_s=0.25)
    for step in range(100):
        rate.update(100, step / 100)
    assert rate.rate_bps(0.99) == pytest.approx(80_000, rel=0.05)


def test_falls_to_nothing_when_nothing_comes() -> None:
    rate = RateCalculator()
    rate.update(1000, 5.0)
    assert rate.rate_bps(5.9) == 8000
    assert rate.rate_bps(6.1) == 0
    rate.update(1000, 500.0)
    assert rate.rate_bps(500.0) == 8000


def test_a_clock_that_steps_back_loses_nothing() -> None:
    rate = RateCalculator()
    rate.update(1000, 5.0)
    rate.update(1000, 4.0)
    assert rate.rate_bps(4.5) == 16000


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 1500)), max_size=60))
def test_counts_what_lies_in_the_window_and_nothing_older(steps: list[tuple[float, int]]) -> None:
    rate = RateCalculator()
    now = 100.0
    packets: list[tuple[float, int]] = []
    for delay, size in steps:
        now += delay
        packets.append((now, size))
        rate.update(size, now)
        inner = sum(size for at, size in packets if at > now - 0.95)
        outer = sum(size for at, size in packets if at > now - 1.0)
        assert inner * 8 <= rate.rate_bps(now) <= outer * 8
