import pytest

from sfu.rtp.layer_rates import LayerRates
from sfu.rtp.layers import MAX_LAYER, Layers


def counted(*layers: tuple[int, int]) -> LayerRates:
    """Count 1,000 bytes of each layer, 25 times a second for two seconds."""
    rates = LayerRates()
    for step in range(50):
        for spatial, temporal in layers:
            rates.count(spatial, temporal, 1000)
        rates.read(1 + step / 25)
    return rates


def test_each_layer_has_what_lies_below_it() -> None:
    by_layer = counted((0, 0), (0, 1), (1, 0), (1, 1)).by_layer(2.99)
    assert list(by_layer) == [Layers(0, 0), Layers(0, 1), Layers(1, 0), Layers(1, 1)]
    assert list(by_layer.values()) == pytest.approx([200_000, 400_000, 400_000, 800_000], rel=0.1)


def test_a_stream_without_layers_has_nothing_to_tell_apart() -> None:
    assert counted((0, 0)).by_layer(2.99) == {}


def test_a_layer_that_comes_no_more_is_left_out() -> None:
    rates = counted((0, 0), (0, 1), (0, 2))
    for step in range(50):
        for temporal in range(2):
            rates.count(0, temporal, 1000)
        rates.read(4 + step / 25)
    assert list(rates.by_layer(5.99)) == [Layers(0, 0), Layers(0, 1)]


def test_rates_add_up_over_the_layers_below() -> None:
    rates = LayerRates()
    for n in range(100):
        for spatial, temporal, size in ((0, 0, 100), (0, 1, 50), (1, 0, 400), (1, 2, 200)):
            rates.count(spatial, temporal, size)
        rates.read(n / 50)
    now = 99 / 50
    found = {
        layers: rates.bitrate_bps(Layers(*layers), now) / 400
        for layers in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))
    }
    assert found == {
        (0, 0): pytest.approx(100, rel=0.05),
        (0, 1): pytest.approx(150, rel=0.05),
        (1, 0): pytest.approx(500, rel=0.05),
        (1, 1): pytest.approx(550, rel=0.05),
        (1, 2): pytest.approx(750, rel=0.05),
    }
    assert rates.bitrate_bps(Layers(1, 2), now, alone=True) / 400 == pytest.approx(600, rel=0.05)
    assert rates.bitrate_bps(Layers(MAX_LAYER, MAX_LAYER), now + 5) == 0


def test_the_highest_spatial_layer_is_one_that_has_come_lately() -> None:
    rates = LayerRates()
    assert rates.highest_spatial(0) == 0
    rates.count(2, 0, 100)
    rates.read(10.0)
    rates.count(1, 0, 100)
    rates.read(11.0)
    assert rates.highest_spatial(9) == 2
    assert rates.highest_spatial(10.5) == 1
    assert rates.highest_spatial(12) == 0
