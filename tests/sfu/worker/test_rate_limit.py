from sfu.worker.rate_limit import RateLimit


def test_a_seconds_worth_at_once_then_as_fast_as_the_rate() -> None:
    limit = RateLimit(10, now=5.0)
    assert [limit.allows(5.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [limit.allows(5.25) for _ in range(4)] == [True, True, False, False]
    assert [limit.allows(100.0) for _ in range(12)] == [True] * 10 + [False] * 2


def test_the_rate_may_change() -> None:
    limit = RateLimit(1, now=0.0)
    limit.rate_hz = 5
    assert [limit.allows(1.0) for _ in range(7)] == [True] * 5 + [False] * 2
