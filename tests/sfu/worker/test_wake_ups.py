"""How a worker wakes its transports: one timer of the event loop serves them all."""

from collections.abc import Callable
from typing import Any

import pytest

from sfu.worker.worker import EARLY_S, MAX_A_WAKE, RETRY_AFTER_FAULT_S, Worker
from tests.support.media_rig import MediaRig


class FakeTimer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[FakeTimer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(when, callback))
        return self.timers[-1]

    @property
    def armed(self) -> list[FakeTimer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def fire(self, now: float) -> None:
        self.now = now
        (timer,) = self.armed
        self.timers.clear()
        timer.callback()


class NoLinks:
    def __init__(self) -> None:
        self.drops: dict[str, int] = {}
        self.faults: list[str] = []

    def fault(self, reason: str) -> None:
        self.faults.append(reason)


class Sleeper:
    """Asks to be woken again at the times it is given."""

    def __init__(self, worker: Worker, *again: float) -> None:
        self.worker = worker
        self.again = list(again)
        self.woken: list[float] = []

    def handle_timeout(self, now: float) -> None:
        self.woken.append(now)
        if self.again:
            self.worker.wake_at(self, self.again.pop(0))  # type: ignore[arg-type]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def links() -> NoLinks:
    return NoLinks()


@pytest.fixture
def worker(clock: FakeClock, links: NoLinks) -> Worker:
    return Worker(links, clock, lambda *_: None)  # type: ignore[arg-type]


def sleep(worker: Worker, when: float, *again: float) -> Any:
    sleeper = Sleeper(worker, *again)
    worker.wake_at(sleeper, when)  # type: ignore[arg-type]
    return sleeper


def test_one_timer_serves_all_who_are_due(worker: Worker, clock: FakeClock) -> None:
    sleepers = [sleep(worker, 101.0, 102.0) for _ in range(MAX_A_WAKE)]
    assert [timer.when for timer in clock.armed] == [101.0]
    clock.fire(101.0)
    assert [timer.when for timer in clock.armed] == [102.0]
    clock.fire(102.0)
    assert all(each.woken == [101.0, 102.0] for each in sleepers)
    assert clock.armed == []


def test_a_sooner_deadline_takes_the_timers_place(worker: Worker, clock: FakeClock) -> None:
    late, soon = sleep(worker, 105.0), sleep(worker, 101.0)
    assert [timer.when for timer in clock.armed] == [101.0]
    clock.fire(101.0)
    assert (soon.woken, late.woken) == ([101.0], [])
    assert [timer.when for timer in clock.armed] == [105.0]


def test_a_timer_that_comes_a_little_early_has_come(worker: Worker, clock: FakeClock) -> None:
    sleeper = sleep(worker, 101.0)
    clock.fire(101.0 - EARLY_S / 2)
    assert sleeper.woken == [101.0]


def test_a_timer_that_comes_far_too_early_is_set_again(worker: Worker, clock: FakeClock) -> None:
    sleeper = sleep(worker, 101.0)
    clock.fire(100.9)
    assert sleeper.woken == []
    clock.fire(101.0)
    assert sleeper.woken == [101.0]


def test_who_is_not_to_be_woken_any_more_is_not(worker: Worker, clock: FakeClock) -> None:
    gone, there = sleep(worker, 101.0), sleep(worker, 101.0)
    worker.wake_at(gone, None)
    clock.fire(101.0)
    assert (gone.woken, there.woken) == ([], [101.0])


def test_packets_have_their_turn_between_many_timeouts(worker: Worker, clock: FakeClock) -> None:
    sleepers = [sleep(worker, 101.0) for _ in range(MAX_A_WAKE + 1)]
    clock.fire(101.0)
    assert sum(len(each.woken) for each in sleepers) == MAX_A_WAKE
    clock.fire(101.001)
    assert all(each.woken for each in sleepers)


def test_who_asks_for_the_present_is_woken_again_and_the_loop_has_its_turn(
    worker: Worker, clock: FakeClock
) -> None:
    greedy = sleep(worker, 101.0, *[101.0] * (2 * MAX_A_WAKE))
    clock.fire(101.0)
    assert len(greedy.woken) == MAX_A_WAKE
    assert [timer.when for timer in clock.armed] == [101.0]


def test_a_fault_of_one_is_no_other_ones(worker: Worker, clock: FakeClock, links: NoLinks) -> None:
    class Broken:
        def handle_timeout(self, now: float) -> None:
            raise RuntimeError("a bug")

    worker.wake_at(Broken(), 101.0)  # type: ignore[arg-type]
    sleeper = sleep(worker, 101.0)
    clock.fire(101.0)
    assert links.faults == ["timeout_fault"]
    assert sleeper.woken == [101.0]
    assert [timer.when for timer in clock.armed] == [101.0 + RETRY_AFTER_FAULT_S]


def test_a_transport_that_is_woken_late_keeps_its_place_in_the_second() -> None:
    rig = MediaRig()
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.advance(0.5)
    first = there._reports.next_timeout()
    for second in range(1, 60):
        rig.now = there._reports.next_timeout() + 0.006
        there.handle_timeout(rig.now)
        assert there._reports.next_timeout() == pytest.approx(first + second)
    rig.now += 10
    there.handle_timeout(rig.now)
    assert rig.now < there._reports.next_timeout() < rig.now + 1, "nothing is made up for"
