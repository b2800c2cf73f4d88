import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.sequence import Unwrapper
from tests.support.rtp_packets import BOUNDARIES


@pytest.mark.parametrize("start", BOUNDARIES)
def test_counts_on_over_the_wrap(start: int) -> None:
    unwrapper = Unwrapper()
    values = [unwrapper.unwrap((start + step) & 0xFFFF) for step in range(70_000)]
    assert values == list(range(start + 65536, start + 65536 + 70_000))


@pytest.mark.parametrize("start", BOUNDARIES)
def test_earlier_values_stay_positive_and_leave_the_highest(start: int) -> None:
    unwrapper = Unwrapper()
    first = unwrapper.unwrap(start)
    for back in (1, 2, 32767, 32768):
        assert unwrapper.unwrap((start - back) & 0xFFFF) == first - back > 0
    assert unwrapper.highest == first


def test_highest_before_the_first_value() -> None:
    assert Unwrapper().highest == -1


def test_32_bits() -> None:
    unwrapper = Unwrapper(bits=32)
    first = unwrapper.unwrap(0xFFFFFFFF)
    assert first == 0x1FFFFFFFF
    assert unwrapper.unwrap(5) == first + 6
    assert unwrapper.unwrap(0xFFFFFFF0) == first - 15


@given(st.integers(0, 1 << 20), st.lists(st.integers(-32768, 32767), max_size=50))
def test_follows_any_walk_within_half_a_cycle_of_the_highest(start: int, steps: list[int]) -> None:
    unwrapper = Unwrapper()
    offset = unwrapper.unwrap(start & 0xFFFF) - start
    highest = start
    for step in steps:
        value = highest + step
        assert unwrapper.unwrap(value & 0xFFFF) - offset == value
        highest = max(highest, value)
    assert unwrapper.highest - offset == highest
