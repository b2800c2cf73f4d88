"""A publisher that obeys REMB, behind a link that gets narrower and wider."""

from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bwe.rate_control import MAX_BITRATE_BPS, MIN_BITRATE_BPS
from sfu.bwe.receive_side_estimator import ReceiveSideEstimator
from sfu.bwe.remb import RembGenerator
from tests.support.network_link import Conditions, NetworkLink

PACKET_BYTES = 1100
FRAME_S = 1 / 30
START_BPS = 3_000_000


class Path:
    """Sends frames at the rate that REMB has told last, at most `wanted_bps`."""

    def __init__(
        self, rate_bps: float, seed: int = 1, *, wanted_bps: int = 2_500_000, jitter_s: float = 0.0
    ) -> None:
        self.link = NetworkLink[tuple[int, float, int]](seed, Conditions(rate_bps=rate_bps, queue_s=1.0))
        self.estimator = ReceiveSideEstimator(START_BPS)
        self.remb = RembGenerator()
        self.now = 0.0
        self.told_bps = 300_000.0
        self.wanted_bps = wanted_bps
        self.waits: list[float] = []
        self.bytes_received = 0
        self.jitter_s = jitter_s
        self.change(rate_bps)

    def change(self, rate_bps: float) -> None:
        self.link.conditions = Conditions(rate_bps=rate_bps, queue_s=1.0, delay_s=0.05, jitter_s=self.jitter_s)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        self.waits.clear()
        self.bytes_received = 0
        while self.now < end:
            self.now += FRAME_S
            size = int(min(self.told_bps, self.wanted_bps) * FRAME_S / 8)
            for left in range(size, 0, -PACKET_BYTES):
                packet = min(left, PACKET_BYTES)
                self.link.send((int(self.now * (1 << 18)) & 0xFFFFFF, self.now, packet), packet, self.now)
            while (arrival := self.link.next_arrival()) is not None and arrival <= self.now + FRAME_S:
                for send_time, sent_at, packet in self.link.due(arrival):
                    self.estimator.received(send_time, packet, arrival)
                    self.waits.append(arrival - sent_at)
                    self.bytes_received += packet
            self.remb.estimate_bps = self.estimator.estimate_bps
            # A sender's own estimate climbs by itself below what it is told.
            for message in self.remb.due(self.now, [1]):
                self.told_bps = min(message.bitrate_bps, max(self.told_bps * 1.5, 300_000))

    def rate_bps(self, seconds: float) -> float:
        return self.bytes_received * 8 / seconds


@pytest.mark.parametrize("rate_bps", [400_000, 1_000_000, 2_000_000])
@pytest.mark.parametrize("jitter_s", [0.0, 0.02])
def test_a_narrow_path_is_filled_without_a_standing_queue(rate_bps: int, jitter_s: float) -> None:
    path = Path(rate_bps, jitter_s=jitter_s)
    path.run(10)
    path.run(50)
    assert path.rate_bps(50) >= 0.6 * rate_bps
    assert quantiles(path.waits, n=10)[8] <= 0.3


def test_a_path_that_gets_narrower_is_followed_down_in_seconds_and_up_again() -> None:
    path = Path(2_500_000)
    path.run(20)
    path.change(500_000)
    path.run(4)
    assert path.estimator.estimate_bps <= 500_000
    path.run(20)
    assert path.rate_bps(20) >= 250_000
    assert quantiles(path.waits, n=10)[8] <= 0.6
    path.change(2_500_000)
    path.run(45)
    assert path.estimator.estimate_bps >= 1_200_000


def test_a_wide_path_lowers_nothing_through_wraps_of_the_send_time() -> None:
    path = Path(50_000_000, wanted_bps=1_000_000, jitter_s=0.03)
    path.run(200)
    assert path.estimator.estimate_bps >= 1_500_000
    assert path.told_bps >= 1_500_000


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.integers(1, 1500), st.floats(0, 100)), max_size=100))
def test_any_times_leave_an_estimate_within_its_bounds(packets: list[tuple[int, int, float]]) -> None:
    estimator = ReceiveSideEstimator(START_BPS)
    now = 1.0
    for send_time, size, pause in packets:
        now += pause
        estimator.received(send_time, size, now)
        assert MIN_BITRATE_BPS <= estimator.estimate_bps <= MAX_BITRATE_BPS
