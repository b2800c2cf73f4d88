"""How late a loop is, on a loop and a clock that the test turns."""

from collections.abc import Callable

from shared.loop_delay import BUCKETS_S, EVERY_S, LoopDelay, as_buckets


class TurnedLoop:
    """Holds one timer, which `turn` calls so much too late."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timer: Callable[[], None] | None = None

    def call_later(self, delay: float, callback: Callable[[], None], /) -> "TurnedLoop":
        assert delay == EVERY_S
        self.timer = callback
        return self

    def cancel(self) -> None:
        self.timer = None

    def turn(self, late_s: float) -> None:
        timer, self.timer = self.timer, None
        assert timer is not None
        self.now += EVERY_S + late_s
        timer()


def test_delays_are_counted_by_their_size() -> None:
    loop = TurnedLoop()
    delay = LoopDelay(clock=lambda: loop.now)
    delay.start(loop)
    for late_s in (0.0, -0.001, 0.0015, 0.03, 0.03, 7.0):
        loop.turn(late_s)
    assert delay.counts == (3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1)
    assert round(delay.sum_s, 4) == 7.0615
    buckets = as_buckets(delay.counts)
    assert [end for end, _ in buckets] == [*map(str, BUCKETS_S), "+Inf"]
    assert [count for _, count in buckets] == [3, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 6]


def test_a_delay_of_a_buckets_end_is_in_it() -> None:
    loop = TurnedLoop()
    loop.now = 0.0
    delay = LoopDelay(clock=lambda: loop.now)
    delay.start(loop)
    loop.turn(0.5)
    assert delay.counts[BUCKETS_S.index(0.5)] == 1


def test_who_has_stopped_sets_no_timer() -> None:
    loop = TurnedLoop()
    delay = LoopDelay(clock=lambda: loop.now)
    delay.start(loop)
    delay.stop()
    delay.stop()
    assert loop.timer is None
