"""How well media comes in and goes out, in sum over each worker: `worker.stats`'s `quality` as metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from shared import metrics_names as names

Worker = tuple[str, Mapping[str, Any]]
"""Its label, and its `quality`."""

DIRECTIONS = (("in", "received"), ("out", "sent"))
"""`in`: from publishers to the SFU; `out`: from the SFU to subscribers."""

COUNTERS = (
    (names.SFU_RTP_PACKETS, "RTP packets of media, without retransmissions.", "rtpPackets"),
    (names.SFU_RTP_BYTES, "Bytes of media; those that go out are counted without headers.", "rtpBytes"),
    (names.SFU_RTX_BYTES, "Bytes of retransmissions.", "rtxBytes"),
    (names.SFU_PACKETS_LOST, "Packets that were lost at first.", "packetsLost"),
    (names.SFU_PACKETS_REPAIRED, "Lost packets that a retransmission has made up for.", "packetsRepaired"),
    (names.SFU_PACKETS_RETRANSMITTED, "Packets that were sent again.", "packetsRetransmitted"),
    (names.SFU_NACKS, "NACKs, which go against the direction of the media.", "nackCount"),
    (names.SFU_NACKED_PACKETS, "Packets that NACKs have asked for.", "nackPacketCount"),
)


def quality_metrics(workers: Iterable[Worker]) -> Iterator[Metric]:
    """Yield the metrics; a worker that has not answered yet is left out."""
    known = [worker for worker in workers if worker[1]]
    for name, documentation, key in COUNTERS:
        counter = CounterMetricFamily(name, documentation, labels=("worker", "direction"))
        _fill(counter.add_metric, known, key)
        yield counter
    yield _key_frame_requests(known)
    discarded = CounterMetricFamily(
        names.SFU_PACKETS_DISCARDED,
        "Packets of publishers that no consumer could use: duplicates, too late, or of no known stream.",
        labels=("worker",),
    )
    for label, quality in known:
        discarded.add_metric((label,), float(quality["received"]["packetsDiscarded"]))
    yield discarded
    bitrate = GaugeMetricFamily(
        names.SFU_BITRATE_BPS, "Bits a second, all protocols, headers of UDP not.", labels=("worker", "direction")
    )
    _fill(bitrate.add_metric, known, "bitrate")
    yield bitrate
    available = GaugeMetricFamily(
        names.SFU_AVAILABLE_BITRATE_BPS,
        "What the ways to and from peers can carry, as far as we estimate it.",
        labels=("worker", "direction"),
    )
    _fill(available.add_metric, known, "availableBitrate")
    yield available
    yield _streams(known)
    yield _quantiles(known, names.SFU_ROUND_TRIP_SECONDS, "Round trips of streams that know theirs.", "roundTripS")
    yield _quantiles(known, names.SFU_JITTER_SECONDS, "Jitter of what publishers send (RFC 3550).", "jitterS")


def _fill(add: Callable[[tuple[str, ...], float], None], workers: Iterable[Worker], key: str) -> None:
    for label, quality in workers:
        for direction, part in DIRECTIONS:
            add((label, direction), float(quality[part][key]))


def _key_frame_requests(workers: Iterable[Worker]) -> Metric:
    family = CounterMetricFamily(
        names.SFU_KEY_FRAME_REQUESTS,
        "Requests for key frames, which go against the direction of the media.",
        labels=("worker", "direction", "kind"),
    )
    for label, quality in workers:
        for direction, part in DIRECTIONS:
            for kind, key in (("pli", "pliCount"), ("fir", "firCount")):
                family.add_metric((label, direction, kind), float(quality[part][key]))
    return family


def _streams(workers: Iterable[Worker]) -> Metric:
    family = GaugeMetricFamily(
        names.SFU_STREAMS,
        "Streams by their score, from 0, dead, to 10, perfect.",
        labels=("worker", "direction", "score"),
    )
    for label, quality in workers:
        for direction, part in DIRECTIONS:
            for score, count in quality[part]["streamsByScore"].items():
                family.add_metric((label, direction, score), float(count))
    return family


def _quantiles(workers: Iterable[Worker], name: str, documentation: str, key: str) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=("worker", "direction", "quantile"))
    for label, quality in workers:
        for direction, part in DIRECTIONS:
            for quantile, seconds in quality[part].get(key, {}).items():
                family.add_metric((label, direction, quantile), float(seconds))
    return family
