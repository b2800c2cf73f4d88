import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.stream_score import HISTORY, MAX_SCORE, StreamScore, interval_score


@pytest.mark.parametrize(
    ("delivered", "lost", "repaired", "retransmitted", "score"),
    [
        (0, 0, 0, 0, 10),  # nothing was to come
        (0, 5, 0, 0, 0),
        (100, 0, 0, 0, 10),
        (100, 1, 0, 0, 10),
        (100, 5, 0, 0, 8),
        (100, 10, 0, 0, 7),
        (100, 20, 0, 0, 4),
        (100, 50, 0, 0, 1),
        (100, 100, 0, 0, 0),
        (100, 20, 20, 20, 6),  # repaired, but many
        (100, 20, 20, 40, 5),  # and each twice
        (100, 2, 2, 2, 10),
        (100, 0, 0, 50, 10),  # probing by RTX is no loss
    ],
)
def test_scores_of_an_interval(delivered: int, lost: int, repaired: int, retransmitted: int, score: int) -> None:
    assert interval_score(delivered, lost, repaired, retransmitted) == score


@given(*[st.integers(0, 1 << 40)] * 4)
def test_a_score_is_always_within_its_range(delivered: int, lost: int, repaired: int, retransmitted: int) -> None:
    assert 0 <= interval_score(delivered, lost, repaired, retransmitted) <= MAX_SCORE


def test_the_newest_interval_weighs_most_and_the_oldest_is_forgotten() -> None:
    score = StreamScore()
    assert score.value == MAX_SCORE
    delivered = lost = 0
    seen = []
    for interval in range(2 * HISTORY):
        delivered += 100
        lost += 50 if interval < HISTORY else 0
        score.update(delivered, lost, 0, 0)
        seen.append(score.value)
    assert seen[:HISTORY] == [1] * HISTORY
    assert seen[HISTORY:] == sorted(seen[HISTORY:])
    assert seen[HISTORY] == 2
    assert seen[-1] == MAX_SCORE


def test_totals_that_go_back_do_no_harm() -> None:
    score = StreamScore()
    score.update(100, 10, 5, 5)
    score.update(200, 5, 5, 5)
    assert score.value == 9


def test_what_is_skipped_counts_for_nothing() -> None:
    score = StreamScore()
    score.update(100, 0, 0, 0)
    score.skip(200, 100, 0, 0)
    score.update(300, 100, 0, 0)
    assert score.value == MAX_SCORE


def test_a_reset_forgets_the_past() -> None:
    score = StreamScore()
    score.update(100, 50, 0, 0)
    score.reset(0)
    assert (score.value, score.is_measured) == (0, False)
    score.update(200, 50, 0, 0)
    assert (score.value, score.is_measured) == (MAX_SCORE, True)


totals = st.tuples(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60), st.integers(0, 90))


@given(st.lists(st.one_of(totals, st.integers(0, MAX_SCORE)), max_size=4 * HISTORY))
def test_the_average_is_that_of_all_that_is_remembered(steps: list[tuple[int, ...] | int]) -> None:
    score, history, sums = StreamScore(), [], (0, 0, 0, 0)
    for step in steps:
        if isinstance(step, int):
            score.reset(step)
            history = []
            continue
        sums = tuple(map(sum, zip(sums, step, strict=True)))
        score.update(*sums)
        history = [*history, interval_score(*step)][-HISTORY:]
        weights = range(1, len(history) + 1)
        average = sum(weight * each for weight, each in zip(weights, history, strict=True)) / sum(weights)
        assert score.value == round(average)
