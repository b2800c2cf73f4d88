"""The routers, transports, producers and consumers of a worker: what belongs to what, and what ends with what."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from sfu.worker.consumer import Consumer
from sfu.worker.data_objects import DataObjects
from sfu.worker.errors import NotFoundError, RefusedError
from sfu.worker.pipe_inlet import PipeInlet
from sfu.worker.producer import Producer
from sfu.worker.quality_stats import QualityStats
from sfu.worker.router import Router
from sfu.worker.webrtc_transport import WebRtcTransport

T = TypeVar("T")
Steps = Generator[None, None, None]

RETURN_MEMORY_EVERY = 100
"""Transports that are closed before free memory is returned. glibc keeps what they had below something that lives,
some 10 MB, until somebody else needs it; to return so much holds packets up for a millisecond."""


class MediaObjects:
    """The tables of one worker. Adding refuses a name that is taken; closing takes along what hangs on it.

    `return_memory` is called when many transports, or all there were, have been closed.
    """

    def __init__(self, data: DataObjects, return_memory: Callable[[], None] = lambda: None) -> None:
        self.data = data
        self.quality = QualityStats()
        self.routers: dict[str, Router] = {}
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.inlets: dict[PipeInlet, Router] = {}
        self.router_of: dict[WebRtcTransport, Router] = {}
        self.transport_of: dict[Producer | Consumer, WebRtcTransport] = {}
        self._return_memory = return_memory
        self._closed = 0  # transports, since memory was returned last

    # --- look-ups; all raise NotFoundError ---

    def router(self, router_id: Any) -> Router:
        """Find a router."""
        return _find(self.routers, router_id, "router")

    def transport(self, transport_id: Any) -> WebRtcTransport:
        """Find a transport."""
        return _find(self.transports, transport_id, "transport")

    def producer(self, producer_id: Any) -> Producer:
        """Find a producer."""
        return _find(self.producers, producer_id, "producer")

    def consumer(self, consumer_id: Any) -> Consumer:
        """Find a consumer."""
        return _find(self.consumers, consumer_id, "consumer")

    # --- beginnings; all raise RefusedError ---

    def add_router(self, router: Router) -> None:
        """Take in a new router."""
        self.refuse_taken(self.routers, router.id, "router")
        self.routers[router.id] = router

    def add_transport(self, router: Router, transport: WebRtcTransport) -> None:
        """Take in a new transport of a router."""
        self.transports[transport.id] = router.transports[transport.id] = transport
        self.router_of[transport] = router

    def add_producer(self, transport: WebRtcTransport, producer: Producer) -> None:
        """Take in a new producer of a transport."""
        self.refuse_taken(self.producers, producer.id, "producer")
        transport.add_producer(producer)
        self.producers[producer.id] = producer
        self.router_of[transport].add_producer(producer)
        self.transport_of[producer] = transport

    def add_consumer(self, transport: WebRtcTransport, consumer: Consumer) -> None:
        """Take in a new consumer of a transport, and let its producer know it."""
        self.refuse_taken(self.consumers, consumer.id, "consumer")
        transport.add_consumer(consumer)
        consumer.producer.consumers.append(consumer)
        self.consumers[consumer.id] = consumer
        self.transport_of[consumer] = transport

    def add_inlet(self, router: Router, inlet: PipeInlet) -> None:
        """Take in a producer of another worker."""
        self.refuse_taken(router.producers, inlet.producer.id, "producer")
        router.add_piped(inlet.producer)
        self.inlets[inlet] = router

    @staticmethod
    def refuse_taken(table: dict[str, Any], name: str, noun: str) -> None:
        """Refuse a name that is in the table already."""
        if name in table:
            raise RefusedError(f"the {noun} exists already")

    # --- ends: in steps, as those of many take long; each leaves everything whole ---

    def close_router(self, router: Router) -> Steps:
        """Close a router with all its transports."""
        while router.transports:
            yield from self.close_transport(next(iter(router.transports.values())))
        for inlet in [inlet for inlet, owner in self.inlets.items() if owner is router]:
            yield from self.close_inlet(inlet)
        router.close()
        del self.routers[router.id]
        if not self.routers:
            yield
            self._return_free_memory()

    def close_transport(self, transport: WebRtcTransport) -> Steps:
        """Close a transport with its producers and consumers."""
        if transport.data is not None:
            yield from self.data.close_all_of(transport.data)
        while transport.producers:
            yield from self.close_producer(next(iter(transport.producers.values())))
        while transport.consumers:
            self.close_consumer(next(iter(transport.consumers.values())))
            yield
        self.quality.closed(transport)
        transport.close()
        del self.transports[transport.id]
        del self.router_of.pop(transport).transports[transport.id]
        yield
        self._closed += 1
        if self._closed >= RETURN_MEMORY_EVERY:
            self._return_free_memory()
            yield

    def close_producer(self, producer: Producer) -> Steps:
        """Close a producer with its consumers, wherever they are."""
        while producer.consumers:
            self.close_consumer(producer.consumers[0])
            yield
        producer.close()
        transport = self.transport_of.pop(producer)
        transport.remove_producer(producer)
        del self.producers[producer.id]
        self.router_of[transport].remove_producer(producer)

    def close_inlet(self, inlet: PipeInlet) -> Steps:
        """Close our end of a producer of another worker, with its consumers."""
        while inlet.producer.consumers:
            self.close_consumer(inlet.producer.consumers[0])
            yield
        self.inlets.pop(inlet).remove_producer(inlet.producer)
        inlet.close()

    def _return_free_memory(self) -> None:
        self._closed = 0
        self._return_memory()

    def close_consumer(self, consumer: Consumer) -> None:
        """Close a consumer."""
        consumer.close()
        self.transport_of.pop(consumer).remove_consumer(consumer)
        del self.consumers[consumer.id]


def _find(table: dict[str, T], key: Any, noun: str) -> T:
    found = table.get(key)
    if found is None:
        raise NotFoundError(f"no such {noun}")
    return found
