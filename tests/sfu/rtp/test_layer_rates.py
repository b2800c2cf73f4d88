import pytest

from sfu.rtp.layer_rates import LayerRates
from sfu.rtp.layers import Layers


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
