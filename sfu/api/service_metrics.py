"""What `/metrics` shows of the service itself: its version, its processes, who came and went."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from sfu.control.media_worker import MediaWorker
from sfu.control.room_registry import RoomRegistry
from sfu.control.turnover import Turnover
from shared import __version__
from shared import metrics_names as names
from shared.logging import lines_written
from shared.loop_delay import LoopDelay, as_buckets

CONTROL = "control"
"""The label of the control process; a media worker's is `worker-` and its index."""


def build_info() -> Metric:
    """Return the version, as a label."""
    name = names.SFU_BUILD_INFO.removesuffix("_info")
    return InfoMetricFamily(name, "The version that runs.", value={"version": __version__})


def registry_metrics(rooms: RoomRegistry) -> Iterator[Metric]:
    """Yield whether rooms are taken, and how many of what have come and gone."""
    yield GaugeMetricFamily(names.SFU_DRAINING, "Whether no new room is taken.", value=rooms.draining)
    turnover = rooms.turnover
    yield CounterMetricFamily(names.SFU_ROOMS_OPENED, "Rooms that were made.", value=turnover.rooms_opened)
    yield CounterMetricFamily(names.SFU_PEERS_JOINED, "Peers that have joined.", value=turnover.peers_joined)
    yield _by_word(names.SFU_ROOMS_CLOSED, "Rooms that are gone.", "reason", turnover.rooms_closed)
    yield _by_word(names.SFU_PEERS_CLOSED, "Peers that are gone.", "reason", turnover.peers_closed)
    yield _by_word(
        names.SFU_TRANSPORTS_OPENED, "Transports that were made.", "direction", turnover.transports_opened
    )
    yield _by_word(
        names.SFU_TRANSPORTS_CLOSED,
        "Transports that are gone, by how far they came.",
        "outcome",
        turnover.transports_closed,
    )
    yield _states(turnover)


def process_metrics(
    memory: Mapping[int, int], own_pid: int, delay: LoopDelay, workers: list[MediaWorker]
) -> Iterator[Metric]:
    """Yield memory, delay of the event loop and log lines of each process; `memory` is by process id."""
    sizes = GaugeMetricFamily(
        names.SFU_MEMORY_BYTES, "Memory, shared pages counted in part (PSS).", labels=("process",)
    )
    delays = HistogramMetricFamily(
        names.SFU_LOOP_DELAY_SECONDS, "How late the event loop came to a timer.", labels=("process",)
    )
    lines = CounterMetricFamily(names.SFU_LOG_MESSAGES, "Lines that were logged.", labels=("process", "level"))
    if own_pid in memory:
        sizes.add_metric((CONTROL,), memory[own_pid])
    delays.add_metric((CONTROL,), as_buckets(delay.counts), delay.sum_s)
    for level, count in lines_written().items():
        lines.add_metric((CONTROL, level), count)
    for worker in workers:
        label, stats = f"worker-{worker.index}", worker.last_stats
        if worker.pid in memory:
            sizes.add_metric((label,), memory[worker.pid])
        if counts := stats.get("loopDelayCounts"):
            delays.add_metric((label,), as_buckets(counts), float(stats["loopDelaySumS"]))
        for level, count in stats.get("logLines", {}).items():
            lines.add_metric((label, level), count)
    yield from (sizes, delays, lines)


def video_consumers(rooms: RoomRegistry) -> Metric:
    """Return how many consumers of video get which spatial layer now; `none`: nothing, though nobody paused it."""
    counts: dict[str, int] = dict.fromkeys(("paused", "none", "0", "1", "2"), 0)
    for room in rooms.rooms:
        for peer in room.peers.values():
            for consumer in peer.consumers:
                if consumer.kind == "video":
                    layers = consumer.current_layers
                    word = "none" if layers is None else str(layers["spatialLayer"])
                    if consumer.paused or consumer.producer.paused:
                        word = "paused"
                    counts[word] = counts.get(word, 0) + 1
    family = GaugeMetricFamily(
        names.SFU_VIDEO_CONSUMERS, "Consumers of video by the spatial layer that they get.", labels=("layer",)
    )
    for word, count in counts.items():
        family.add_metric((word,), count)
    return family


def _states(turnover: Turnover) -> Metric:
    family = CounterMetricFamily(
        names.SFU_TRANSPORT_STATES, "Times a transport came into a state.", labels=("protocol", "state")
    )
    for (protocol, state), count in turnover.transport_states.items():
        family.add_metric((protocol, state), count)
    return family


def _by_word(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for word, count in counts.items():
        family.add_metric((word,), count)
    return family
