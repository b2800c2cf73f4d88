"""Buckets and percentiles."""

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.load.histogram import Histogram, bucket_of, upper_edge


@given(st.integers(0, 10**8))
def test_a_bucket_is_at_most_a_thirtysecond_wide(us: int) -> None:
    edge = upper_edge(bucket_of(us))
    assert us <= edge <= us + us / 32
    assert bucket_of(edge) == bucket_of(us)
    assert bucket_of(edge + 1) == bucket_of(us) + 1


@given(st.lists(st.integers(0, 10**7), min_size=1), st.sampled_from([50, 95, 99, 100]))
def test_a_percentile_is_an_upper_bound_within_a_thirtysecond(values: list[int], percent: int) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    true = sorted(values)[-(-len(values) * percent // 100) - 1]
    found = histogram.percentile_ms(percent)
    assert found is not None
    assert true <= found * 1000 + 1e-6
    assert found * 1000 <= true * (1 + 1 / 32) + 1e-6


def test_merging_adds() -> None:
    one, two = Histogram(), Histogram()
    one.add(10)
    two.add(5000)
    one.merge(two)
    assert (one.total, one.longest_us, one.percentile_ms(50), one.percentile_ms(100)) == (2, 5000, 0.01, 5.0)


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile_ms(99) is None
