"""Sharing an estimate out: audio first, a layer for everybody, then better ones; down at once, up with care."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from sfu.bwe.allocator import (
    FLAPPING_S,
    MAX_HOLD_S,
    MIN_HOLD_S,
    MIN_RETRY_S,
    PATIENCE_S,
    RETRY_LASTS_S,
    Allocator,
    Share,
)
from sfu.rtp.layers import LayerOption, Layers

LOW, LOW_FAST, HIGH = Layers(0, 0), Layers(0, 1), Layers(1, 0)
THREE = [LayerOption(LOW, 100_000), LayerOption(LOW_FAST, 150_000), LayerOption(HIGH, 500_000)]
LAYERS = [option.layers for option in THREE]


def video(name: str, priority: int = 1, options: Sequence[LayerOption] = THREE) -> Share:
    return Share(name, False, priority, options)


def audio(name: str = "audio", bitrate_bps: int = 40_000) -> Share:
    return Share(name, True, 1, [LayerOption(LOW, bitrate_bps)])


def given(estimate_bps: int | None, *shares: Share) -> list[Layers | None]:
    allocation = Allocator().allocate(estimate_bps, shares, 0.0)
    return [allocation.layers[share.consumer_id] for share in shares]


@pytest.mark.parametrize(
    ("estimate_bps", "shares", "expected"),
    [
        (None, [video("a"), video("b")], [HIGH, HIGH]),
        (1_200_000, [video("a"), video("b")], [HIGH, HIGH]),
        (1_000_000, [video("a"), video("b")], [HIGH, LOW_FAST]),
        (400_000, [video("a"), video("b")], [LOW_FAST, LOW_FAST]),
        (310_000, [video("a"), video("b")], [LOW_FAST, LOW]),
        (230_000, [video("a"), video("b")], [LOW, LOW]),
        (150_000, [video("a"), video("b")], [LOW, None]),
        (150_000, [video("a"), video("b", 2)], [None, LOW]),
        (150_000, [video("a"), audio()], [LOW, LOW]),
        (150_000, [audio(), video("a", options=THREE[2:]), video("b", options=THREE[:1])], [LOW, HIGH, None]),
        (790_000, [video("a"), video("b", 2)], [LOW_FAST, HIGH]),
        (250_000, [video("a", options=THREE[:1]), video("b", 255), audio()], [LOW, LOW, LOW]),
        (30_000, [audio(), audio("other")], [LOW, LOW]),
        (600_000, [video("a", options=THREE[1:])], [HIGH]),
    ],
)
def test_who_gets_what(estimate_bps: int | None, shares: list[Share], expected: list[Layers | None]) -> None:
    assert given(estimate_bps, *shares) == expected


def test_a_layer_may_cost_nothing_more() -> None:
    options = [LayerOption(LOW, 100_000), LayerOption(LOW_FAST, 100_000), LayerOption(HIGH, 90_000)]
    assert given(125_000, video("a", options=options)) == [HIGH]


def test_nobody_that_wants_nothing_is_in_the_way() -> None:
    allocation = Allocator().allocate(600_000, [video("a", options=[]), video("b")], 0.0)
    assert allocation.layers == {"b": HIGH}
    assert Allocator().allocate(600_000, [], 0.0) == ({}, 0, None, 0)


def test_it_tells_what_more_would_take() -> None:
    allocation = Allocator().allocate(300_000, [audio(), video("a"), video("b")], 0.0)
    assert allocation.used_bps == 240_000
    assert allocation.next_bps == pytest.approx(1.2 * 290_000, abs=1)
    assert allocation.desired_bps == 1_040_000
    assert Allocator().allocate(2_000_000, [video("a")], 0.0).next_bps is None


def test_up_takes_headroom_and_down_takes_none() -> None:
    allocator, shares = Allocator(), [video("a")]
    assert allocator.allocate(590_000, shares, 0.0).layers["a"] == LOW_FAST
    assert allocator.allocate(610_000, shares, 1.0).layers["a"] == HIGH
    assert allocator.allocate(510_000, shares, 2.0).layers["a"] == HIGH
    assert allocator.allocate(490_000, shares, 2.1).layers["a"] == LOW_FAST


def test_it_does_not_flap() -> None:
    """Each time that a better layer lasts only a moment, the next time is longer in coming."""
    allocator, shares, now, waits = Allocator(), [video("a")], 0.0, []
    for _ in range(4):
        allocator.allocate(1_000_000, shares, now)
        now += 1
        assert allocator.allocate(200_000, shares, now).layers["a"] == LOW_FAST
        lowered_at = now
        while allocator.allocate(1_000_000, shares, now).layers["a"] != HIGH:
            now += 0.1
        waits.append(round(now - lowered_at, 1))
    assert waits == pytest.approx([4, 8, MAX_HOLD_S, MAX_HOLD_S], abs=0.2)
    now += FLAPPING_S
    allocator.allocate(200_000, shares, now)
    assert allocator.allocate(1_000_000, shares, now + MIN_HOLD_S).layers["a"] == HIGH


def test_a_wish_for_less_is_no_setback() -> None:
    allocator = Allocator()
    allocator.allocate(1_000_000, [video("a")], 0.0)
    assert allocator.allocate(1_000_000, [video("a", options=THREE[:1])], 1.0).layers["a"] == LOW
    assert allocator.allocate(1_000_000, [video("a")], 1.1).layers["a"] == HIGH


def test_the_first_video_outlasts_an_error_of_the_estimate() -> None:
    allocator, shares = Allocator(), [video("a", 2), video("b")]
    allocator.allocate(1_200_000, shares, 0.0)
    assert allocator.allocate(30_000, shares, 1.0).layers == {"a": LOW, "b": None}
    assert allocator.allocate(90_000, shares, 4.0).layers == {"a": LOW, "b": None}, "not far below"
    assert allocator.allocate(30_000, shares, 5.0).layers["a"] == LOW
    assert allocator.allocate(30_000, shares, 5.0 + PATIENCE_S).layers["a"] is None
    assert allocator.allocate(115_000, shares, 20.0).layers["a"] == LOW
    assert allocator.allocate(1_200_000, shares, 30.0).layers == {"a": HIGH, "b": HIGH}


def test_without_probes_a_suspended_video_is_tried_now_and_then() -> None:
    allocator, shares = Allocator(), [audio(), video("a")]
    tried = []
    for tenth in range(1000):
        now = tenth / 10
        layers = allocator.allocate(50_000, shares, now, probing=False).layers
        assert layers["audio"] == LOW
        if layers["a"] is not None:
            tried.append(now)
    starts = [now for now in tried if round(now - 0.1, 1) not in tried]
    assert starts[0] == 0
    assert starts[1] == pytest.approx(PATIENCE_S + MIN_RETRY_S)
    assert [round(later - now) for now, later in pairwise(starts[1:])] == [22, 32]
    assert len([now for now in tried if now > PATIENCE_S]) == pytest.approx(10 * RETRY_LASTS_S * 3, abs=3)


def test_with_probes_a_suspended_video_waits_for_the_estimate() -> None:
    allocator, shares = Allocator(), [audio(), video("a")]
    tried = [now for now in range(100) if allocator.allocate(50_000, shares, float(now)).layers["a"] is not None]
    assert tried == list(range(int(PATIENCE_S)))


def test_consumers_that_are_gone_are_forgotten() -> None:
    allocator = Allocator()
    for number in range(100):
        allocator.allocate(500_000, [video(f"video-{number}")], float(number))
    assert len(allocator._memories) == 1


def test_who_all_have_the_best_keep_it_as_long_as_it_fits() -> None:
    allocator = Allocator()
    shares = [audio(), video("a")]
    assert allocator.keep(1_000_000, shares) is None
    allocator.allocate(1_000_000, shares, 0.0)
    dearer = [audio(), video("a", options=[*THREE[:2], LayerOption(HIGH, 700_000)])]
    kept = allocator.keep(750_000, dearer)
    assert kept == Allocator().allocate(1_000_000, dearer, 0.0)
    assert allocator.keep(None, dearer) == kept
    assert allocator.keep(730_000, dearer) is None


@pytest.mark.parametrize(
    "shares",
    [
        [video("a")],
        [video("a"), video("c")],
        [video("a"), video("b"), video("c")],
        [video("a"), video("b", options=[])],
        [video("a"), video("b", options=THREE[:2])],
        [video("a"), video("b", options=[*THREE, LayerOption(Layers(1, 1), 900_000)])],
    ],
)
def test_what_has_changed_is_allocated_anew(shares: list[Share]) -> None:
    allocator = Allocator()
    allocator.allocate(None, [video("a"), video("b")], 0.0)
    assert allocator.keep(None, [video("a"), video("b")]) is not None
    assert allocator.keep(None, shares) is None


def test_who_lacks_something_is_looked_at_each_time() -> None:
    allocator = Allocator()
    allocator.allocate(400_000, [video("a"), video("b")], 0.0)
    assert allocator.keep(None, [video("a"), video("b")]) is None
    allocator.allocate(None, [video("a"), video("b", options=[])], 0.0)
    assert allocator.keep(None, [video("a"), video("b", options=[])]) is None
