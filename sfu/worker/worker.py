"""The worker: all routers, transports, producers and consumers of a process, and the requests for them."""

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from marshmallow import ValidationError

from sfu.worker import stats
from sfu.worker.consumer import Consumer
from sfu.worker.errors import NotFoundError, RefusedError, WorkerError
from sfu.worker.ports import Clock, LinkFactory, Timer
from sfu.worker.producer import Producer
from sfu.worker.router import Router
from sfu.worker.webrtc_transport import WebRtcTransport
from shared.logging import get_logger
from shared.rtp_parameters import load_rtp_capabilities, load_rtp_mapping, load_rtp_parameters
from shared.transport_parameters import (
    DtlsFingerprint,
    DtlsParameters,
    dump_dtls_parameters,
    dump_ice_candidate,
    dump_ice_parameters,
    load_dtls_parameters,
)

log = get_logger(__name__)

RETRY_AFTER_FAULT_S = 1.0
"""Until a transport whose timeout has failed gets its next one: no sooner, for it may fail again."""

T = TypeVar("T")
Request = Mapping[str, Any]
Answer = dict[str, Any]
Notify = Callable[[str, dict[str, Any]], None]


class Worker:
    """Executes the control process's requests one after another; `notify` tells it what happens meanwhile."""

    def __init__(self, links: LinkFactory, clock: Clock, notify: Notify) -> None:
        self.drops: Counter[str] = links.drops
        self._links = links
        self._clock = clock
        self._notify = notify
        self._started_at = clock.time()
        self._routers: dict[str, Router] = {}
        self._transports: dict[str, WebRtcTransport] = {}
        self._producers: dict[str, Producer] = {}
        self._consumers: dict[str, Consumer] = {}
        self._router_of: dict[str, Router] = {}
        self._transport_of: dict[Producer | Consumer, WebRtcTransport] = {}
        self._touched: set[WebRtcTransport] = set()
        self._timers: dict[WebRtcTransport, tuple[float, Timer]] = {}
        self._methods: dict[str, Callable[[Request], Answer]] = {
            "worker.stats": self._worker_stats,
            "router.create": self._create_router,
            "router.close": self._close_router,
            "transport.create": self._create_transport,
            "transport.connect": self._connect_transport,
            "transport.close": self._close_transport,
            "transport.stats": self._transport_stats,
            "producer.create": self._create_producer,
            "producer.close": self._close_producer,
            "producer.pause": self._pause_producer,
            "producer.resume": self._resume_producer,
            "producer.stats": self._producer_stats,
            "consumer.create": self._create_consumer,
            "consumer.close": self._close_consumer,
            "consumer.pause": self._pause_consumer,
            "consumer.resume": self._resume_consumer,
            "consumer.requestKeyFrame": self._request_key_frame,
            "consumer.stats": self._consumer_stats,
        }

    def handle(self, message: Request) -> Answer:
        """Execute a request of the channel and return its answer; a request that fails changes nothing."""
        answer: Answer = {"id": message.get("id"), "ok": False}
        method = self._methods.get(str(message.get("method")))
        if method is None:
            return {**answer, "code": "UNKNOWN_METHOD", "error": f"no method {message.get('method')!r}"}
        try:
            return {**answer, "ok": True, "data": method(message.get("data") or {})}
        except WorkerError as error:
            return {**answer, "code": error.code, "error": str(error)}
        except ValidationError as error:
            return {**answer, "code": "INVALID_INPUT", "error": str(error)}
        except Exception:
            log.exception("request failed", method=message.get("method"))
            return {**answer, "code": "INTERNAL_ERROR", "error": "the request failed inside the worker"}

    def close(self) -> None:
        """Close everything, telling every peer."""
        for router in list(self._routers.values()):
            self._close_router({"routerId": router.id})

    # --- for the media port ---

    def on_batch(self, now: float) -> None:
        """Forward what a batch of datagrams has brought."""
        touched, self._touched = self._touched, set()
        for transport in touched:
            try:
                transport.flush(now)
            except Exception:  # a bug of ours that this peer has found; the others are not to suffer
                self.fault("flush_fault")

    # --- for transports ---

    def time(self) -> float:
        """See `TransportParent`."""
        return self._clock.time()

    def fault(self, reason: str) -> None:
        """See `TransportParent`."""
        self._links.fault(reason)

    def touched(self, transport: WebRtcTransport) -> None:
        """See `TransportParent`."""
        self._touched.add(transport)

    def transport_state(self, transport: WebRtcTransport, ice: str, dtls: str) -> None:
        """See `TransportParent`."""
        data = {"transportId": transport.id, "iceState": ice, "dtlsState": dtls}
        log.debug(
            "transport state", transport_id=transport.id, ice=ice, dtls=dtls, srtp=transport.link.srtp_profile
        )
        self._notify("transport.state", data)

    def wake_at(self, transport: WebRtcTransport, when: float | None) -> None:
        """See `TransportParent`. A timer that fires too early does no harm: it is armed again."""
        armed = self._timers.get(transport)
        if when is None:
            if armed is not None:
                armed[1].cancel()
                del self._timers[transport]
            return
        if armed is not None:
            if armed[0] <= when:
                return
            armed[1].cancel()
        timer = self._clock.call_at(when, lambda: self._wake(transport))
        self._timers[transport] = (when, timer)

    def _wake(self, transport: WebRtcTransport) -> None:
        self._timers.pop(transport, None)
        now = self._clock.time()
        try:
            transport.handle_timeout(now)
        except Exception:
            self.fault("timeout_fault")
            self.wake_at(transport, now + RETRY_AFTER_FAULT_S)

    # --- requests ---

    def _worker_stats(self, _: Request) -> Answer:
        return {
            "pid": os.getpid(),
            "cpuSeconds": time.process_time(),
            "uptimeS": self._clock.time() - self._started_at,
            "routers": len(self._routers),
            "transports": len(self._transports),
            "producers": len(self._producers),
            "consumers": len(self._consumers),
            **self._links.traffic(),
        }

    def _create_router(self, data: Request) -> Answer:
        router_id = data["routerId"]
        if router_id in self._routers:
            raise RefusedError("the router exists already")
        self._routers[router_id] = Router(router_id, load_rtp_capabilities(data["rtpCapabilities"]))
        return {}

    def _close_router(self, data: Request) -> Answer:
        router = self._router(data)
        for transport in list(router.transports.values()):
            self._shut_transport(transport)
        del self._routers[router.id]
        return {}

    def _create_transport(self, data: Request) -> Answer:
        router, transport_id = self._router(data), data["transportId"]
        if transport_id in self._transports:
            raise RefusedError("the transport exists already")
        link = self._links.create_link()
        transport = WebRtcTransport(transport_id, link, self)
        self._transports[transport_id] = router.transports[transport_id] = transport
        self._router_of[transport_id] = router
        fingerprint = DtlsFingerprint("sha-256", self._links.certificate_fingerprint)
        return {
            "iceParameters": dump_ice_parameters(link.ice_parameters),
            "iceCandidates": [dump_ice_candidate(candidate) for candidate in self._links.ice_candidates],
            "dtlsParameters": dump_dtls_parameters(DtlsParameters([fingerprint], "auto")),
        }

    def _connect_transport(self, data: Request) -> Answer:
        self._transport(data).connect(load_dtls_parameters(data["dtlsParameters"]))
        return {}

    def _close_transport(self, data: Request) -> Answer:
        self._shut_transport(self._transport(data))
        return {}

    def _transport_stats(self, data: Request) -> Answer:
        return {"stats": [stats.transport_stats(self._transport(data), self._clock.time())]}

    def _create_producer(self, data: Request) -> Answer:
        transport, producer_id = self._transport(data), data["producerId"]
        if producer_id in self._producers:
            raise RefusedError("the producer exists already")
        router = self._router_of[transport.id]
        producer = Producer(
            producer_id,
            data["kind"],
            data["type"],
            load_rtp_parameters(data["rtpParameters"]),
            load_rtp_mapping(data["rtpMapping"]),
            router.extension_ids,
            transport,
            paused=bool(data.get("paused")),
        )
        transport.add_producer(producer)
        self._producers[producer_id] = router.producers[producer_id] = producer
        self._transport_of[producer] = transport
        return {}

    def _close_producer(self, data: Request) -> Answer:
        self._shut_producer(self._producer(data))
        return {}

    def _pause_producer(self, data: Request) -> Answer:
        self._producer(data).pause()
        return {}

    def _resume_producer(self, data: Request) -> Answer:
        self._producer(data).resume(self._clock.time())
        return {}

    def _producer_stats(self, data: Request) -> Answer:
        return {"stats": stats.producer_stats(self._producer(data), self._clock.time())}

    def _create_consumer(self, data: Request) -> Answer:
        transport, consumer_id = self._transport(data), data["consumerId"]
        router = self._router_of[transport.id]
        producer = router.producers.get(data["producerId"])
        if producer is None:
            raise NotFoundError("no such producer in this router")
        if consumer_id in self._consumers:
            raise RefusedError("the consumer exists already")
        consumer = Consumer(
            consumer_id,
            producer,
            load_rtp_parameters(data["rtpParameters"]),
            router.extension_ids,
            transport.link,
            paused=bool(data.get("paused")),
        )
        transport.add_consumer(consumer)
        producer.consumers.append(consumer)
        self._consumers[consumer_id] = consumer
        self._transport_of[consumer] = transport
        consumer.start(self._clock.time())
        return {}

    def _close_consumer(self, data: Request) -> Answer:
        self._shut_consumer(self._consumer(data))
        return {}

    def _pause_consumer(self, data: Request) -> Answer:
        self._consumer(data).pause()
        return {}

    def _resume_consumer(self, data: Request) -> Answer:
        self._consumer(data).resume(self._clock.time())
        return {}

    def _request_key_frame(self, data: Request) -> Answer:
        self._consumer(data).request_key_frame(self._clock.time())
        return {}

    def _consumer_stats(self, data: Request) -> Answer:
        return {"stats": stats.consumer_stats(self._consumer(data), self._clock.time())}

    # --- ends ---

    def _shut_transport(self, transport: WebRtcTransport) -> None:
        for producer in list(transport.producers.values()):
            self._shut_producer(producer)
        for consumer in list(transport.consumers.values()):
            self._shut_consumer(consumer)
        transport.close()
        self._touched.discard(transport)
        del self._transports[transport.id]
        del self._router_of.pop(transport.id).transports[transport.id]

    def _shut_producer(self, producer: Producer) -> None:
        for consumer in list(producer.consumers):
            self._shut_consumer(consumer)
        producer.close()
        transport = self._transport_of.pop(producer)
        transport.remove_producer(producer)
        del self._producers[producer.id]
        self._router_of[transport.id].producers.pop(producer.id, None)

    def _shut_consumer(self, consumer: Consumer) -> None:
        consumer.close()
        self._transport_of.pop(consumer).remove_consumer(consumer)
        del self._consumers[consumer.id]

    # --- look-ups ---

    def _router(self, data: Request) -> Router:
        return _find(self._routers, data.get("routerId"), "router")

    def _transport(self, data: Request) -> WebRtcTransport:
        return _find(self._transports, data.get("transportId"), "transport")

    def _producer(self, data: Request) -> Producer:
        return _find(self._producers, data.get("producerId"), "producer")

    def _consumer(self, data: Request) -> Consumer:
        return _find(self._consumers, data.get("consumerId"), "consumer")


def _find(table: dict[str, T], key: Any, noun: str) -> T:
    found = table.get(key)
    if found is None:
        raise NotFoundError(f"no such {noun}")
    return found
