"""`/metrics`, and what the backend counts about its HTTP requests."""

from aiohttp import hdrs, web
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

from backend import keys
from backend.http.service_metrics import SERVICE_METRICS, ServiceMetrics
from shared import metrics_names as names
from shared.operations import Media, operation

UNMATCHED = "unmatched"
"""The route of requests that no route takes: their paths are a stranger's choice and would grow without bound."""

OTHER_METHOD = "other"
"""Any method that HTTP does not name; it is a stranger's choice as well."""

SWITCHING_PROTOCOLS = 101

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Health is to be told within 5 ms, a list of rooms within 100, coming into a room within 200."""


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


def setup_metrics(app: web.Application) -> None:
    """Register the metrics; needs `keys.METRICS`, `keys.DATABASE` and `keys.PRESENCE`."""
    app[REQUEST_METRICS] = RequestMetrics(app)
    app[SERVICE_METRICS] = service = ServiceMetrics(app)
    app[keys.METRICS].register(service)
    app.cleanup_ctx.append(service.run)
    ProcessCollector(registry=app[keys.METRICS])


@operation({200: Media("text/plain")})
async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus's text format."""
    await request.app[SERVICE_METRICS].look()
    text = generate_latest(request.app[keys.METRICS])
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def route_of(request: web.Request) -> str:
    """Return the route's pattern, a bounded set, never the path itself."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED
