"""The sliding window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import rate_limit
from backend.domain.rate_limit import SlidingWindow


def test_a_window_slides() -> None:
    window = SlidingWindow(limit=2, window_s=60)
    assert window.retry_after_s("a", 0) == 0
    window.hit("a", 0)
    window.hit("a", 30)
    assert window.remaining("a", 30) == 0
    assert window.retry_after_s("a", 30) == 30
    assert window.retry_after_s("a", 59.5) == 1
    assert window.retry_after_s("b", 30) == 0
    assert window.retry_after_s("a", 60) == 0
    assert window.remaining("a", 60) == 1
    window.hit("a", 60)
    assert window.retry_after_s("a", 60) == 30


@given(
    st.integers(min_value=1, max_value=5),
    st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=60),
)
def test_never_more_than_the_limit_within_any_window(limit: int, pauses: list[float]) -> None:
    window, now, taken = SlidingWindow(limit, 60), 0.0, []
    for pause in pauses:
        now += pause
        free = window.retry_after_s("a", now) == 0
        assert free == (window.remaining("a", now) > 0)
        if free:
            window.hit("a", now)
            taken.append(now)
    for start in taken:
        assert sum(start <= moment < start + 60 for moment in taken) <= limit


@given(st.integers(min_value=1, max_value=4), st.integers(min_value=0, max_value=800))
def test_after_the_time_it_names_an_attempt_is_free(limit: int, eighths: int) -> None:
    start = eighths / 8
    window = SlidingWindow(limit, 60)
    for _ in range(limit):
        window.hit("a", start)
    assert window.retry_after_s("a", start + window.retry_after_s("a", start)) == 0


def test_keys_are_forgotten_when_their_window_is_over() -> None:
    window = SlidingWindow(limit=2, window_s=60)
    for number in range(100):
        window.hit(str(number), number)
    assert len(window) == 60


def test_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 10)
    window = SlidingWindow(limit=1, window_s=60)
    for number in range(100):
        window.hit(str(number), 0)
    assert len(window) == 10
    assert window.remaining("99", 0) == 0
