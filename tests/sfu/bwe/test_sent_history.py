"""What feedback tells of what was sent, and what feedback that tells nonsense does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bwe.sent_history import MAX_AGE_S, MAX_BATCHES, MAX_MISSING, Acknowledgement, Arrival, SentHistory
from sfu.rtp.rtcp import TransportFeedback

EDGES = [0, 127, 32767, 32768, 65534, 65535]


def feedback(base: int, *packets: int | None, reference: int = 100) -> TransportFeedback:
    return TransportFeedback(1, 2, base & 0xFFFF, reference, 0, packets)


def acknowledge(history: SentHistory, told: TransportFeedback) -> Acknowledgement | None:
    return history.acknowledge(told.base_sequence, told.reference_time, told.packets)


def arrivals(acknowledgement: Acknowledgement | None) -> list[Arrival]:
    assert acknowledgement is not None
    return acknowledgement.arrivals


def sent_from(first: int, *sizes: int) -> SentHistory:
    """Make a history of batches of so many packets, of 1,000 bytes each, a second apart."""
    history = SentHistory()
    for second, size in enumerate(sizes):
        history.sent(first, size, size * 1000, second / 10)
        first += size
    return history


@pytest.mark.parametrize("first", [*EDGES, 65536 * 3 + 65535])
def test_a_feedback_tells_of_each_batch_when_its_first_packet_came(first: int) -> None:
    history = sent_from(first, 2, 3)
    acknowledgement = acknowledge(history, feedback(first, 4, 1, 400, 0, 0))
    assert acknowledgement == Acknowledgement(
        [Arrival(0.0, 6.401, 2000, 0, 0), Arrival(0.1, 6.50125, 3000, 0, 0)], received=5, lost=0
    )
    assert len(history) == 0


@pytest.mark.parametrize("first", EDGES)
def test_a_batch_may_be_told_of_in_parts(first: int) -> None:
    history = sent_from(first, 4)
    assert arrivals(acknowledge(history, feedback(first, 0))) == [Arrival(0.0, 6.4, 1000, 0, 0)]
    assert arrivals(acknowledge(history, feedback(first + 1, 8, 0, 0))) == [Arrival(0.0, 6.402, 3000, 0, 0)]
    assert len(history) == 0


def test_losses_are_counted_until_a_packet_comes_late() -> None:
    history = sent_from(10, 4)
    acknowledgement = acknowledge(history, feedback(10, None, 4, None, 0))
    assert acknowledgement == Acknowledgement([Arrival(0.0, 6.401, 4000, 2000, 0)], received=2, lost=2)
    assert acknowledge(history, feedback(10, None, 4, 9, -9)) == Acknowledgement([], received=1, lost=-1)
    assert acknowledge(history, feedback(10, None, 4, 9, -9)) is None, "it came only once"


def test_a_batch_may_be_lost_as_a_whole() -> None:
    history = sent_from(10, 1, 1)
    assert arrivals(acknowledge(history, feedback(10, None, 0))) == [
        Arrival(0.0, None, 1000, 1000, 0),
        Arrival(0.1, 6.4, 1000, 0, 0),
    ]


def test_a_lost_feedback_loses_no_bytes() -> None:
    history = sent_from(10, 2, 2)
    assert acknowledge(history, feedback(12, 0, 0)) == Acknowledgement(
        [Arrival(0.1, 6.4, 2000, 0, 0, untold_octets=2000)], 2, 0
    )


def test_bytes_without_numbers_count_with_the_next_batch() -> None:
    history = SentHistory()
    history.sent_untracked(70)
    history.sent_untracked(80)
    history.sent(0, 1, 1000, 0.0, probe=5)
    history.sent(1, 1, 1000, 0.0)
    assert [(a.octets, a.probe) for a in arrivals(acknowledge(history, feedback(0, 0, 0)))] == [
        (1150, 5),
        (1000, 0),
    ]


def test_the_reference_time_may_wrap() -> None:
    history = sent_from(0, 1, 1)
    (before,) = arrivals(acknowledge(history, feedback(0, 0, reference=0xFFFFFF)))
    (after,) = arrivals(acknowledge(history, feedback(1, 0, reference=1)))
    assert before.arrived_at is not None
    assert after.arrived_at is not None
    assert after.arrived_at - before.arrived_at == pytest.approx(2 * 0.064)


@pytest.mark.parametrize("first", EDGES)
def test_nothing_is_told_by_repeated_and_unknown_numbers(first: int) -> None:
    history = sent_from(first, 4)
    assert acknowledge(history, feedback(first, 0, 0, 0, 0, 0)) is None, "the fifth was never sent"
    assert acknowledge(history, feedback(first + 4, 0)) is None
    assert acknowledge(history, feedback(first - 30_000, 0, 0)) is None or first > 30_000
    assert acknowledge(history, feedback(first, 0, 0, 0, 0)) is not None
    assert acknowledge(history, feedback(first, 0, 0, 0, 0)) is None
    assert len(history) == 0


def test_nothing_was_sent() -> None:
    assert acknowledge(SentHistory(), feedback(0, 0)) is None
    assert acknowledge(SentHistory(), feedback(65_535, 0)) is None


def test_the_history_is_bounded() -> None:
    history = SentHistory()
    for number in range(2 * MAX_BATCHES):
        history.sent(number, 1, 1000, 0.0)
    assert len(history) == MAX_BATCHES
    history.sent(2 * MAX_BATCHES, 1, 1000, MAX_AGE_S + 0.1)
    assert len(history) == 1
    number = 2 * MAX_BATCHES + 1
    for _ in range(20):
        history.sent(number, 100, 1000, MAX_AGE_S + 0.1)
        acknowledge(history, feedback(number, *[None] * 100))
        number += 100
    assert len(history._missing) <= MAX_MISSING + 100


@given(
    st.lists(st.integers(1, 64), min_size=1, max_size=20),
    st.lists(
        st.tuples(
            st.integers(-100, 1500),
            st.integers(0, 0xFFFFFF),
            st.lists(st.none() | st.integers(-32768, 32767), min_size=1, max_size=100),
        ),
        max_size=20,
    ),
)
def test_whatever_is_told_no_packet_counts_twice(
    sizes: list[int], told: list[tuple[int, int, list[int | None]]]
) -> None:
    history = sent_from(65_000, *sizes)
    received = lost = octets = 0
    for offset, reference, packets in told:
        acknowledgement = acknowledge(history, feedback(65_000 + offset, *packets, reference=reference))
        if acknowledgement is not None:
            received, lost = received + acknowledgement.received, lost + acknowledgement.lost
            octets += sum(arrival.octets for arrival in acknowledgement.arrivals)
            assert all(arrival.lost_octets <= arrival.octets for arrival in acknowledgement.arrivals)
    assert received + lost <= sum(sizes)
    assert min(received, lost) >= 0
    assert octets <= 1000 * sum(sizes)


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.binary(min_size=1, max_size=60)), max_size=12),
    st.integers(0, 3),
)
def test_deltas_as_bytes_tell_the_same(sizes: list[int], told: list[tuple[int, bytes]], skipped: int) -> None:
    as_bytes, as_numbers = sent_from(65_500, *sizes), sent_from(65_500, *sizes)
    number = 65_500 + skipped
    for reference, deltas in told:
        assert as_bytes.acknowledge(number & 0xFFFF, reference, deltas) == as_numbers.acknowledge(
            number & 0xFFFF, reference, tuple(deltas)
        )
        number += len(deltas)
    assert len(as_bytes) == len(as_numbers)


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.binary(min_size=1, max_size=60)), max_size=12),
    st.integers(0, 3),
)
def test_batches_taken_as_one_have_the_same_bytes_and_times(
    sizes: list[int], told: list[tuple[int, bytes]], skipped: int
) -> None:
    singly, together = sent_from(65_500, *sizes), sent_from(65_500, *sizes)
    number = 65_500 + skipped
    for reference, deltas in told:
        known = len(together), together.expected
        as_one = together.acknowledge_next(number & 0xFFFF, reference, deltas)
        if as_one is None:
            assert known == (len(together), together.expected), "nothing is taken"
            assert number != singly.expected or number + len(deltas) > singly.end
            return
        acknowledgement = singly.acknowledge(number & 0xFFFF, reference, deltas)
        assert acknowledgement is not None
        each = acknowledgement.arrivals
        assert acknowledgement.received == len(deltas)
        arrival, sent_at, arrived_at = as_one
        assert arrival == each[0]._replace(octets=sum(one.octets for one in each))
        assert (sent_at, arrived_at) == (each[-1].sent_at, each[-1].arrived_at)
        assert len(singly) == len(together)
        number += len(deltas)


def test_an_earlier_loss_is_no_reason_to_look_at_each_batch() -> None:
    history = sent_from(10, 3, 2, 2)
    acknowledged = acknowledge(history, feedback(10, 0, None, 0))
    assert acknowledged is not None
    assert acknowledged.lost == 1
    told = history.acknowledge_next(13, 100, bytes(2))
    assert told is not None
    assert told[0].octets == 2000
    late = acknowledge(history, feedback(10, 0, 0, 0, 0, 0))
    assert late is not None
    assert (late.received, late.lost) == (1, -1)


def test_probes_are_not_the_newest_batch() -> None:
    history = SentHistory()
    for number, probe in enumerate([0, 7, 0, 7]):
        history.sent(number, 1, 1000, number / 10, probe)
    assert history.acknowledge_next(0, 100, bytes([1, 1, 1])) == (Arrival(0.0, 6.40025, 3000, 0, 0), 0.2, 6.40075)
    assert history.acknowledge_next(3, 100, bytes([4])) == (Arrival(0.3, 6.401, 1000, 0, 0), None, 6.401)


def test_bytes_of_a_lost_feedback_are_not_lost() -> None:
    history = sent_from(10, 2, 2, 2)
    assert history.acknowledge_next(12, 100, bytes(2)) is None
    arrivals(acknowledge(history, feedback(12, 0, 0)))
    told = history.acknowledge_next(14, 100, bytes(2))
    assert told is not None
    assert told[0].octets == 2000
