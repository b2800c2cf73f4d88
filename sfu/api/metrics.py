"""What `/metrics` shows: counts of the rooms and what is in them, and the workers' own figures."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfu.api.quality_metrics import quality_metrics
from sfu.api.service_metrics import build_info, process_metrics, registry_metrics, video_consumers
from sfu.control.event_log import EventLog
from sfu.control.media_worker import MediaWorker
from sfu.control.room_registry import RoomRegistry
from sfu.control.worker_pool import WorkerPool
from sfu.errors import SfuError
from shared import metrics_names as names
from shared.loop_delay import LoopDelay
from shared.memory import memory_bytes

HTTP_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""The targets of control calls are 5, 20 and 50 ms."""
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others count as `OTHER`, so that nobody can make up time series."""

FAULTS = (
    "packet_fault",
    "pipe_fault",
    "batch_fault",
    "deliver_fault",
    "flush_fault",
    "timeout_fault",
    "dtls_fault",
    "sctp_fault",
    "data_deliver_fault",
    "fan_out_fault",
)
"""Reasons for dropping that are our bugs. They are shown from the start, so that an alert sees the first rise."""

WORKER_COUNTERS = (
    (names.SFU_WORKER_CPU_SECONDS, "CPU time that the media worker has used.", "cpuSeconds"),
    (names.SFU_PACKETS_RECEIVED, "Packets that the media worker has received.", "packetsReceived"),
    (names.SFU_PACKETS_SENT, "Packets that the media worker has sent.", "packetsSent"),
    (names.SFU_BYTES_RECEIVED, "Bytes that the media worker has received.", "bytesReceived"),
    (names.SFU_BYTES_SENT, "Bytes that the media worker has sent.", "bytesSent"),
    (names.SFU_DATA_MESSAGES_RECEIVED, "Messages received on data channels.", "dataMessagesReceived"),
    (names.SFU_DATA_MESSAGES_SENT, "Messages sent on data channels.", "dataMessagesSent"),
    (names.SFU_PIPE_PACKETS_SENT, "Packets of media sent to other media workers.", "pipePacketsSent"),
    (
        names.SFU_PIPE_PACKETS_RECEIVED,
        "Packets of media received from other media workers.",
        "pipePacketsReceived",
    ),
)


class Metrics(Collector):
    """The metrics of this service, in a registry of their own."""

    def __init__(self, rooms: RoomRegistry, pool: WorkerPool, events: EventLog) -> None:
        self.loop_delay = LoopDelay()
        self._memory: dict[int, int] = {}
        self._rooms = rooms
        self._pool = pool
        self._events = events
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self._http = Histogram(
            names.SFU_HTTP_REQUEST_SECONDS,
            "Time from a request's headers to the end of its answer.",
            ("method", "route", "status"),
            buckets=HTTP_BUCKETS_S,
            registry=self._registry,
        )
        self._errors = Counter(
            names.SFU_ERRORS, "Requests refused or failed, by code.", ("code",), registry=self._registry
        )

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request; `route` is the route's pattern."""
        known = method if method in KNOWN_METHODS else "OTHER"
        self._http.labels(known, route, str(status)).observe(seconds)

    def observe_error(self, code: str) -> None:
        """Count an error that was answered; `code` is one of `sfu.errors`."""
        self._errors.labels(code).inc()

    async def expose(self) -> bytes:
        """Ask the workers, then return the metrics as Prometheus text; a worker that is stuck shows its last."""
        workers = self._pool.ready_workers
        pids = [os.getpid(), *(worker.pid for worker in workers)]
        asked = asyncio.gather(*map(_refresh, workers))
        self._memory = await asyncio.to_thread(memory_bytes, pids)
        await asked
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now (prometheus_client's Collector)."""
        workers = self._pool.ready_workers
        yield build_info()
        yield from registry_metrics(self._rooms)
        yield from process_metrics(self._memory, os.getpid(), self.loop_delay, workers)
        yield video_consumers(self._rooms)
        yield from self._room_metrics()
        yield from self._event_metrics()
        yield from _worker_metrics(workers)
        yield from quality_metrics(
            [(str(worker.index), worker.last_stats.get("quality", {})) for worker in workers]
        )
        yield GaugeMetricFamily(names.SFU_WORKERS, "Media workers that there are to be.", value=self._pool.size)
        yield GaugeMetricFamily(names.SFU_WORKERS_READY, "Media workers that are up.", value=len(workers))
        yield CounterMetricFamily(
            names.SFU_WORKER_RESTARTS, "Media workers that were started again.", value=self._pool.restarts
        )

    def describe(self) -> list[Metric]:
        """Describe nothing in advance (prometheus_client's Collector)."""
        return []

    def _room_metrics(self) -> Iterator[Metric]:
        rooms = self._rooms.rooms
        peers = [peer for room in rooms for peer in room.peers.values()]
        yield GaugeMetricFamily(names.SFU_ROOMS, "Rooms.", value=len(rooms))
        yield GaugeMetricFamily(names.SFU_PEERS, "Peers in all rooms.", value=len(peers))
        yield GaugeMetricFamily(
            names.SFU_TRANSPORTS, "Transports of all peers.", value=sum(len(peer.transports) for peer in peers)
        )
        for name, kind in ((names.SFU_PRODUCERS, "producers"), (names.SFU_CONSUMERS, "consumers")):
            family = GaugeMetricFamily(name, f"The {kind} of all peers.", labels=("kind",))
            items: list[Any] = [item for peer in peers for item in getattr(peer, kind)]
            for media in ("audio", "video"):
                family.add_metric((media,), sum(item.kind == media for item in items))
            yield family

        for name, kind in ((names.SFU_DATA_PRODUCERS, "producers"), (names.SFU_DATA_CONSUMERS, "consumers")):
            count = sum(
                len(getattr(transport.data, kind)) for peer in peers for transport in peer.transports.values()
            )
            yield GaugeMetricFamily(name, f"The data {kind} of all peers.", value=count)

    def _event_metrics(self) -> Iterator[Metric]:
        yield CounterMetricFamily(names.SFU_EVENTS, "Events published.", value=self._events.seq)
        yield GaugeMetricFamily(
            names.SFU_EVENT_SUBSCRIBERS, "Subscribers of the events.", value=self._events.subscribers
        )


def _worker_metrics(workers: list[MediaWorker]) -> Iterator[Metric]:
    for name, documentation, key in WORKER_COUNTERS:
        family = CounterMetricFamily(name, documentation, labels=("worker",))
        for worker in workers:
            family.add_metric((str(worker.index),), float(worker.last_stats.get(key, 0)))
        yield family
    uptime = GaugeMetricFamily(
        names.SFU_WORKER_UPTIME_SECONDS, "How long the media worker has been up.", labels=("worker",)
    )
    piped = GaugeMetricFamily(
        names.SFU_PIPED_PRODUCERS, "Producers of other media workers that have consumers here.", labels=("worker",)
    )
    drops = CounterMetricFamily(
        names.SFU_PACKETS_DROPPED, "Packets dropped by the media worker.", labels=("worker", "reason")
    )
    for worker in workers:
        uptime.add_metric((str(worker.index),), float(worker.last_stats.get("uptimeS", 0)))
        piped.add_metric((str(worker.index),), float(worker.last_stats.get("pipedProducers", 0)))
        for reason, count in {**dict.fromkeys(FAULTS, 0), **worker.last_stats.get("drops", {})}.items():
            drops.add_metric((str(worker.index), reason), float(count))
    yield uptime
    yield piped
    yield drops


async def _refresh(worker: MediaWorker) -> None:
    with suppress(SfuError):
        await worker.stats()
