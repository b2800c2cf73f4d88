"""A peer: one participant of a room, with its transports."""

from dataclasses import dataclass

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.consumer import Consumer
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.control.producer import Producer
from sfu.control.transport import Direction, Transport, TransportOptions
from sfu.errors import LimitReached, NotFound


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What a peer says of itself. All but the id are labels, which mean nothing here."""

    peer_id: str
    user_id: str
    email: str | None = None
    full_name: str | None = None
    role: str | None = None
    is_producer: bool = False


class Peer(EventEmitter):
    """One participant and its transports.

    `rendered` is how it was written down for others, kept here until its producers or consumers change: who joins
    a full room is told of everybody in it.

    Emits:
        `connected` (peer): a transport is live, and none was before.
        `disconnected` (peer): its last live transport lost consent.
        `closed-transports` (peer): its last live transport was closed, by us or by its peer's DTLS, or lost with
            a TCP connection; the peer was alive until now.
        `transport-opened` (transport), `transport-closed` (transport): the worker has made it; it is gone.
        `transport-state` (peer, transport): as the transport says.
        `producer-closed` (peer, producer), `consumer-closed` (peer, consumer): unless the peer itself goes.
        `data-closed` (peer, event, data): as the transport says, unless the peer itself goes.
        `change` (peer, producer or consumer, event, data): as the transport says.
    """

    def __init__(self, room_id: str, info: PeerInfo, joined_at_ms: int, limits: Limits) -> None:
        super().__init__()
        self.info = info
        self.joined_at_ms = joined_at_ms
        self.transports: dict[str, Transport] = {}
        self.closed = False
        self.rendered: str | None = None
        self._live = False
        self._limits = limits
        self._ids = {"room_id": room_id, "peer_id": info.peer_id}

    @property
    def id(self) -> str:
        """The id that the client chose."""
        return self.info.peer_id

    @property
    def producers(self) -> list[Producer]:
        """The producers on all its transports that the worker has made."""
        everywhere = (transport.producers.values() for transport in self.transports.values())
        return [producer for producers in everywhere for producer in producers if producer.is_made]

    @property
    def consumers(self) -> list[Consumer]:
        """The consumers on all its transports that the worker has made."""
        everywhere = (transport.consumers.values() for transport in self.transports.values())
        return [consumer for consumers in everywhere for consumer in consumers if consumer.is_made]

    async def create_transport(
        self, worker: MediaWorker, router_id: str, direction: Direction, options: TransportOptions
    ) -> Transport:
        """Make a transport for sending or receiving, on a worker that has this router.

        Raises:
            NotFound: the peer is gone.
            LimitReached: the peer has too many.
            NotAvailable: the media worker does not answer.
        """
        if self.closed:
            raise NotFound.peer(self.id)
        if len(self.transports) >= self._limits.transports_per_peer:
            raise LimitReached(f"a peer has at most {self._limits.transports_per_peer} transports")
        transport = Transport(worker, direction, self._limits, self._ids)
        self.transports[transport.id] = transport
        transport.on("close", self._transport_closed)
        transport.on("state", self._transport_state)
        transport.on("made", self._made)
        transport.on("producer-closed", self._producer_closed)
        transport.on("consumer-closed", self._consumer_closed)
        transport.on("data-closed", self._data_closed)
        transport.on("change", self._changed)
        await transport.open(router_id, options)
        self.emit("transport-opened", transport)
        return transport

    def transport(self, transport_id: str | None, direction: Direction) -> Transport:
        """Return the named transport, or without a name the newest one of that direction.

        Raises:
            NotFound: this peer has no such transport.
        """
        if transport_id is not None:
            if (named := self.transports.get(transport_id)) is None:
                raise NotFound.transport(transport_id)
            return named
        for transport in reversed(self.transports.values()):
            if transport.direction == direction:
                return transport
        raise NotFound.transport(direction)

    def close(self, *, tell_worker: bool = True) -> None:
        """Close all its transports; `tell_worker` is false when the worker closes them with the router."""
        if self.closed:
            return
        self.closed = True
        for transport in tuple(self.transports.values()):
            transport.close(tell_worker=tell_worker)
        self.remove_all_listeners()  # its owners and it are freed without the collector

    def _transport_closed(self, transport: Transport) -> None:
        self.transports.pop(transport.id, None)
        if transport.is_made:
            self.emit("transport-closed", transport)
        self._update_liveness("closed-transports")

    def _transport_state(self, transport: Transport) -> None:
        self.emit("transport-state", self, transport)
        # Consent expires long after the peer was last heard; a connection or DTLS ends at the moment it is told.
        self._update_liveness("disconnected" if transport.consent_expired else "closed-transports")

    def _update_liveness(self, when_lost: str) -> None:
        live = any(transport.is_live for transport in self.transports.values())
        if live is not self._live and not self.closed:
            self._live = live
            self.emit("connected" if live else when_lost, self)

    def _made(self) -> None:
        self.rendered = None

    def _changed(self, source: Producer | Consumer, event: str, data: Data) -> None:
        self.emit("change", self, source, event, data)

    def _data_closed(self, event: str, data: Data) -> None:
        if not self.closed:
            self.emit("data-closed", self, event, data)

    def _producer_closed(self, producer: Producer) -> None:
        self.rendered = None
        if not self.closed:
            self.emit("producer-closed", self, producer)

    def _consumer_closed(self, consumer: Consumer) -> None:
        self.rendered = None
        if not self.closed:
            self.emit("consumer-closed", self, consumer)
