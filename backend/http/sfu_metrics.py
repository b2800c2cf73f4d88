"""What `/metrics` shows of the SFUs, one by one."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.domain.placement import SfuFigures
from shared import metrics_names as names


class SfuMetrics(Collector):
    """Reads the figures when asked. The label `sfu` is the address in `SFU_URL`."""

    def __init__(self, figures: Callable[[], Sequence[SfuFigures]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        up = GaugeMetricFamily(names.BACKEND_SFU_UP, "Whether the SFU answers.", labels=("sfu",))
        draining = GaugeMetricFamily(
            names.BACKEND_SFU_DRAINING, "Whether the SFU takes no new rooms.", labels=("sfu",)
        )
        rooms = GaugeMetricFamily(names.BACKEND_SFU_ROOMS, "Our rooms that are at the SFU.", labels=("sfu",))
        for one in self._figures():
            up.add_metric((one.url,), one.up)
            draining.add_metric((one.url,), one.draining)
            rooms.add_metric((one.url,), one.rooms)
        return (up, draining, rooms)
