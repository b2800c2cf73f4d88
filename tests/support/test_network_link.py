"""The model of a bad link does what its conditions say, and the same every time."""

from collections.abc import Callable

import pytest

from tests.support.network_link import HEADER_BYTES, Conditions, NetworkLink

PACKET_BYTES = 1000 - HEADER_BYTES


def carried(conditions: Conditions, count: int = 1000, *, seed: int = 7, every_s: float = 0.01) -> list[int]:
    """Send numbered packets, one every `every_s`, and return those that arrive, in the order of arrival."""
    link: NetworkLink[int] = NetworkLink(seed, conditions)
    arrived: list[int] = []
    for number in range(count):
        arrived += link.due(number * every_s)
        link.send(number, PACKET_BYTES, number * every_s)
    return arrived + link.due(count * every_s + 3600)


def test_a_good_link_carries_everything_at_once() -> None:
    link: NetworkLink[str] = NetworkLink(1)
    link.send("one", 10, 5.0)
    link.send("two", 10, 5.0)
    assert link.next_arrival() == 5.0
    assert link.due(5.0) == ["one", "two"]
    assert link.next_arrival() is None
    assert link.counts.forwarded == 2


def test_the_same_seed_loses_the_same_packets_and_another_loses_others() -> None:
    conditions = Conditions(loss=0.1, delay_s=0.05, jitter_s=0.03, reorders=True)
    assert carried(conditions, seed=7) == carried(conditions, seed=7)
    assert carried(conditions, seed=7) != carried(conditions, seed=8)


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.1, 0.2, 1.0])
def test_as_much_is_lost_as_is_asked_for(loss: float) -> None:
    assert len(carried(Conditions(loss=loss), 10_000)) == pytest.approx(10_000 * (1 - loss), abs=150)


def test_which_packets_are_lost_does_not_hang_on_the_other_conditions() -> None:
    plain = carried(Conditions(loss=0.1))
    assert carried(Conditions(loss=0.1, delay_s=0.05, jitter_s=0.02)) == plain


def test_nothing_arrives_before_its_delay() -> None:
    link: NetworkLink[str] = NetworkLink(1, Conditions(delay_s=0.05))
    link.send("late", 10, 1.0)
    assert link.next_arrival() == pytest.approx(1.05)
    assert link.due(1.049) == []
    assert link.due(1.051) == ["late"]


def test_jitter_keeps_the_order_unless_it_is_to_reorder() -> None:
    steady = carried(Conditions(jitter_s=0.05))
    assert steady == sorted(steady)
    mixed = carried(Conditions(jitter_s=0.05, reorders=True))
    assert mixed != sorted(mixed)
    assert sorted(mixed) == steady


def test_packets_stay_in_order_when_the_delay_shrinks() -> None:
    link: NetworkLink[int] = NetworkLink(1, Conditions(delay_s=0.2))
    link.send(1, 10, 0.0)
    link.conditions = Conditions()
    link.send(2, 10, 0.1)
    assert link.due(0.19) == []
    assert link.due(0.2) == [1, 2]


def test_a_rate_lets_through_what_it_says_headers_included() -> None:
    link: NetworkLink[int] = NetworkLink(1, Conditions(rate_bps=400_000, queue_s=0.1))
    for number in range(1000):  # 1,000 packets of 8,000 bits in ten seconds: twice what goes through
        link.send(number, PACKET_BYTES, number * 0.01)
    assert len(link.due(10.0)) == pytest.approx(500, abs=2)
    assert link.counts.queue_full == pytest.approx(500, abs=8)


def test_a_full_queue_drops_the_newest_and_delays_no_more_than_it_may() -> None:
    link: NetworkLink[int] = NetworkLink(1, Conditions(rate_bps=80_000, queue_s=0.25))
    for number in range(10):  # each takes 0.1 s; those that would begin after 0.25 s find the queue full
        link.send(number, PACKET_BYTES, 0.0)
    assert link.due(0.31) == [0, 1, 2]
    assert link.counts.queue_full == 7
    assert link.next_arrival() is None


def test_a_cut_link_carries_nothing_until_it_is_mended_but_what_was_under_way_arrives() -> None:
    link: NetworkLink[str] = NetworkLink(1, Conditions(delay_s=0.1))
    link.send("before", 10, 0.0)
    link.is_cut = True
    link.send("during", 10, 0.01)
    link.is_cut = False
    link.send("after", 10, 0.02)
    assert link.due(1.0) == ["before", "after"]
    assert link.counts.cut_off == 1


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda: Conditions(loss=1.1), "cannot be lost"),
        (lambda: Conditions(loss=-0.1), "cannot be lost"),
        (lambda: Conditions(delay_s=-1.0), "before it was sent"),
        (lambda: Conditions(queue_s=-0.1), "before it was sent"),
        (lambda: Conditions(rate_bps=0.0), "not slow"),
    ],
)
def test_conditions_that_no_network_has_are_refused(wrong: Callable[[], Conditions], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wrong()
