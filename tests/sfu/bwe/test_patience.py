"""An estimator that is patient does less, and knows the same."""

import pytest

from sfu.bwe.send_side_estimator import SendSideEstimator

FRAME_S = 1 / 30
PACKETS = 6
OCTETS = 6600


class Stream:
    """A video of 1.6 Mbit/s, and feedback about it: one in so many frames."""

    def __init__(self, *, patient: bool, interval_frames: int = 2) -> None:
        self.interval_frames = interval_frames
        self.estimator = SendSideEstimator(1_000_000)
        self.estimator.patient = patient
        self.estimator.probing = False
        self.number = 0
        self.frame = 0
        self.looks = 0

    @property
    def now(self) -> float:
        return 100 + self.frame * FRAME_S

    def run(self, seconds: float, *, growth_s: float = 0.0, lost: bool = False, delay_s: float = 0.02) -> bool:
        """Send for some seconds; whether the estimate was reduced. `growth_s`: of the delay, each frame."""
        before = self.estimator.estimate_bps
        for step in range(int(seconds / FRAME_S / self.interval_frames)):
            base, arrivals = self.number, []
            for frame in range(self.interval_frames):
                self.estimator.history.sent(self.number, PACKETS, OCTETS, self.now)
                delay = delay_s + growth_s * (step * self.interval_frames + frame)
                arrivals += [int((self.now + delay) * 4000)] * PACKETS
                self.number += PACKETS
                self.frame += 1
            reference = arrivals[0] // 256
            deltas = [b - a for a, b in zip([reference * 256, *arrivals], arrivals, strict=False)]
            assert 0 <= min(deltas) <= max(deltas) <= 255
            told: bytes | list[int | None] = bytes(deltas)
            if lost:
                told = [*deltas[:-1], None]
            self.looks += self.estimator.feedback(base & 0xFFFF, reference & 0xFFFFFF, told, self.now + delay)
            if self.estimator.estimate_bps < before:
                return True
            before = self.estimator.estimate_bps
        return False


@pytest.mark.parametrize("seconds", [2, 10])
def test_it_knows_the_same_of_a_calm_path(seconds: int) -> None:
    patient, eager = Stream(patient=True), Stream(patient=False)
    for stream in (patient, eager):
        assert not stream.run(seconds)
    assert patient.estimator.estimate_bps == pytest.approx(eager.estimator.estimate_bps, rel=0.05)
    assert patient.estimator.acknowledged_bps == pytest.approx(eager.estimator.acknowledged_bps, rel=0.05)
    assert patient.looks < eager.looks / 3
    assert len(patient.estimator.history) == len(eager.estimator.history)


@pytest.mark.parametrize("interval_frames", [1, 2, 3])
@pytest.mark.parametrize("calm_s", [1.0, 1.1, 1.2, 1.3, 5.0])
@pytest.mark.parametrize("growth_s", [0.004, 0.010, 0.020])
def test_a_queue_is_noticed_nearly_as_soon(growth_s: float, calm_s: float, interval_frames: int) -> None:
    patient, eager = (Stream(patient=each, interval_frames=interval_frames) for each in (True, False))
    for stream in (patient, eager):
        stream.run(calm_s)
        assert stream.run(3, growth_s=growth_s)
    assert patient.now - eager.now <= (3 * interval_frames + 0.5) * FRAME_S, "three feedbacks later at most"


def test_loss_is_counted_at_once_and_in_full() -> None:
    patient, eager = Stream(patient=True), Stream(patient=False)
    for stream in (patient, eager):
        stream.run(2.05)
        stream.run(2, lost=True)
    assert patient.estimator.packet_loss == pytest.approx(1 / 12, abs=0.01)
    assert patient.estimator.packet_loss == pytest.approx(eager.estimator.packet_loss, abs=0.01)
