"""How many bits a second each layer of a stream carries, and which of them come at all."""

from sfu.rtp.layers import MAX_LAYER, Layers
from sfu.rtp.rate_calculator import RateCalculator

READ_STEP_S = 0.04
"""How often the counters are read: once a bucket of the rate calculator."""

_STRIDE = MAX_LAYER + 1


class LayerRates:
    """Count the bytes of one stream by layer; to count a packet costs one addition.

    Call `read` now and then, at least once a `READ_STEP_S` while packets come.
    """

    __slots__ = ("_bytes", "_rates", "_read_at", "_seen_at")

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}  # what was counted since the last reading
        self._rates: dict[int, RateCalculator] = {}
        self._seen_at = [float("-inf")] * _STRIDE
        self._read_at = float("-inf")

    def count(self, spatial: int, temporal: int, size_bytes: int) -> None:
        """Count a packet of these layers."""
        index = spatial * _STRIDE + temporal
        self._bytes[index] = self._bytes.get(index, 0) + size_bytes

    def read(self, now: float) -> None:
        """Take what was counted into the rates."""
        if now < self._read_at:
            return
        self._read_at = now + READ_STEP_S
        for index, count in self._bytes.items():
            rate = self._rates.get(index)
            if rate is None:
                rate = self._rates[index] = RateCalculator()
            rate.update(count, now)
            self._seen_at[index // _STRIDE] = now
        self._bytes.clear()

    def bitrate_bps(self, layers: Layers, now: float, *, alone: bool = False) -> int:
        """Return the bits per second of a temporal layer and those below, over the last second.

        With the spatial layers below `layers.spatial`, unless that one goes out `alone`.
        """
        return sum(
            rate.rate_bps(now)
            for index, rate in self._rates.items()
            if index % _STRIDE <= layers.temporal
            and (index // _STRIDE == layers.spatial if alone else index // _STRIDE <= layers.spatial)
        )

    def by_layer(self, now: float) -> dict[Layers, int]:
        """Return the bitrate of each layer that comes, with those below it; nothing when there is but one."""
        coming = [index for index, rate in sorted(self._rates.items()) if rate.rate_bps(now)]
        layers = [Layers(*divmod(index, _STRIDE)) for index in coming]
        return {each: self.bitrate_bps(each, now) for each in layers} if len(layers) > 1 else {}

    def highest_spatial(self, since: float) -> int:
        """Return the highest spatial layer of which something has come since then; 0 when nothing has."""
        return max((n for n, seen_at in enumerate(self._seen_at) if seen_at >= since), default=0)
