"""An SFU in memory: the same objects as the real one's, and it can be made to hang, fail or forget.

It stands for the Protocol in tests of the rules alone. Tests of the edges run against the real services.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backend.domain.sfu_port import (
    CONSUMER_NOT_FOUND,
    DATA_PRODUCER_NOT_FOUND,
    PEER_NOT_FOUND,
    PRODUCER_NOT_FOUND,
    TRANSPORT_NOT_FOUND,
    ConsumerWish,
    DataConsumerWish,
    DataProducerWish,
    Direction,
    JsonObject,
    Layers,
    MediaObject,
    ProducerWish,
    SfuConsumer,
    SfuPeer,
    SfuTransport,
    SfuUnavailable,
    SwitchAction,
)
from backend.domain.sfu_state import (
    ConsumerState,
    DataConsumerState,
    DataProducerState,
    ProducerState,
    SfuPeerState,
    SfuRoomState,
)
from backend.errors import Conflict, NotFound


@dataclass
class _Peer:
    transports: dict[str, Direction] = field(default_factory=dict)
    producers: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    data_producers: dict[str, str] = field(default_factory=dict)
    data_consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    layers: dict[str, Layers | None] = field(default_factory=dict)
    wanted: dict[str, int | None] = field(default_factory=dict)


class MemorySfu:
    """Implements `SfuPort` over dictionaries. Every call gives way to others, as a request does.

    `available` False refuses everything. `gate` lets no answer through while it is cleared. `slowness` tells for
    each request and each answer how many turns of the loop it takes.
    """

    def __init__(self) -> None:
        self.available = True
        self.rooms: dict[str, dict[str, _Peer]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.slowness: Callable[[], int] = lambda: 1
        self.calls: list[tuple[str, ...]] = []
        self.closed_rooms: list[tuple[str, bool]] = []
        self._ids = itertools.count(1)

    def serves(self, room_id: str) -> bool:
        return self.available

    async def open_room(self, room_id: str) -> None:
        await asyncio.sleep(0)

    def close_room(self, room_id: str, *, ended: bool) -> None:
        self.closed_rooms.append((room_id, ended))

    async def _call(self, *what: str) -> None:
        self.calls.append(what)
        if not self.available:
            raise SfuUnavailable
        await self._travel()

    async def _answered(self) -> None:
        await self.gate.wait()
        await self._travel()

    async def _travel(self) -> None:
        for _ in range(self.slowness()):
            await asyncio.sleep(0)

    def _peer(self, room_id: str, peer_id: str) -> _Peer:
        try:
            return self.rooms[room_id][peer_id]
        except KeyError:
            raise NotFound("no such peer", PEER_NOT_FOUND) from None

    def forget_everything(self) -> None:
        """Do what a restart does."""
        self.rooms.clear()

    async def join_peer(self, room_id: str, room_name: str, peer: SfuPeer) -> JsonObject:
        await self._call("join", room_id, peer.id)
        peers = self.rooms.setdefault(room_id, {})
        if peer.id in peers:
            raise Conflict("exists", "PEER_EXISTS")
        peers[peer.id] = _Peer()
        await self._answered()
        return {"codecs": []}

    async def leave_peer(self, room_id: str, peer_id: str) -> None:
        await self._call("leave", room_id, peer_id)
        peers = self.rooms.get(room_id, {})
        gone = peers.pop(peer_id, None)
        for producer_id in gone.producers if gone else ():
            self._drop_consumers_of(room_id, producer_id)
        for producer_id in gone.data_producers if gone else ():
            self._drop_data_consumers_of(room_id, producer_id)
        if not peers:
            self.rooms.pop(room_id, None)
        await self._answered()

    async def room_info(self, room_id: str) -> JsonObject | None:
        await self._call("room", room_id)
        if room_id not in self.rooms:
            return None
        return {"roomId": room_id, "peers": [{"peerId": one, "email": "x"} for one in self.rooms[room_id]]}

    async def room_state(self, room_id: str) -> SfuRoomState | None:
        await self._call("state", room_id)
        peers = self.rooms.get(room_id)
        state = (
            None
            if peers is None
            else SfuRoomState(
                room_id,
                {
                    peer_id: SfuPeerState(
                        dict(peer.transports),
                        {one: ProducerState(on, "audio", False, {}) for one, on in peer.producers.items()},
                        {one: ConsumerState(*on, paused=True) for one, on in peer.consumers.items()},
                        dict(peer.layers),
                        dict(peer.wanted),
                        {one: DataProducerState(on, "chat", "", {}) for one, on in peer.data_producers.items()},
                        {one: DataConsumerState(*on) for one, on in peer.data_consumers.items()},
                    )
                    for peer_id, peer in peers.items()
                },
                {"codecs": []},
            )
        )
        await self._answered()
        return state

    async def room_ids(self) -> Sequence[str]:
        await self._call("rooms")
        return list(self.rooms)

    async def create_transport(
        self, room_id: str, peer_id: str, direction: Direction, *, enable_sctp: bool
    ) -> SfuTransport:
        await self._call("create-transport", room_id, peer_id)
        transport_id = f"transport-{next(self._ids)}"
        self._peer(room_id, peer_id).transports[transport_id] = direction
        await self._answered()
        return SfuTransport(transport_id, {"transportId": transport_id})

    async def connect_transport(self, room_id: str, transport_id: str, dtls_parameters: JsonObject) -> None:
        await self._call("connect", transport_id)
        await self._answered()

    async def restart_ice(self, room_id: str, transport_id: str) -> JsonObject:
        await self._call("restart-ice", transport_id)
        await self._answered()
        return {"usernameFragment": "new", "password": "secret", "iceLite": True}

    async def close_transport(self, room_id: str, transport_id: str) -> None:
        await self._call("close-transport", transport_id)
        for peer in self.rooms.get(room_id, {}).values():
            if transport_id in peer.transports:
                del peer.transports[transport_id]
                for producer_id in [one for one, on in peer.producers.items() if on == transport_id]:
                    del peer.producers[producer_id]
                    self._drop_consumers_of(room_id, producer_id)
                peer.consumers = {one: on for one, on in peer.consumers.items() if on[0] != transport_id}
        await self._answered()

    async def create_producer(self, room_id: str, peer_id: str, wish: ProducerWish) -> str:
        await self._call("produce", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if wish.transport_id not in peer.transports:
            raise NotFound("no such transport", TRANSPORT_NOT_FOUND)
        producer_id = f"producer-{next(self._ids)}"
        peer.producers[producer_id] = wish.transport_id
        await self._answered()
        return producer_id

    async def switch_producer(self, room_id: str, producer_id: str, action: SwitchAction) -> None:
        await self._call(f"{action}-producer", producer_id)
        for peer in self.rooms.get(room_id, {}).values():
            if producer_id in peer.producers:
                if action is SwitchAction.CLOSE:
                    del peer.producers[producer_id]
                    self._drop_consumers_of(room_id, producer_id)
                break
        else:
            if action is not SwitchAction.CLOSE:
                raise NotFound("no such producer", PRODUCER_NOT_FOUND)
        await self._answered()

    async def create_consumer(self, room_id: str, peer_id: str, wish: ConsumerWish) -> SfuConsumer:
        await self._call("consume", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if not any(wish.producer_id in other.producers for other in self.rooms[room_id].values()):
            raise NotFound("no such producer", PRODUCER_NOT_FOUND)
        consumer_id = f"consumer-{next(self._ids)}"
        peer.consumers[consumer_id] = (wish.transport_id or "", wish.producer_id)
        await self._answered()
        return SfuConsumer(consumer_id, "audio", "simple", {}, producer_paused=False)

    async def switch_consumer(self, room_id: str, consumer_id: str, action: SwitchAction) -> None:
        await self._call(f"{action}-consumer", consumer_id)
        for peer in self.rooms.get(room_id, {}).values():
            if consumer_id in peer.consumers:
                if action is SwitchAction.CLOSE:
                    del peer.consumers[consumer_id]
                break
        else:
            if action is not SwitchAction.CLOSE:
                raise NotFound("no such consumer", CONSUMER_NOT_FOUND)
        await self._answered()

    async def create_data_producer(self, room_id: str, peer_id: str, wish: DataProducerWish) -> str:
        await self._call("produce-data", room_id, peer_id)
        producer_id = f"data-producer-{next(self._ids)}"
        self._peer(room_id, peer_id).data_producers[producer_id] = wish.transport_id
        await self._answered()
        return producer_id

    async def close_data_producer(self, room_id: str, producer_id: str) -> None:
        await self._call("close-data-producer", producer_id)
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_producers.pop(producer_id, None)
        self._drop_data_consumers_of(room_id, producer_id)
        await self._answered()

    async def create_data_consumer(
        self, room_id: str, peer_id: str, transport_id: str, wish: DataConsumerWish
    ) -> tuple[str, JsonObject]:
        await self._call("consume-data", room_id, peer_id)
        peer = self._peer(room_id, peer_id)
        if not any(wish.data_producer_id in other.data_producers for other in self.rooms[room_id].values()):
            raise NotFound("no such data producer", DATA_PRODUCER_NOT_FOUND)
        consumer_id = f"data-consumer-{next(self._ids)}"
        peer.data_consumers[consumer_id] = (transport_id, wish.data_producer_id)
        await self._answered()
        return consumer_id, {"streamId": 0, "ordered": True}

    async def close_data_consumer(self, room_id: str, consumer_id: str) -> None:
        await self._call("close-data-consumer", consumer_id)
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_consumers.pop(consumer_id, None)
        await self._answered()

    async def set_preferred_layers(self, room_id: str, consumer_id: str, layers: Layers) -> Layers | None:
        await self._call("preferred-layers", consumer_id, f"{layers.spatial}")
        await self._answered()
        return Layers(min(layers.spatial, 2), 2)

    async def set_priority(self, room_id: str, consumer_id: str, priority: int) -> None:
        await self._call("priority", consumer_id, f"{priority}")
        await self._answered()

    async def request_key_frame(self, room_id: str, consumer_id: str) -> None:
        await self._call("key-frame", consumer_id)

    async def stats(self, room_id: str, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        await self._call("stats", kind.value, object_id)
        return [{"id": object_id}]

    def _drop_consumers_of(self, room_id: str, producer_id: str) -> None:
        for peer in self.rooms.get(room_id, {}).values():
            peer.consumers = {one: on for one, on in peer.consumers.items() if on[1] != producer_id}

    def _drop_data_consumers_of(self, room_id: str, producer_id: str) -> None:
        for peer in self.rooms.get(room_id, {}).values():
            peer.data_consumers = {one: on for one, on in peer.data_consumers.items() if on[1] != producer_id}
