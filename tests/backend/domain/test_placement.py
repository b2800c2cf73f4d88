"""Which SFU takes the next room."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.placement import EXPECTED_ROOM, Candidate, SfuLoad, least_loaded


def first(candidates: Sequence[Candidate]) -> Candidate:
    return candidates[0]


def chosen(*candidates: Candidate) -> str | None:
    best = least_loaded(candidates, first)
    return best.url if best else None


def test_nobody_is_nobody() -> None:
    assert chosen() is None
    assert chosen(Candidate("dead", SfuLoad(workers_ready=0))) is None


def test_the_one_with_the_least_to_do_is_chosen() -> None:
    a = Candidate("a", SfuLoad(peers=30, producers=60, consumers=900))
    b = Candidate("b", SfuLoad(peers=40, producers=40, consumers=400))
    assert chosen(a, b) == "b"


def test_what_a_worker_has_to_do_counts_not_what_the_whole_sfu_has() -> None:
    large = Candidate("large", SfuLoad(consumers=800, workers_ready=8))
    small = Candidate("small", SfuLoad(consumers=200, workers_ready=1))
    assert chosen(small, large) == "large"


def test_rooms_placed_since_the_report_count() -> None:
    a = Candidate("a", SfuLoad(), placed_since=1)
    b = Candidate("b", SfuLoad(peers=EXPECTED_ROOM - 1))
    assert chosen(a, b) == "b"
    assert chosen(a, Candidate("b", SfuLoad(peers=EXPECTED_ROOM + 1))) == "a"


def test_who_has_no_time_left_comes_last() -> None:
    busy = Candidate("busy", SfuLoad(peers=1, cpu_share=1.8, workers_ready=2))
    calm = Candidate("calm", SfuLoad(consumers=5000, cpu_share=0.5, workers_ready=2))
    assert chosen(busy, calm) == "calm"
    busier = Candidate("busier", SfuLoad(peers=2, cpu_share=2.0, workers_ready=2))
    assert chosen(busier, busy) == "busy", "among those the one with less to do"


def test_among_equals_chance_decides() -> None:
    offered: list[list[str]] = []

    def last(candidates: Sequence[Candidate]) -> Candidate:
        offered.append([one.url for one in candidates])
        return candidates[-1]

    equals = [Candidate(url, SfuLoad(peers=3)) for url in "abc"]
    best = least_loaded([*equals, Candidate("d", SfuLoad(peers=4))], last)
    assert best is not None
    assert best.url == "c"
    assert offered == [["a", "b", "c"]]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_rooms_that_come_at_once_are_spread(count: int) -> None:
    placed = dict.fromkeys(map(str, range(count)), 0)
    for _ in range(10 * count):
        best = least_loaded([Candidate(url, SfuLoad(), rooms) for url, rooms in placed.items()])
        assert best is not None
        placed[best.url] += 1
    assert set(placed.values()) == {10}


LOADS = st.builds(
    SfuLoad,
    *(st.integers(0, 10_000) for _ in range(3)),
    workers_ready=st.integers(0, 64),
    cpu_share=st.floats(0, 64),
)


@given(st.lists(LOADS, max_size=8))
def test_nobody_better_is_passed_over(loads: list[SfuLoad]) -> None:
    candidates = [Candidate(str(number), load) for number, load in enumerate(loads)]
    best = least_loaded(candidates)
    able = [one for one in candidates if one.load.workers_ready]
    assert (best is None) == (not able)
    for one in able:
        assert best is not None
        assert (best.is_busy, best.objects_per_worker) <= (one.is_busy, one.objects_per_worker)
