"""What the backend counts about its requests, its database and its classes, for Prometheus."""

from collections.abc import Iterable

from aiohttp import hdrs, web
from prometheus_client import Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from backend import keys
from shared import metrics_names as names
from shared.operations import Media, operation

UNMATCHED = "unmatched"
"""The route of requests that no route takes: their paths are a stranger's choice and would grow without bound."""

OTHER_METHOD = "other"
"""Any method that HTTP does not name; it is a stranger's choice as well."""

SWITCHING_PROTOCOLS = 101

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestMetrics:
    """Counts requests by method, route and status, and how long they took."""

    def __init__(self, app: web.Application) -> None:
        registry = app[keys.METRICS]
        labels = ("method", "route")
        self._total = Counter(
            names.BACKEND_HTTP_REQUESTS, "HTTP requests answered.", (*labels, "status"), registry=registry
        )
        self._seconds = Histogram(
            names.BACKEND_HTTP_REQUEST_SECONDS,
            "Time to answer a request.",
            labels,
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._running = Gauge(
            names.BACKEND_HTTP_REQUESTS_RUNNING, "HTTP requests being answered.", registry=registry
        )

    def begin(self) -> None:
        """Count a request that came in."""
        self._running.inc()

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = method if method in hdrs.METH_ALL else OTHER_METHOD
        self._running.dec()
        self._total.labels(method, route, str(status)).inc()
        if status != SWITCHING_PROTOCOLS:  # a WebSocket: it lasted as long as a class does
            self._seconds.labels(method, route).observe(seconds)


REQUEST_METRICS = web.AppKey("request_metrics", RequestMetrics)


_POOL_GAUGES = (
    ("pool_size", "pool_size", "Database connections held."),
    ("pool_available", "pool_available", "Database connections idle."),
    ("requests_waiting", "requests_waiting", "Requests in line for a database connection."),
)
_POOL_COUNTERS = (
    ("requests_num", "requests", "Times a database connection was asked for."),
    ("requests_errors", "request_errors", "Times there was none to be had."),
    ("connections_lost", "connections_lost", "Database connections found broken."),
)
_GAUGES = (
    (names.BACKEND_SEATS_WAITING, "Seats whose sockets are gone and that are kept for a while."),
    (names.BACKEND_CHORES_OWED, "Pieces of clearing away that wait for the SFU or the database."),
    (names.BACKEND_PASSWORDS_WAITING, "Passwords being hashed or in line for it."),
    (names.BACKEND_SFU_AVAILABLE, "Whether the SFU answers."),
)


class _LiveState(Collector):
    """Reads pool and classes when asked, so nothing has to keep gauges in step."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self) -> Iterable[Metric]:
        presence, pool = self._app[keys.PRESENCE], self._app[keys.DATABASE].pool_stats()
        rooms = presence.live_room_ids()
        seats = sum(presence.participant_count(room_id) for room_id in rooms)
        yield GaugeMetricFamily(names.BACKEND_ROOMS, "Rooms that somebody is in.", len(rooms))
        yield GaugeMetricFamily(names.BACKEND_PARTICIPANTS, "Seats taken in all rooms.", seats)
        for key, name, text in _POOL_GAUGES:
            yield GaugeMetricFamily(f"{names.BACKEND_DATABASE}_{name}", text, pool.get(key, 0))
        for key, name, text in _POOL_COUNTERS:
            yield CounterMetricFamily(f"{names.BACKEND_DATABASE}_{name}", text, pool.get(key, 0))
        yield CounterMetricFamily(
            f"{names.BACKEND_DATABASE}_wait_seconds",
            "Time spent in line for a database connection.",
            pool.get("requests_wait_ms", 0) / 1000,
        )
        for name, text in _GAUGES:
            if (read := self._app[keys.GAUGES].get(name)) is not None:
                yield GaugeMetricFamily(name, text, read())


def setup_metrics(app: web.Application) -> None:
    """Register the metrics; needs `keys.METRICS`, `keys.DATABASE` and `keys.PRESENCE`."""
    app[REQUEST_METRICS] = RequestMetrics(app)
    app[keys.METRICS].register(_LiveState(app))
    ProcessCollector(registry=app[keys.METRICS])


@operation({200: Media("text/plain")})
async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus's text format."""
    text = generate_latest(request.app[keys.METRICS])
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def route_of(request: web.Request) -> str:
    """Return the route's pattern, a bounded set, never the path itself."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED
