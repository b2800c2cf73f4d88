"""When loss is a reason to send less, and when it is the path's own."""

import pytest

from sfu.bwe.loss_control import PROBE_AFTER_S, LossControl, LossVerdict


class Path:
    """Tells a control twice a second what got through at some rate."""

    def __init__(self) -> None:
        self.control = LossControl()
        self.now = 0.0

    def lose(self, share: float, rate_bps: float, *, queueing: bool = False) -> LossVerdict:
        self.now += 0.51
        packets = 100
        lost = round(share * packets)
        self.control.add(0, 0, 0, self.now - 0.51, queueing=queueing)
        octets = round(rate_bps * 0.51 / 8)
        return self.control.add(packets - lost, lost, octets, self.now, queueing=queueing)


@pytest.mark.parametrize(("share", "holds"), [(0.0, False), (0.02, False), (0.06, True), (0.11, True)])
def test_a_little_loss_reduces_nothing(share: float, holds: bool) -> None:
    path = Path()
    assert {path.lose(share, 1e6) for _ in range(20)} == {LossVerdict.NONE}
    assert path.control.holds is holds


@pytest.mark.parametrize(("share", "left", "is_heavy"), [(0.25, 0.875, False), (0.6, 0.4, True)])
def test_loss_reduces_by_half_of_it_and_heavy_loss_by_all_of_it(share: float, left: float, is_heavy: bool) -> None:
    path = Path()
    path.lose(share, 1e6)
    assert path.lose(share, 1e6) is LossVerdict.REDUCE
    assert path.control.loss == share
    assert path.control.is_heavy is is_heavy
    assert path.control.target_bps == pytest.approx(left * 1e6, rel=0.1)
    assert not path.control.may_probe(path.now)
    assert path.control.may_probe(path.now + PROBE_AFTER_S)


def test_a_full_path_is_told_from_a_lossy_one_by_a_reduction() -> None:
    for capacity, expected in ((600e3, LossVerdict.REDUCE), (None, LossVerdict.RESTORE)):
        path = Path()
        seen = []
        for rate in (1e6, 1e6, 800e3):
            lost = 0.4 if capacity is None else 1 - capacity / rate
            seen.append(path.lose(min(lost, 0.25) if capacity is None else lost, rate))
        assert seen[1] is LossVerdict.REDUCE
        assert seen[2] is expected


def test_the_paths_own_loss_is_forgiven_until_it_gets_worse_or_better() -> None:
    path = Path()
    for rate in (1e6, 1e6, 800e3):
        verdict = path.lose(0.2, rate)
    assert verdict is LossVerdict.RESTORE
    assert {path.lose(0.2, 1e6) for _ in range(20)} == {LossVerdict.NONE}
    assert path.control.may_probe(path.now)
    path.lose(0.5, 1e6)
    assert path.lose(0.5, 1e6) is LossVerdict.REDUCE
    for _ in range(40):
        path.lose(0.0, 1e6)
    path.lose(0.2, 1e6)
    assert path.lose(0.2, 1e6) is LossVerdict.REDUCE, "it has been without loss since"


def test_loss_under_a_queue_proves_nothing() -> None:
    path = Path()
    assert [path.lose(0.25, rate, queueing=True) for rate in (1e6, 1e6, 800e3)][-1] is LossVerdict.REDUCE


def test_a_probe_that_gets_through_shows_the_loss_to_be_the_paths_own() -> None:
    path = Path()
    path.lose(0.2, 1e5)
    assert path.lose(0.2, 1e5) is LossVerdict.REDUCE
    path.control.probed()
    assert {path.lose(0.2, 1e5) for _ in range(20)} == {LossVerdict.NONE}


def test_few_packets_are_no_sample() -> None:
    control = LossControl()
    for number in range(39):
        assert control.add(0, 1, 1000, number * 1.0, queueing=False) is LossVerdict.NONE
    assert control.loss == 0
    assert control.add(0, 1, 1000, 39.0, queueing=False) is LossVerdict.REDUCE


def test_packets_that_come_late_are_no_loss() -> None:
    control = LossControl()
    control.add(50, 50, 100_000, 0.0, queueing=False)
    control.add(50, -50, 0, 0.1, queueing=False)
    assert control.add(100, 0, 100_000, 1.0, queueing=False) is LossVerdict.NONE
    assert control.loss == 0


def test_loss_that_is_over_reduces_no_more() -> None:
    path = Path()
    path.lose(0.0, 1e6)
    assert path.lose(0.8, 1e6) is LossVerdict.REDUCE
    assert path.lose(0.0, 1e6) is LossVerdict.NONE
