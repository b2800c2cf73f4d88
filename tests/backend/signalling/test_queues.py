"""The rate limit and the queue of what is yet to send."""

import asyncio

from backend.signalling.outbox import MAX_QUEUED_CHARACTERS, MAX_QUEUED_MESSAGES, SendQueue
from backend.signalling.token_bucket import TokenBucket


def test_a_burst_is_let_through_and_no_more() -> None:
    bucket = TokenBucket(200, 400, now=0)
    assert [bucket.take(0) for _ in range(401)] == [True] * 400 + [False]


def test_the_long_run_is_limited_to_the_rate() -> None:
    bucket = TokenBucket(200, 400, now=0)
    taken = sum(bucket.take(step / 1000) for step in range(10_000))
    assert 400 + 200 * 9.9 <= taken <= 400 + 200 * 10


def test_a_rest_fills_the_bucket_but_not_beyond_the_burst() -> None:
    bucket = TokenBucket(200, 400, now=0)
    assert sum(bucket.take(1000) for _ in range(1000)) == 400


async def everything(queue: SendQueue) -> list[str]:
    queue.close()
    texts = []
    while (text := await queue.get()) is not None:
        texts.append(text)
    return texts


async def test_texts_go_out_in_order_and_nothing_after_the_close() -> None:
    queue = SendQueue(lambda: None)
    for text in ("a", "b", "c"):
        queue.put(text)
    queue.close()
    queue.put("d")
    assert await everything(queue) == ["a", "b", "c"]


async def test_waiting_ends_when_something_comes() -> None:
    queue = SendQueue(lambda: None)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put("a")
    assert await waiting == "a"


async def test_waiting_ends_when_the_queue_closes() -> None:
    queue = SendQueue(lambda: None)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await waiting is None


async def test_the_answer_goes_before_what_was_held_back() -> None:
    queue = SendQueue(lambda: None)
    queue.put("before")
    with queue.answering_first() as put_answer:
        queue.put("notice 1")
        put_answer("answer")
        queue.put("notice 2")
    queue.put("after")
    assert await everything(queue) == ["before", "answer", "notice 1", "notice 2", "after"]


async def test_a_full_queue_says_so_once_and_forgets() -> None:
    overflows: list[bool] = []
    queue = SendQueue(lambda: overflows.append(True))
    for _ in range(MAX_QUEUED_MESSAGES):
        queue.put("x")
    assert overflows == []
    queue.put("one too many")
    queue.put("another")
    assert overflows == [True]
    assert await everything(queue) == []


async def test_large_texts_fill_the_queue_sooner() -> None:
    overflows: list[bool] = []
    queue = SendQueue(lambda: overflows.append(True))
    text = "x" * (MAX_QUEUED_CHARACTERS // 4)
    for _ in range(4):
        queue.put(text)
    assert overflows == []
    assert await queue.get() == text
    queue.put(text)
    assert overflows == []
    queue.put(text)
    assert overflows == [True]


async def test_what_is_held_back_counts() -> None:
    overflows: list[bool] = []
    queue = SendQueue(lambda: overflows.append(True))
    with queue.answering_first() as put_answer:
        for _ in range(MAX_QUEUED_MESSAGES + 1):
            queue.put("x")
        put_answer("answer")
    assert overflows == [True]
