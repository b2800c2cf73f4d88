"""What waits to be sent on data channels: turns, bounds, and what is dropped."""

from collections import Counter

import pytest
from aiortc.rtcsctptransport import DataChunk
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.sctp_queue import (
    LOOKED_AT_A_STEP,
    MAX_BUFFERED_BYTES,
    MAX_BUFFERED_MESSAGES,
    MAX_TOTAL_BUFFERED_BYTES,
    MESSAGE_COST_BYTES,
    SURE_BYTES,
    OutgoingMessage,
    OutgoingQueue,
)


def message(stream_id: int, data: bytes = b"x", expiry: float | None = None) -> OutgoingMessage:
    return OutgoingMessage(stream_id, 53, data, ordered=True, expiry=expiry, max_retransmits=None)


def begin(one: OutgoingMessage | None) -> None:
    assert one is not None
    one.last_chunk = DataChunk()


def take(queue: OutgoingQueue) -> bytes:
    one = queue.next(0.0)
    assert one is not None
    queue.finish()
    return one.data


def test_streams_take_turns_and_each_keeps_its_order() -> None:
    queue = OutgoingQueue()
    for data in (b"a1", b"a2", b"a3", b"b1", b"c1", b"b2"):
        queue.add(message(data[0], data))
    assert [take(queue) for _ in range(6)] == [b"a1", b"b1", b"c1", b"a2", b"b2", b"a3"]
    assert not queue
    assert queue.next(0.0) is None


def test_a_message_that_is_begun_stays_in_turn() -> None:
    queue = OutgoingQueue()
    queue.add(message(1, b"long", expiry=5.0))
    begin(queue.next(0.0))
    queue.add(message(2))
    queue.drop(2)
    queue.add(message(3, b"other"))
    assert queue.drop(1)
    assert [take(queue), take(queue)] == [b"long", b"other"]


def test_a_stream_is_dropped_but_for_what_is_begun() -> None:
    queue = OutgoingQueue()
    for data in (b"one", b"three", b"two"):
        queue.add(message(1, data))
    begin(queue.next(0.0))
    assert queue.drop(1)
    assert (queue.buffered(1), queue.total_cost) == (3, 3 + MESSAGE_COST_BYTES)
    queue.finish()
    assert not queue.drop(1)
    assert (queue.buffered(1), queue.total_cost) == (0, 0)


def test_what_is_over_before_it_began_is_passed_a_bounded_number_a_step() -> None:
    queue = OutgoingQueue()
    for _ in range(LOOKED_AT_A_STEP + 1):
        queue.add(message(1, expiry=1.0))
    queue.add(message(1, b"lives", expiry=3.0))
    assert queue.next(2.0) is None
    one = queue.next(2.0)
    assert one is not None
    assert one.data == b"lives"


@pytest.mark.parametrize(
    ("size", "most"),
    [(1, MAX_BUFFERED_MESSAGES), (MAX_BUFFERED_BYTES // 4, 4)],
)
def test_a_stream_is_bounded_by_bytes_and_by_number(size: int, most: int) -> None:
    queue = OutgoingQueue()
    assert sum(queue.add(message(1, bytes(size))) for _ in range(MAX_BUFFERED_MESSAGES + 9)) == most
    assert queue.buffered(1) == most * size


@pytest.mark.parametrize("size", [1, 1000, MAX_BUFFERED_BYTES // 4])
def test_all_streams_together_are_bounded_and_a_flood_on_some_leaves_room_on_others(size: int) -> None:
    queue = OutgoingQueue()
    for stream_id in range(64):
        while queue.add(message(stream_id, bytes(size))):
            pass
    sure = 64 * SURE_BYTES
    assert (
        MAX_TOTAL_BUFFERED_BYTES - size - MESSAGE_COST_BYTES < queue.total_cost <= MAX_TOTAL_BUFFERED_BYTES + sure
    )
    assert queue.add(message(99, b"a word in between"))


@given(st.lists(st.tuples(st.sampled_from("aaafnbd"), st.integers(0, 3), st.integers(1, 300_000)), max_size=80))
def test_the_sums_are_true_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    queue, model = OutgoingQueue(), Counter[int]()
    for kind, stream_id, size in steps:
        if kind == "a" and queue.add(message(stream_id, bytes(size))):
            model[stream_id] += size
        elif kind in "fn" and (one := queue.next(0.0)) is not None:
            model[one.stream_id] -= len(one.data)
            queue.finish()
        elif kind == "b" and (one := queue.next(0.0)) is not None:
            begin(one)
        elif kind == "d":
            one = queue.next(0.0)
            stays = queue.drop(stream_id)
            assert stays == (one is not None and one.is_begun and one.stream_id == stream_id)
            model[stream_id] = len(one.data) if stays and one is not None else 0
        assert [queue.buffered(number) for number in range(4)] == [model[number] for number in range(4)]
        assert bool(queue) == (model.total() > 0) == (queue.total_cost > 0)
