"""A room: one router on one media worker, and the peers in it."""

from collections.abc import Iterator
from typing import Any, Literal

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.consumer import Consumer
from sfu.control.data_consumer import DataConsumer
from sfu.control.data_producer import DataProducer
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.control.negotiation import ROUTER_RTP_CAPABILITIES_WIRE
from sfu.control.peer import Peer, PeerInfo
from sfu.control.peer_timeouts import RemovalReason
from sfu.control.producer import Producer
from sfu.control.transport import Transport
from sfu.errors import PEER_EXISTS, Conflict, LimitReached, NotFound
from shared.ids import new_id
from shared.logging import get_logger

RoomClosedReason = Literal["empty", "deleted", "worker-died", "shutdown", "failed"]
PeerClosedReason = Literal["left"] | RemovalReason

_log = get_logger(__name__)


class Room(EventEmitter):
    """Peers that can hear and see each other.

    Emits:
        `event` (name, data): a fact for the event log, without the room's id. After the room closed, none.
        `change` (producer or consumer, name, data): a fact that only its latest value counts of.
        `peer-joined` (peer), `peer-closed` (peer).
        `close` (room): it is gone, and all in it. Emitted once.
    """

    def __init__(self, room_id: str, name: str, created_at_ms: int, worker: MediaWorker, limits: Limits) -> None:
        super().__init__()
        self.id = room_id
        self.name = name
        self.created_at_ms = created_at_ms
        self.worker = worker
        self.router_id = new_id()
        self.peers: dict[str, Peer] = {}
        self.closed = False
        self._limits = limits
        self._log = _log.bind(room_id=room_id)
        worker.load += 1
        worker.on(self.router_id, self._router_notified)

    async def open(self) -> None:
        """Have the worker make the router. On failure the room is closed.

        Raises:
            NotAvailable: the worker does not answer.
        """
        request = {"routerId": self.router_id, "rtpCapabilities": ROUTER_RTP_CAPABILITIES_WIRE}
        try:
            await self.worker.request("router.create", request)
        except BaseException:
            self.close("failed")
            raise
        self._log.info("room opened", worker=self.worker.index)

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
        peer = Peer(self.id, info, joined_at_ms, self.worker, self._limits)
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
        self.emit("peer-closed", peer)
        if not self.peers:
            self.close("empty")

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

    def close(self, reason: RoomClosedReason) -> None:
        """Close the room with all in it. One event says so; what was in the room is not told one by one."""
        if self.closed:
            return
        self._tell("room-closed", {"reason": reason})
        self.closed = True
        self.worker.load -= 1
        self.worker.remove_listener(self.router_id, self._router_notified)
        self.worker.post("router.close", {"routerId": self.router_id})
        for peer in tuple(self.peers.values()):
            peer.close(tell_worker=False)
            self.emit("peer-closed", peer)
        self.peers.clear()
        self._log.info("room closed", reason=reason)
        self.emit("close", self)

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
