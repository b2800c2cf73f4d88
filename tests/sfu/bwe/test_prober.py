"""Clusters of padding: when they may begin, how much of them, and what their arrival proves."""

import pytest

from sfu.bwe.prober import (
    BOLD_FACTOR,
    BURST_INTERVAL_S,
    BURSTS,
    FIRST_INTERVAL_S,
    GENTLE_FACTOR,
    MAX_BACKOFF_S,
    MIN_BACKOFF_S,
    RESULT_TIMEOUT_S,
    Prober,
)
from sfu.bwe.sent_history import Arrival

ESTIMATE_BPS = 1_000_000


def send_cluster(prober: Prober, now: float, *, next_bps: float = 4e6, media_bps: float = 0.0) -> list[Arrival]:
    """Send a whole cluster; its bursts as arrivals after 50 ms on an empty path."""
    prober.start(ESTIMATE_BPS, next_bps, 4e6, media_bps, now)
    bursts = []
    while (due_at := prober.next_timeout()) < now + BURSTS * BURST_INTERVAL_S:
        assert prober.due_octets(due_at - 0.001) == 0 or due_at == now
        octets = prober.due_octets(due_at)
        bursts.append(Arrival(due_at, due_at + 0.05, octets, 0, prober.label))
        prober.burst_sent(due_at)
    assert len(bursts) == BURSTS
    assert prober.due_octets(now + 0.9) == 0
    return bursts


def conclude(prober: Prober, bursts: list[Arrival], now: float, loss: float = 0.0) -> int | None:
    results = [prober.acknowledged(burst, loss, ESTIMATE_BPS, now) for burst in bursts]
    assert results[:-1] == [None] * (len(results) - 1)
    return results[-1]


def through(bursts: list[Arrival], rate_bps: float) -> list[Arrival]:
    """Have bursts arrive over a path of this rate."""
    free_at, arrived = 0.0, []
    for burst in bursts:
        free_at = max(free_at, burst.sent_at)
        arrived.append(burst._replace(arrived_at=free_at + 0.05))
        free_at += burst.octets * 8 / rate_bps
    return arrived


def test_a_wide_path_proves_the_rate_that_was_tried() -> None:
    prober = Prober()
    result = conclude(prober, send_cluster(prober, 0.0), 0.2)
    assert result == pytest.approx(BOLD_FACTOR * ESTIMATE_BPS, rel=0.02)
    assert not prober.active
    assert prober.next_start() == pytest.approx(0.2 + FIRST_INTERVAL_S)


def test_a_narrower_path_proves_a_little_less_than_its_rate() -> None:
    prober = Prober()
    result = conclude(prober, through(send_cluster(prober, 0.0), 1.5e6), 0.2)
    assert result == pytest.approx(0.95 * 1.5e6, rel=0.02)
    assert prober.next_start() == pytest.approx(0.2 + MIN_BACKOFF_S)


def test_a_full_path_proves_nothing_and_is_left_alone_longer_and_longer() -> None:
    prober, now, waits = Prober(), 0.0, []
    for _ in range(5):
        assert conclude(prober, through(send_cluster(prober, now), 0.9e6), now) is None
        waits.append(prober.next_start() - now)
        now = prober.next_start()
    assert waits == pytest.approx([1, 2, 4, MAX_BACKOFF_S, MAX_BACKOFF_S])


def test_after_a_failure_it_is_gentle() -> None:
    prober = Prober()
    conclude(prober, through(send_cluster(prober, 0.0), 0.9e6), 0.2)
    bursts = send_cluster(prober, 2.0)
    assert sum(burst.octets for burst in bursts[1:]) * 8 / (6 * BURST_INTERVAL_S) == pytest.approx(
        GENTLE_FACTOR * ESTIMATE_BPS, rel=0.02
    )
    assert conclude(prober, bursts, 2.2) == pytest.approx(GENTLE_FACTOR * ESTIMATE_BPS, rel=0.02)
    assert sum(burst.octets for burst in send_cluster(prober, 3.0)) == sum(
        burst.octets for burst in send_cluster(Prober(), 3.0)
    )


def test_media_make_padding_less() -> None:
    alone, beside = (send_cluster(Prober(), 0.0, media_bps=media) for media in (0.0, 1e6))
    assert sum(burst.octets for burst in beside) == pytest.approx(
        sum(burst.octets for burst in alone) / 2, rel=0.02
    )
    crowded = send_cluster(Prober(), 0.0, media_bps=1e9)
    assert sum(burst.octets for burst in crowded) > 0


def test_a_cluster_without_the_media_it_counted_on_says_nothing() -> None:
    prober = Prober()
    assert conclude(prober, send_cluster(prober, 0.0, media_bps=1e6), 0.2) is None
    assert prober.next_start() == pytest.approx(0.2 + MIN_BACKOFF_S)
    with_media = send_cluster(prober, 2.0, media_bps=1e6)
    with_media.insert(3, Arrival(2.015, 2.065, 4500, 0, 0))
    assert conclude(prober, with_media, 2.2) == pytest.approx(2_600_000, rel=0.02), "all padding this time"


@pytest.mark.parametrize(("usual_loss", "proves"), [(0.0, False), (0.3, True)])
def test_more_loss_than_usual_is_a_failure(usual_loss: float, proves: bool) -> None:
    prober = Prober()
    bursts = [burst._replace(lost_octets=burst.octets * 3 // 10) for burst in send_cluster(prober, 0.0)]
    assert (conclude(prober, bursts, 0.2, usual_loss) is not None) is proves


def test_a_cluster_that_is_not_told_of_is_given_up() -> None:
    prober = Prober()
    bursts = send_cluster(prober, 0.0)
    prober.expire(RESULT_TIMEOUT_S - 0.01)
    assert prober.active
    prober.expire(RESULT_TIMEOUT_S)
    assert not prober.active
    assert prober.next_timeout() == float("inf")
    assert [prober.acknowledged(burst, 0.0, ESTIMATE_BPS, 2.0) for burst in bursts][:-1] == [None] * (BURSTS - 1)


def test_a_reduction_soon_after_a_raise_is_a_failure_of_the_probe() -> None:
    prober = Prober()
    conclude(prober, send_cluster(prober, 0.0), 0.2)
    prober.reduced(1.0)
    assert prober.next_start() == pytest.approx(1.0 + 2 * MIN_BACKOFF_S)


def test_bytes_of_a_lost_feedback_count_if_they_came_between_the_bursts() -> None:
    results = []
    for place in (0, 1):  # before the first burst, and after it
        prober = Prober()
        bursts = send_cluster(prober, 0.0)
        bursts[place] = bursts[place]._replace(untold_octets=100_000)
        results += [
            result
            for burst in bursts
            if (result := prober.acknowledged(burst, 0.0, ESTIMATE_BPS, 0.2)) is not None
        ]
    without, with_them = results
    assert without < 2.5 * ESTIMATE_BPS
    assert with_them - without == pytest.approx(100_000 * 8 / 0.06, rel=0.05)
