"""The queue of deadlines, against a plain dictionary."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sfu.worker.timer_queue import STEPS_PER_S, TimerQueue, next_step


def taken(queue: TimerQueue[str], now: float) -> list[str]:
    found = []
    while (whom := queue.take(now)) is not None:
        found.append(whom)
    return found


def test_those_who_are_due_are_taken_in_their_order_and_once() -> None:
    queue: TimerQueue[str] = TimerQueue()
    for whom, when in (("c", 3.0), ("a", 1.0), ("d", 4.0), ("b", 2.0)):
        queue.arm(whom, when)
    assert queue.next_due() == 1.0
    assert taken(queue, 0.5) == []
    assert taken(queue, 3.0) == ["a", "b", "c"]
    assert (queue.next_due(), len(queue)) == (4.0, 1)


def test_the_sooner_deadline_counts() -> None:
    queue: TimerQueue[str] = TimerQueue()
    queue.arm("a", 5.0)
    queue.arm("a", 7.0)
    assert queue.next_due() == 5.0
    queue.arm("a", 2.0)
    assert taken(queue, 10.0) == ["a"]
    queue.arm("a", 9.0)  # what was overtaken is no deadline of the next time
    assert (taken(queue, 8.0), queue.next_due()) == ([], 9.0)


def test_who_is_disarmed_is_never_taken() -> None:
    queue: TimerQueue[str] = TimerQueue()
    queue.arm("a", 1.0)
    queue.arm("b", 2.0)
    queue.disarm("a")
    queue.disarm("a")
    assert queue.next_due() == 2.0
    assert taken(queue, 9.0) == ["b"]
    assert not queue
    assert math.isinf(queue.next_due())


def test_overtaken_entries_do_not_pile_up() -> None:
    queue: TimerQueue[str] = TimerQueue()
    queue.arm("first", -1e9)  # holds the place in front, so that nothing else is dropped from there
    for when in range(10_000, 0, -1):
        queue.arm("a", when)
    assert len(queue._entries) < 100
    assert taken(queue, 1.0) == ["first", "a"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.sampled_from("abcd"), st.integers(0, 20)),
        st.tuples(st.just("disarm"), st.sampled_from("abcd"), st.just(0)),
        st.tuples(st.just("take"), st.just(""), st.integers(0, 20)),
    )
)


@given(steps)
def test_it_does_what_a_dictionary_would(actions: list[tuple[str, str, int]]) -> None:
    queue: TimerQueue[str] = TimerQueue()
    model: dict[str, float] = {}
    for action, whom, when in actions:
        if action == "arm":
            queue.arm(whom, when)
            model[whom] = min(when, model.get(whom, math.inf))
        elif action == "disarm":
            queue.disarm(whom)
            model.pop(whom, None)
        else:
            found = taken(queue, when)
            assert sorted(found) == sorted(each for each, due in model.items() if due <= when)
            times = [model.pop(each) for each in found]
            assert times == sorted(times)
        assert (queue.next_due(), len(queue)) == (min(model.values(), default=math.inf), len(model))


@given(st.floats(0, 1e7))
def test_a_step_is_never_before_its_time_but_for_rounding(when: float) -> None:
    step = next_step(when)
    assert when - 1e-4 <= step < when + 1 / STEPS_PER_S + 1e-6


@given(st.integers(0, 10**8))
def test_a_time_on_a_step_stays_there(number: int) -> None:
    step = next_step(number / STEPS_PER_S)
    assert step == number / STEPS_PER_S
    assert next_step(step + 1.0) == (number + STEPS_PER_S) / STEPS_PER_S
