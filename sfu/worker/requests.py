"""What the control process asks of a worker: one method a request, executed one after another."""

import os
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol

from marshmallow import ValidationError

from sfu.rtp.layers import MAX_LAYER, Layers
from sfu.worker import stats
from sfu.worker.consumer import Consumer
from sfu.worker.data_requests import DataRequests
from sfu.worker.errors import NotFoundError, RefusedError, WorkerError
from sfu.worker.media_objects import MediaObjects
from sfu.worker.pipe_inlet import InletParent, PipeInlet
from sfu.worker.pipe_requests import PipeRequests
from sfu.worker.pipes import Pipes
from sfu.worker.ports import LinkFactory
from sfu.worker.producer import Producer
from sfu.worker.request_types import Answer, Request, Steps
from sfu.worker.router import Router, RouterParent
from sfu.worker.webrtc_transport import TransportParent, WebRtcTransport
from shared.logging import get_logger
from shared.rtp_parameters import load_rtp_capabilities, load_rtp_mapping, load_rtp_parameters
from shared.transport_parameters import (
    DtlsFingerprint,
    DtlsParameters,
    SctpParameters,
    dump_dtls_parameters,
    dump_ice_candidate,
    dump_ice_parameters,
    dump_sctp_parameters,
    load_dtls_parameters,
    load_num_sctp_streams,
)

log = get_logger(__name__)

MAX_BITRATE_BPS = 10_000_000_000
"""More than one peer can send; REMB could say 2^81."""

MAX_PRIORITY = 255
"""mediasoup's."""


class ObjectParent(TransportParent, RouterParent, InletParent, Protocol):
    """The worker, as everything in it needs it."""

    def wake_at(self, whom: WebRtcTransport | Router | PipeInlet, when: float | None) -> None:
        """Have `handle_timeout` called at `when`, at the latest; `None`: not any more."""


class Requests:
    """Executes requests on the worker's objects; `parent` is what new routers and transports report to."""

    def __init__(
        self,
        objects: MediaObjects,
        links: LinkFactory,
        pipes: Pipes,
        parent: ObjectParent,
        *,
        audio_last_n: int,
        process_stats: Callable[[], Answer],
    ) -> None:
        self._objects = objects
        self._pipes = pipes
        self._links = links
        self._parent = parent
        self._audio_last_n = audio_last_n
        self._process_stats = process_stats
        self._started_at = parent.time()
        self._methods: dict[str, Callable[[Request], Answer | Steps]] = {
            "worker.stats": self._worker_stats,
            "router.create": self._create_router,
            "router.close": self._close_router,
            "transport.create": self._create_transport,
            "transport.connect": self._connect_transport,
            "transport.setMaxIncomingBitrate": self._set_max_incoming_bitrate,
            "transport.restartIce": self._restart_ice,
            "transport.close": self._close_transport,
            "transport.stats": self._transport_stats,
            **DataRequests(objects).methods,
            **PipeRequests(objects, pipes, parent).methods,
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
            "consumer.setPreferredLayers": self._set_preferred_layers,
            "consumer.setPriority": self._set_priority,
            "consumer.stats": self._consumer_stats,
        }

    def handle(self, message: Request) -> Steps:
        """Execute a request of the channel in steps and return its answer; one that fails changes nothing."""
        answer: Answer = {"id": message.get("id"), "ok": False}
        method = self._methods.get(str(message.get("method")))
        if method is None:
            return {**answer, "code": "UNKNOWN_METHOD", "error": f"no method {message.get('method')!r}"}
        try:
            data = method(message.get("data") or {})
            if isinstance(data, Generator):
                data = yield from data
            return {**answer, "ok": True, "data": data}
        except WorkerError as error:
            return {**answer, "code": error.code, "error": str(error)}
        except ValidationError as error:
            return {**answer, "code": "INVALID_INPUT", "error": str(error)}
        except Exception:
            log.exception("request failed", method=message.get("method"))
            return {**answer, "code": "INTERNAL_ERROR", "error": "the request failed inside the worker"}

    def _worker_stats(self, _: Request) -> Answer:
        return {
            "pid": os.getpid(),
            "cpuSeconds": time.process_time(),
            "uptimeS": self._parent.time() - self._started_at,
            "routers": len(self._objects.routers),
            "transports": len(self._objects.transports),
            "producers": len(self._objects.producers),
            "consumers": len(self._objects.consumers),
            "dataProducers": len(self._objects.data.producers),
            "dataConsumers": len(self._objects.data.consumers),
            "quality": self._objects.quality.render(self._objects.transports.values()),
            "dataMessagesReceived": self._objects.data.messages_received,
            "dataMessagesSent": self._objects.data.messages_sent,
            **self._pipes.render(),
            **self._links.traffic(),
            **self._process_stats(),
        }

    def _create_router(self, data: Request) -> Answer:
        capabilities = load_rtp_capabilities(data["rtpCapabilities"])
        router = Router(data["routerId"], capabilities, self._parent, audio_last_n=self._audio_last_n)
        self._objects.add_router(router)
        return {}

    def _close_router(self, data: Request) -> Steps:
        yield from self._objects.close_router(self._router(data))
        return {}

    def _create_transport(self, data: Request) -> Answer:
        router, transport_id = self._router(data), data["transportId"]
        self._objects.refuse_taken(self._objects.transports, transport_id, "transport")
        limit_bps = _bitrate(data.get("maxIncomingBitrate") or 0)
        link = self._links.create_link()
        transport = WebRtcTransport(transport_id, link, self._parent)
        transport.set_max_incoming_bitrate(limit_bps)
        sctp = _sctp_parameters(data)
        if sctp is not None:
            transport.open_data(sctp)
        self._objects.add_transport(router, transport)
        fingerprint = DtlsFingerprint("sha-256", self._links.certificate_fingerprint)
        return {
            "iceParameters": dump_ice_parameters(link.ice_parameters),
            "iceCandidates": [dump_ice_candidate(candidate) for candidate in self._links.ice_candidates],
            "dtlsParameters": dump_dtls_parameters(DtlsParameters([fingerprint], "auto")),
            **({"sctpParameters": dump_sctp_parameters(sctp)} if sctp is not None else {}),
        }

    def _connect_transport(self, data: Request) -> Answer:
        self._transport(data).connect(load_dtls_parameters(data["dtlsParameters"]))
        return {}

    def _set_max_incoming_bitrate(self, data: Request) -> Answer:
        self._transport(data).set_max_incoming_bitrate(_bitrate(data.get("bitrate")))
        return {}

    def _restart_ice(self, data: Request) -> Answer:
        return {"iceParameters": dump_ice_parameters(self._transport(data).restart_ice())}

    def _close_transport(self, data: Request) -> Steps:
        yield from self._objects.close_transport(self._transport(data))
        return {}

    def _transport_stats(self, data: Request) -> Answer:
        return {"stats": [stats.transport_stats(self._transport(data))]}

    def _create_producer(self, data: Request) -> Answer:
        transport = self._transport(data)
        producer = Producer(
            data["producerId"],
            data["kind"],
            data["type"],
            load_rtp_parameters(data["rtpParameters"]),
            load_rtp_mapping(data["rtpMapping"]),
            self._objects.router_of[transport].extension_ids,
            transport,
            paused=bool(data.get("paused")),
        )
        self._objects.add_producer(transport, producer)
        return {}

    def _close_producer(self, data: Request) -> Steps:
        yield from self._objects.close_producer(self._producer(data))
        return {}

    def _pause_producer(self, data: Request) -> Answer:
        self._producer(data).pause(self._parent.time())
        return {}

    def _resume_producer(self, data: Request) -> Answer:
        self._producer(data).resume(self._parent.time())
        return {}

    def _producer_stats(self, data: Request) -> Answer:
        return {"stats": stats.producer_stats(self._producer(data), self._parent.time())}

    def _create_consumer(self, data: Request) -> Answer:
        transport = self._transport(data)
        router = self._objects.router_of[transport]
        producer = router.producers.get(data["producerId"])
        if producer is None:
            raise NotFoundError("no such producer in this router")
        consumer = Consumer(
            data["consumerId"],
            producer,
            load_rtp_parameters(data["rtpParameters"]),
            router.extension_ids,
            transport.bandwidth.sender,
            transport,
            paused=bool(data.get("paused")),
        )
        wanted = _layers(data["preferredLayers"]) if data.get("preferredLayers") else (MAX_LAYER, None)
        priority = _priority(data.get("priority", 1))
        self._objects.add_consumer(transport, consumer)
        now = self._parent.time()
        preferred = consumer.prefer(*wanted, now)
        consumer.set_priority(priority, now)
        consumer.start(now)
        return {"preferredLayers": _render(preferred)} if preferred is not None else {}

    def _close_consumer(self, data: Request) -> Answer:
        self._objects.close_consumer(self._consumer(data))
        return {}

    def _pause_consumer(self, data: Request) -> Answer:
        self._consumer(data).pause(self._parent.time())
        return {}

    def _resume_consumer(self, data: Request) -> Answer:
        self._consumer(data).resume(self._parent.time())
        return {}

    def _request_key_frame(self, data: Request) -> Answer:
        self._consumer(data).request_key_frame(self._parent.time())
        return {}

    def _set_preferred_layers(self, data: Request) -> Answer:
        consumer, layers = self._consumer(data), _layers(data)
        return _render(consumer.prefer(*layers, self._parent.time()))

    def _set_priority(self, data: Request) -> Answer:
        consumer, priority = self._consumer(data), _priority(data.get("priority"))
        consumer.set_priority(priority, self._parent.time())
        return {"priority": priority}

    def _consumer_stats(self, data: Request) -> Answer:
        return {"stats": stats.consumer_stats(self._consumer(data), self._parent.time())}

    def _router(self, data: Request) -> Router:
        return self._objects.router(data.get("routerId"))

    def _transport(self, data: Request) -> WebRtcTransport:
        return self._objects.transport(data.get("transportId"))

    def _producer(self, data: Request) -> Producer:
        return self._objects.producer(data.get("producerId"))

    def _consumer(self, data: Request) -> Consumer:
        return self._objects.consumer(data.get("consumerId"))


def _bitrate(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_BITRATE_BPS:
        raise RefusedError(f"a bitrate is a whole number from 0, no limit, to {MAX_BITRATE_BPS} bit/s")
    return value


def _priority(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_PRIORITY:
        raise RefusedError(f"a priority is a whole number from 1 to {MAX_PRIORITY}")
    return value


def _layers(data: Mapping[str, Any]) -> tuple[int, int | None]:
    spatial, temporal = data.get("spatialLayer"), data.get("temporalLayer")
    if type(spatial) is not int or spatial < 0:
        raise RefusedError("spatialLayer is a whole number from 0")
    if temporal is not None and (type(temporal) is not int or temporal < 0):
        raise RefusedError("temporalLayer is a whole number from 0, if it is given")
    return spatial, temporal


def _render(layers: Layers | None) -> Answer:
    return {} if layers is None else {"spatialLayer": layers.spatial, "temporalLayer": layers.temporal}


def _sctp_parameters(data: Request) -> SctpParameters | None:
    if not data.get("enableSctp"):
        return None
    streams = load_num_sctp_streams(data.get("numSctpStreams") or {})
    return SctpParameters(os=streams.os, mis=streams.mis)
