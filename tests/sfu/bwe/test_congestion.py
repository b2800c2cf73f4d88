"""The closed loop: senders, a bottleneck, and a receiver with real feedback messages, in simulated time."""

import pytest

from sfu.rtp.layers import LayerOption, Layers
from tests.support.bottleneck import Bottleneck, Flow, LayeredFlow, simulate

SIMULCAST = [
    LayerOption(Layers(0, 0), 100_000),
    LayerOption(Layers(0, 1), 150_000),
    LayerOption(Layers(1, 0), 350_000),
    LayerOption(Layers(1, 1), 500_000),
    LayerOption(Layers(2, 0), 1_000_000),
    LayerOption(Layers(2, 1), 1_500_000),
]
HIGHEST = SIMULCAST[-1].layers


def mean_bps(flow: Flow, since: float) -> float:
    rates = [rate for when, rate in flow.sent_bps if when >= since]
    return sum(rates) / len(rates)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def layers_over_time(
    flow: LayeredFlow, until: float, rates: dict[float, float]
) -> list[tuple[float, Layers | None]]:
    """Run a flow of one video with the path's rate changing at given times; when it got which layers."""
    changes: list[tuple[float, Layers | None]] = []

    def each(now: float) -> None:
        if now in rates:
            flow.path.rate_bps = rates[now]
        if flow.allocation is not None:
            layers = flow.allocation.layers["video-0"]
            if not changes or changes[-1][1] != layers:
                changes.append((now, layers))

    simulate([flow], until, each=each)
    return changes


@pytest.mark.parametrize("rate_bps", [300_000, 2_000_000, 10_000_000])
@pytest.mark.parametrize("queue_s", [0.2, 2.0])
def test_converges_to_the_paths_rate_with_a_short_queue(rate_bps: int, queue_s: float) -> None:
    path = Bottleneck(rate_bps, queue_s=queue_s)
    flow = Flow(path)
    simulate([flow], 15)
    path.delays.clear()
    simulate([flow], 40, since=15)
    assert 0.7 * rate_bps <= mean_bps(flow, 15) <= 1.02 * rate_bps
    assert percentile(path.delays, 0.5) < 0.1
    assert percentile(path.delays, 0.95) < 0.25


def test_jitter_is_no_congestion() -> None:
    path = Bottleneck(2_000_000, jitter_s=0.030)
    flow = Flow(path)
    simulate([flow], 40)
    assert 0.7 * 2_000_000 <= mean_bps(flow, 15) <= 1.02 * 2_000_000


def test_a_squeezed_video_falls_within_five_seconds_and_is_back_within_fifteen() -> None:
    flow = LayeredFlow(Bottleneck(2_500_000), SIMULCAST)
    changes = layers_over_time(flow, 65, {15.0: 300_000, 45.0: 2_500_000})
    before, during = ([layers for when, layers in changes if when < limit] for limit in (15, 45))
    assert before[-1] == HIGHEST
    assert during[-1] == Layers(0, 1)
    assert [when for when, _ in changes if when < 45][-1] < 15 + 5
    assert changes[-1][1] == HIGHEST
    assert changes[-1][0] < 45 + 15


def test_probes_take_a_hundredth_of_a_path_that_has_no_more() -> None:
    path = Bottleneck(300_000)
    flow = LayeredFlow(path, SIMULCAST)
    simulate([flow], 10)
    path.delays.clear()
    sent, probes = flow.sent_octets, flow.probe_octets
    simulate([flow], 60, since=10)
    assert 0 < flow.probe_octets - probes < 0.03 * (flow.sent_octets - sent)
    assert max(path.delays) < 0.1


@pytest.mark.parametrize("loss", [0.05, 0.1, 0.2])
def test_random_loss_leaves_most_of_the_path_in_use(loss: float) -> None:
    flow = Flow(Bottleneck(2_000_000, delay_s=0.05, loss=loss))
    simulate([flow], 60)
    assert mean_bps(flow, 10) >= 0.6 * 2_000_000


@pytest.mark.parametrize("loss", [0.1, 0.2])
def test_random_loss_takes_the_best_layer_for_moments_only(loss: float) -> None:
    flow = LayeredFlow(Bottleneck(5_000_000, delay_s=0.05, loss=loss), SIMULCAST)
    simulate([flow], 60)
    assert mean_bps(flow, 10) >= 0.85 * 1_500_000


def test_a_path_without_a_queue_is_not_taken_for_a_lossy_one() -> None:
    flow = LayeredFlow(Bottleneck(400_000, queue_s=0.03), SIMULCAST)
    simulate([flow], 40)
    assert mean_bps(flow, 10) <= 400_000


@pytest.mark.parametrize("phase_s", [0.005, 0.016])
def test_two_flows_share_a_path(phase_s: float) -> None:
    path = Bottleneck(2_000_000)
    flows = [Flow(path), Flow(path, phase_s=phase_s)]
    simulate(list(flows), 60)
    rates = [mean_bps(flow, 20) for flow in flows]
    assert min(rates) >= 0.3 * 2_000_000
    assert sum(rates) >= 0.8 * 2_000_000
    assert percentile(path.delays, 0.95) < 0.25


def test_a_flow_that_comes_later_gets_its_share() -> None:
    path = Bottleneck(2_000_000)
    first, second = Flow(path), Flow(path, start_bps=300_000, phase_s=20.0)
    simulate([first], 20)
    simulate([first, second], 80, since=20)
    assert mean_bps(second, 50) >= 0.25 * 2_000_000


def test_ten_videos_settle_on_what_fits() -> None:
    flow = LayeredFlow(Bottleneck(3_000_000), SIMULCAST, videos=10)
    changes = 0
    last = None

    def each(now: float) -> None:
        nonlocal changes, last
        if flow.allocation is not None and flow.allocation.layers != last:
            changes += now > 10
            last = flow.allocation.layers

    simulate([flow], 60, each=each)
    assert mean_bps(flow, 10) >= 0.6 * 3_000_000
    assert changes <= 10
    assert last is not None
    assert None not in last.values()


@pytest.mark.parametrize("can_probe", [True, False])
def test_a_video_that_does_not_fit_is_suspended_and_comes_back(can_probe: bool) -> None:
    flow = LayeredFlow(Bottleneck(300_000), SIMULCAST[-1:], can_probe=can_probe)
    changes = layers_over_time(flow, 80, {30.0: 5_000_000})
    (_, first), (suspended_at, second), *_ = changes
    assert (first, second) == (HIGHEST, None)
    assert suspended_at < 8
    assert changes[-1][1] == HIGHEST
    assert 30 < changes[-1][0] < (45 if can_probe else 65)


def test_what_is_not_sent_changes_nothing() -> None:
    flow = LayeredFlow(Bottleneck(5_000_000), SIMULCAST[:2])
    simulate([flow], 5)
    settled = flow.estimator.estimate_bps
    simulate([flow], 60, since=5)
    assert settled <= flow.estimator.estimate_bps <= 1_000_000


def test_an_estimate_that_nobody_probes_stays_near_what_was_tried() -> None:
    flow = LayeredFlow(Bottleneck(50_000_000), SIMULCAST[:4], can_probe=False)
    simulate([flow], 30)
    assert flow.estimator.estimate_bps <= 1_000_000


@pytest.mark.parametrize("seconds", [1.5, 5.0])
def test_an_interruption_is_no_reason_to_send_less(seconds: float) -> None:
    flow = LayeredFlow(Bottleneck(5_000_000), SIMULCAST)
    simulate([flow], 15)
    before = flow.estimator.estimate_bps
    flow.path.loss = 1.0
    simulate([flow], 15 + seconds, since=15)
    flow.path.loss = 0.0
    simulate([flow], 17 + seconds, since=15 + seconds)
    assert flow.estimator.estimate_bps >= before
    assert flow.rate_bps(0) == SIMULCAST[-1].bitrate_bps


def test_a_longer_way_is_no_queue_for_long() -> None:
    flow = LayeredFlow(Bottleneck(5_000_000), SIMULCAST)
    simulate([flow], 15)
    flow.path.delay_s += 0.06
    simulate([flow], 45, since=15)
    assert flow.estimator.may_probe(45) or flow.estimator.prober.active or flow.wanted_bps() is None
    assert flow.rate_bps(0) == SIMULCAST[-1].bitrate_bps


def test_a_path_that_is_known_to_be_another_is_not_taken_for_full() -> None:
    flow = LayeredFlow(Bottleneck(5_000_000), SIMULCAST)
    simulate([flow], 15)
    before = flow.estimator.estimate_bps
    flow.path.delay_s += 0.13
    flow.estimator.path_changed(15)
    simulate([flow], 25, since=15)
    assert flow.estimator.estimate_bps >= before
