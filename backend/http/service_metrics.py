"""What `/metrics` shows of the service itself: its version and process, its database, its classes."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator

from aiohttp import web
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from backend import keys
from shared import __version__
from shared import metrics_names as names
from shared.logging import lines_written
from shared.loop_delay import LoopDelay, as_buckets
from shared.memory import memory_bytes

_POOL_GAUGES = (
    ("pool_size", names.BACKEND_DATABASE_POOL_SIZE, "Database connections held."),
    ("pool_max", names.BACKEND_DATABASE_POOL_MAX_SIZE, "Database connections at most."),
    ("pool_available", names.BACKEND_DATABASE_POOL_AVAILABLE, "Database connections idle."),
    ("requests_waiting", names.BACKEND_DATABASE_REQUESTS_WAITING, "Requests in line for a database connection."),
)
_POOL_COUNTERS = (
    ("requests_num", names.BACKEND_DATABASE_REQUESTS, "Times a database connection was asked for."),
    ("requests_errors", names.BACKEND_DATABASE_REQUEST_ERRORS, "Times there was none to be had."),
    ("connections_lost", names.BACKEND_DATABASE_CONNECTIONS_LOST, "Database connections found broken."),
)
_GAUGES = (
    (names.BACKEND_SEATS_WAITING, "Seats whose sockets are gone and that are kept for a while."),
    (names.BACKEND_CHORES_OWED, "Pieces of clearing away that wait for the SFU or the database."),
    (names.BACKEND_PASSWORDS_WAITING, "Passwords being hashed or in line for it."),
    (names.BACKEND_SFU_AVAILABLE, "Whether the SFU answers."),
)


class ServiceMetrics(Collector):
    """Reads what there is when asked, so nothing has to keep gauges in step. `look` comes before `collect`."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._loop_delay = LoopDelay()
        self._database_up = False
        self._memory: dict[int, int] = {}

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """Measure the event loop while the application runs (`cleanup_ctx`)."""
        self._loop_delay.start(asyncio.get_running_loop())
        yield
        self._loop_delay.stop()

    async def look(self) -> None:
        """Find out what cannot be read at once; a database that is away takes a second."""
        self._memory = await asyncio.to_thread(memory_bytes, [os.getpid()])
        self._database_up = await self._app[keys.DATABASE].reachable()

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        presence = self._app[keys.PRESENCE]
        rooms = presence.live_room_ids()
        seats = sum(presence.participant_count(room_id) for room_id in rooms)
        yield GaugeMetricFamily(names.BACKEND_ROOMS, "Rooms that somebody is in.", len(rooms))
        yield GaugeMetricFamily(names.BACKEND_PARTICIPANTS, "Seats taken in all rooms.", seats)
        yield from self._process()
        yield from self._database()
        for name, text in _GAUGES:
            if (read := self._app[keys.GAUGES].get(name)) is not None:
                yield GaugeMetricFamily(name, text, read())

    def _process(self) -> Iterator[Metric]:
        name = names.BACKEND_BUILD_INFO.removesuffix("_info")
        yield InfoMetricFamily(name, "The version that runs.", value={"version": __version__})
        if size := self._memory.get(os.getpid()):
            yield GaugeMetricFamily(
                names.BACKEND_MEMORY_BYTES, "Memory, shared pages counted in part (PSS).", size
            )
        buckets = as_buckets(self._loop_delay.counts)
        text = "How late the event loop came to a timer."
        yield HistogramMetricFamily(names.BACKEND_LOOP_DELAY_SECONDS, text, buckets, self._loop_delay.sum_s)
        lines = CounterMetricFamily(names.BACKEND_LOG_MESSAGES, "Lines that were logged.", labels=("level",))
        for level, count in lines_written().items():
            lines.add_metric((level,), count)
        yield lines

    def _database(self) -> Iterator[Metric]:
        pool = self._app[keys.DATABASE].pool_stats()
        yield GaugeMetricFamily(names.BACKEND_DATABASE_UP, "Whether the database answers.", self._database_up)
        for key, name, text in _POOL_GAUGES:
            yield GaugeMetricFamily(name, text, pool.get(key, 0))
        for key, name, text in _POOL_COUNTERS:
            yield CounterMetricFamily(name, text, pool.get(key, 0))
        yield CounterMetricFamily(
            names.BACKEND_DATABASE_WAIT_SECONDS,
            "Time spent in line for a database connection.",
            pool.get("requests_wait_ms", 0) / 1000,
        )


SERVICE_METRICS = web.AppKey("service_metrics", ServiceMetrics)
