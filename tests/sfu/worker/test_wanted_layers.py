from sfu.worker.wanted_layers import LOWER_AFTER_S, WantedLayers


class Watching:
    def __init__(self, spatial_layers: int) -> None:
        self.wanted: int | None = None
        self.told: list[int | None] = []
        self.layers = WantedLayers(spatial_layers, lambda: self.wanted, self.told.append)


def test_less_is_told_after_a_time_and_more_at_once() -> None:
    watching = Watching(3)
    assert watching.layers.next_timeout() is None
    watching.layers.lowered(10)
    watching.layers.lowered(12)
    assert watching.layers.next_timeout() == 10 + LOWER_AFTER_S
    watching.layers.handle_timeout(10 + LOWER_AFTER_S - 0.1)
    assert watching.told == []
    watching.wanted = 1
    watching.layers.handle_timeout(10 + LOWER_AFTER_S)
    assert (watching.told, watching.layers.next_timeout()) == ([1], None)
    watching.layers.raised(0)
    watching.layers.raised(2)
    watching.layers.raised(2)
    assert watching.told == [1, 2]


def test_who_comes_back_in_time_is_not_noticed() -> None:
    watching = Watching(3)
    watching.layers.lowered(10)
    watching.wanted = 2
    watching.layers.raised(2)
    watching.layers.handle_timeout(20)
    assert watching.told == []


def test_nobody_watches() -> None:
    watching = Watching(1)
    watching.layers.lowered(10)
    watching.layers.handle_timeout(20)
    watching.layers.raised(0)
    assert watching.told == [None, 0]
