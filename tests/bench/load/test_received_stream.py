"""Counting by sequence number, with wraps, gaps, repeats and late packets."""

import pytest

from tests.bench.load.received_stream import MAX_GAP, NACK_EVERY_S, NACK_TRIES, ReceivedStream
from tests.bench.servers.base import Track

STARTS = (0, 127, 32767, 32768, 65534, 65535)


def stream_of(*numbers: int) -> ReceivedStream:
    stream = ReceivedStream(Track("video", 1, 96, "0", 90_000))
    for number in numbers:
        stream.count(number & 0xFFFF, now=0.0)
    return stream


@pytest.mark.parametrize("start", STARTS)
def test_a_stream_without_loss_is_complete(start: int) -> None:
    stream = stream_of(*range(start, start + 500))
    assert (stream.received, stream.expected, stream.missing) == (500, 500, {})


@pytest.mark.parametrize("start", STARTS)
def test_a_gap_is_missing_until_it_comes_late(start: int) -> None:
    stream = stream_of(start, start + 3)
    assert (stream.received, stream.expected) == (2, 4)
    assert stream.to_ask_for(0.0) == [start + 1 & 0xFFFF, start + 2 & 0xFFFF]
    stream.count(start + 2 & 0xFFFF, 0.0)
    assert (stream.received, stream.reordered) == (3, 1)
    assert stream.to_ask_for(1.0) == [start + 1 & 0xFFFF]


@pytest.mark.parametrize("start", STARTS)
def test_a_repeat_is_a_duplicate(start: int) -> None:
    stream = stream_of(start, start + 1, start + 1, start)
    assert (stream.received, stream.duplicates, stream.expected) == (2, 2, 2)


@pytest.mark.parametrize("start", STARTS)
def test_what_comes_by_rtx_is_recovered_once(start: int) -> None:
    stream = stream_of(start, start + 2)
    stream.recover(start + 1 & 0xFFFF)
    stream.recover(start + 1 & 0xFFFF)
    assert (stream.received, stream.recovered, stream.duplicates) == (3, 1, 1)


def test_a_jump_is_a_new_start_and_no_loss() -> None:
    stream = stream_of(100, 101, 101 + MAX_GAP + 1)
    assert (stream.received, stream.expected, stream.missing) == (3, 3, {})


def test_a_loss_is_asked_for_at_intervals_and_then_given_up() -> None:
    stream = stream_of(1, 3)
    asked = [stream.to_ask_for(n * NACK_EVERY_S * 1.01) for n in range(NACK_TRIES + 1)]
    assert asked == [[2]] * NACK_TRIES + [[]]
    assert stream.missing == {}


def test_a_report_covers_what_came_since_the_last() -> None:
    stream = stream_of(10, 11, 13)
    first = stream.block(0.0)
    assert (first.fraction_lost, first.lost, first.highest) == (64, 1, 13)
    stream.count(14, 0.0)
    assert (stream.block(0.0).fraction_lost, stream.block(0.0).lost) == (0, 1)
