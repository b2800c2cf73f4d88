"""What goes on beside HTTP requests, counted for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared import metrics_names as names

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0)
"""A request within the house takes a few milliseconds, coming into a room 200 at most; one that waits for the SFU
ends after five seconds."""


class PrometheusMeter:
    """Implements `backend.domain.metering.Meter`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sockets = Gauge(names.BACKEND_SOCKETS, "WebSockets that are open.", registry=registry)
        self._opens = Counter(names.BACKEND_SOCKET_OPENS, "WebSockets that were let in.", registry=registry)
        self._errors = Counter(
            names.BACKEND_ERRORS, "Requests refused or failed, by code.", ("edge", "code"), registry=registry
        )
        self._closes = Counter(
            names.BACKEND_SOCKET_CLOSES, "WebSockets that ended.", ("cause",), registry=registry
        )
        messages = Counter(
            names.BACKEND_SIGNALLING_MESSAGES, "Signalling messages.", ("direction",), registry=registry
        )
        self._received, self._sent = messages.labels("received"), messages.labels("sent")
        self._requests = Histogram(
            names.BACKEND_SIGNALLING_REQUEST_SECONDS,
            "Time to answer a signalling request.",
            ("method", "outcome"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._sfu_calls = Histogram(
            names.BACKEND_SFU_CALL_SECONDS,
            "Time of a call to the SFU, retries included.",
            ("operation", "outcome"),
            buckets=BUCKETS_S,
            registry=registry,
        )

    def socket_opened(self) -> None:
        """A WebSocket was let in."""
        self._sockets.inc()
        self._opens.inc()

    def socket_closed(self, cause: str) -> None:
        """A WebSocket ended, for `cause`."""
        self._sockets.dec()
        self._closes.labels(cause).inc()

    def message_received(self) -> None:
        """A client sent a message."""
        self._received.inc()

    def message_sent(self) -> None:
        """A client was sent a message."""
        self._sent.inc()

    def signalling_request(self, method: str, outcome: str, seconds: float) -> None:
        """A client's request was answered: `ok`, or with a status."""
        self._requests.labels(method, outcome).observe(seconds)

    def refused(self, edge: str, code: str) -> None:
        """A request was answered by an error; `edge` is `http` or `signalling`."""
        self._errors.labels(edge, code).inc()

    def sfu_call(self, operation: str, outcome: str, seconds: float) -> None:
        """The SFU was asked something: `ok`, `refused`, `unavailable` or `failed`."""
        self._sfu_calls.labels(operation, outcome).observe(seconds)
