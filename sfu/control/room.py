"""A room: the peers in it, and what they send each other, on one media worker or several."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.consumer import Consumer, ConsumerOptions
from sfu.control.data_consumer import DataConsumer
from sfu.control.data_producer import DataProducer
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.control.peer import Peer, PeerInfo
from sfu.control.peer_timeouts import RemovalReason
from sfu.control.pipes import Pipes
from sfu.control.producer import Producer
from sfu.control.room_parts import RoomParts
from sfu.control.transport import Direction, Transport, TransportOptions
from sfu.control.worker_pool import WorkerPool
from sfu.errors import PEER_EXISTS, Conflict, LimitReached, NotFound
from shared.ids import new_id
from shared.logging import get_logger
from shared.rtp_parameters import RtpCapabilities

RoomClosedReason = Literal["empty", "deleted", "worker-died", "shutdown", "failed"]
PeerClosedReason = Literal["left", "worker-died"] | RemovalReason

ROOM_CLOSED = "room-closed"

USUAL_PRODUCERS = 2
"""A voice and a picture. While fewer are there, who is to receive is still taken for as many consumers."""

_log = get_logger(__name__)


class Room(EventEmitter):
    """Peers that can hear and see each other.

    Emits:
        `event` (name, data): a fact for the event log, without the room's id. After the room closed, none.
        `change` (producer or consumer, name, data): a fact that only its latest value counts of.
        `peer-joined` (peer), `peer-closed` (peer, reason): of those closed with their room, `room-closed`.
        `close` (room, reason): it is gone, and all in it. Emitted once.
    """

    def __init__(
        self, room_id: str, name: str, created_at_ms: int, pool: WorkerPool, limits: Limits, spread_after: int = 0
    ) -> None:
        super().__init__()
        self.id = room_id
        self.name = name
        self.created_at_ms = created_at_ms
        self.router_id = new_id()
        self._parts = RoomParts(
            self.router_id, pool.least_loaded(), lambda: pool.ready_workers, spread_after, self._router_notified
        )
        self._pipes = Pipes(self.router_id, pool.links)
        self.peers: dict[str, Peer] = {}
        self.closed = False
        self._limits = limits
        self._log = _log.bind(room_id=room_id)

    @property
    def workers(self) -> list[MediaWorker]:
        """The media workers that it is on, home first: there it begins, and what is published goes."""
        return self._parts.workers

    async def open(self) -> None:
        """Have the worker make the router. On failure the room is closed.

        Raises:
            NotAvailable: the worker does not answer.
        """
        try:
            await self._parts.reach(self._parts.home)
        except BaseException:
            self.close("failed")
            raise
        self._log.info("room opened", worker=self._parts.home.index)

    def add_peer(self, info: PeerInfo, joined_at_ms: int) -> Peer:
        """Take a peer in.

        Raises:
            Conflict: `PEER_EXISTS`, its id is taken.
            LimitReached: the room is full.
        """
        if info.peer_id in self.peers:
            raise Conflict(f"there is a peer {info.peer_id!r} in this room already", PEER_EXISTS)
        if len(self.peers) >= self._limits.peers_per_room:
            raise LimitReached(f"a room has at most {self._limits.peers_per_room} peers")
        peer = Peer(self.id, info, joined_at_ms, self._limits)
        self.peers[peer.id] = peer
        peer.on("transport-state", self._transport_state)
        peer.on("producer-closed", self._producer_closed)
        peer.on("consumer-closed", self._consumer_closed)
        peer.on("data-closed", self._data_closed)
        peer.on("change", self._changed)
        self.emit("peer-joined", peer)
        self._log.info("peer joined", peer_id=peer.id, peers=len(self.peers))
        return peer

    def remove_peer(self, peer: Peer, reason: PeerClosedReason) -> None:
        """Close the peer with all it has; the last one takes the room with it. Idempotent."""
        if self.peers.get(peer.id) is not peer:
            return
        del self.peers[peer.id]
        peer.close()
        self._tell("peer-closed", {"peerId": peer.id, "reason": reason})
        self._log.info("peer left", peer_id=peer.id, reason=reason, peers=len(self.peers))
        self.emit("peer-closed", peer, reason)
        if not self.peers:
            self.close("empty")

    async def create_transport(self, peer: Peer, direction: Direction, options: TransportOptions) -> Transport:
        """Make a transport of a peer. To receive, it may be away from home in a large room.

        Raises:
            NotFound: the peer is gone.
            LimitReached: the peer has too many.
            NotAvailable: the media worker does not answer.
        """
        if peer.closed:
            raise NotFound.peer(peer.id)
        worker = self._parts.home
        if direction == "recv" and not options.enable_sctp and self._parts.spreads:
            expected = max(USUAL_PRODUCERS, sum(len(transport.producers) for transport in self._transports))
            worker = await self._parts.place(self._consumers_by_worker(expected), expected)
        else:
            await self._parts.reach(worker)
        return await peer.create_transport(worker, self.router_id, direction, options)

    async def consume(
        self, transport: Transport, producer: Producer, capabilities: RtpCapabilities, options: ConsumerOptions
    ) -> Consumer:
        """Make a consumer on a transport, wherever the producer is.

        Raises:
            CannotConsume: the capabilities do not fit the producer.
            LimitReached: the transport has too many consumers.
            NotFound: the producer is gone.
            NotAvailable: a media worker does not answer.
        """
        if transport.worker is producer.worker:
            return await transport.consume(producer, capabilities, options)
        pipe = await self._pipes.hold(producer, transport.worker)
        try:
            consumer = await transport.consume(producer, capabilities, options)
        except BaseException:
            pipe.release()
            raise
        consumer.on("close", lambda _: pipe.release())
        return consumer

    def worker_died(self, worker: MediaWorker) -> None:
        """Let go of what was on a worker: the room if it was at home there, else the peers that received there."""
        if worker is self._parts.home:
            self.close("worker-died")
        elif self._parts.lose(worker):
            self._pipes.lose(worker)
            for peer in tuple(self.peers.values()):
                if any(transport.worker is worker for transport in peer.transports.values()):
                    self.remove_peer(peer, "worker-died")

    def peer(self, peer_id: str) -> Peer:
        """Return the peer with this id, or raise `NotFound`."""
        if (peer := self.peers.get(peer_id)) is None:
            raise NotFound.peer(peer_id)
        return peer

    def transport(self, transport_id: str) -> Transport:
        """Return the transport with this id, whoever's it is, or raise `NotFound`."""
        for peer in self.peers.values():
            if (transport := peer.transports.get(transport_id)) is not None:
                return transport
        raise NotFound.transport(transport_id)

    def producer(self, producer_id: str) -> Producer:
        """Return the producer with this id, whoever's it is, or raise `NotFound`."""
        for peer in self.peers.values():
            for transport in peer.transports.values():
                if (producer := transport.producers.get(producer_id)) is not None:
                    return producer
        raise NotFound.producer(producer_id)

    def consumer(self, consumer_id: str) -> Consumer:
        """Return the consumer with this id, whoever's it is, or raise `NotFound`."""
        for peer in self.peers.values():
            for transport in peer.transports.values():
                if (consumer := transport.consumers.get(consumer_id)) is not None:
                    return consumer
        raise NotFound.consumer(consumer_id)

    def data_producer(self, producer_id: str) -> DataProducer:
        """Return the data producer with this id, whoever's it is, or raise `NotFound`."""
        for transport in self._transports:
            if (producer := transport.data.producers.get(producer_id)) is not None:
                return producer
        raise NotFound.data_producer(producer_id)

    def data_consumer(self, consumer_id: str) -> DataConsumer:
        """Return the data consumer with this id, whoever's it is, or raise `NotFound`."""
        for transport in self._transports:
            if (consumer := transport.data.consumers.get(consumer_id)) is not None:
                return consumer
        raise NotFound.data_consumer(consumer_id)

    @property
    def _transports(self) -> Iterator[Transport]:
        return (transport for peer in self.peers.values() for transport in peer.transports.values())

    def _consumers_by_worker(self, expected: int) -> Counter[MediaWorker]:
        """Count the consumers on each worker; so many as are `expected` of each transport that receives."""
        counts: Counter[MediaWorker] = Counter()
        for transport in self._transports:
            least = expected if transport.direction == "recv" else 0
            counts[transport.worker] += max(least, len(transport.consumers))
        return counts

    def close(self, reason: RoomClosedReason) -> None:
        """Close the room with all in it. One event says so; what was in the room is not told one by one."""
        if self.closed:
            return
        self._tell("room-closed", {"reason": reason})
        self.closed = True
        self._parts.close()
        for peer in tuple(self.peers.values()):
            peer.close(tell_worker=False)
            self.emit("peer-closed", peer, ROOM_CLOSED)
        self.peers.clear()
        self._log.info("room closed", reason=reason)
        self.emit("close", self, reason)
        self.remove_all_listeners()  # its owners and it are freed without the collector

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        if not self.closed:
            self.emit("event", event, data)

    def _router_notified(self, event: str, data: dict[str, Any]) -> None:
        if event == "router.activeSpeaker":
            self._speaker_changed(data["producerId"], data["volume"])

    def _speaker_changed(self, producer_id: str, volume: int) -> None:
        for peer in self.peers.values():
            if any(producer_id in transport.producers for transport in peer.transports.values()):
                speaker = {"peerId": peer.id, "producerId": producer_id, "volume": volume}
                self._tell("active-speaker", speaker)
                return

    def _transport_state(self, peer: Peer, transport: Transport) -> None:
        state = {"iceState": transport.ice_state, "dtlsState": transport.dtls_state}
        if transport.sctp_state is not None:
            state["sctpState"] = transport.sctp_state
        self._tell("transport-state", {"transportId": transport.id, "peerId": peer.id, **state})

    def _changed(self, peer: Peer, source: Producer | Consumer, event: str, data: Data) -> None:
        self.emit("change", source, event, {"peerId": peer.id, **data})

    def _data_closed(self, peer: Peer, event: str, data: Data) -> None:
        self._tell(event, {**data, "peerId": peer.id})

    def _producer_closed(self, peer: Peer, producer: Producer) -> None:
        self._tell("producer-closed", {"producerId": producer.id, "peerId": peer.id})

    def _consumer_closed(self, peer: Peer, consumer: Consumer) -> None:
        ids = {"consumerId": consumer.id, "peerId": peer.id, "producerId": consumer.producer.id}
        self._tell("consumer-closed", ids)
