"""The calls that concern what is in a room: each goes to the SFU that the room is at, unchanged."""

from collections.abc import Sequence
from typing import Protocol

from backend.domain.sfu_port import (
    ConsumerWish,
    DataConsumerWish,
    DataProducerWish,
    Direction,
    JsonObject,
    Layers,
    MediaObject,
    ProducerWish,
    SfuConsumer,
    SfuTransport,
    SwitchAction,
)
from backend.sfu_client.link import SfuClient


class RoomCalls(Protocol):
    """A part of `backend.domain.sfu_port.SfuPort`; who has it says where a room is."""

    def client_of(self, room_id: str) -> SfuClient:
        """Return the way to the SFU that has the room's media. Raises: SfuUnavailable."""

    async def create_transport(
        self, room_id: str, peer_id: str, direction: Direction, *, enable_sctp: bool
    ) -> SfuTransport:
        """Make a WebRTC transport for the peer."""
        return await self.client_of(room_id).create_transport(room_id, peer_id, direction, enable_sctp=enable_sctp)

    async def connect_transport(self, room_id: str, transport_id: str, dtls_parameters: JsonObject) -> None:
        """Give the transport the client's DTLS parameters."""
        await self.client_of(room_id).connect_transport(room_id, transport_id, dtls_parameters)

    async def restart_ice(self, room_id: str, transport_id: str) -> JsonObject:
        """Have the transport's ICE credentials made anew and return them."""
        return await self.client_of(room_id).restart_ice(room_id, transport_id)

    async def close_transport(self, room_id: str, transport_id: str) -> None:
        """Close the transport with all it carries; one that is not there is no error."""
        await self.client_of(room_id).close_transport(room_id, transport_id)

    async def create_producer(self, room_id: str, peer_id: str, wish: ProducerWish) -> str:
        """Make a producer and return its id."""
        return await self.client_of(room_id).create_producer(room_id, peer_id, wish)

    async def switch_producer(self, room_id: str, producer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a producer; closing one that is not there is no error."""
        await self.client_of(room_id).switch_producer(room_id, producer_id, action)

    async def create_consumer(self, room_id: str, peer_id: str, wish: ConsumerWish) -> SfuConsumer:
        """Make a consumer."""
        return await self.client_of(room_id).create_consumer(room_id, peer_id, wish)

    async def switch_consumer(self, room_id: str, consumer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a consumer; closing one that is not there is no error."""
        await self.client_of(room_id).switch_consumer(room_id, consumer_id, action)

    async def create_data_producer(self, room_id: str, peer_id: str, wish: DataProducerWish) -> str:
        """Make a data producer and return its id."""
        return await self.client_of(room_id).create_data_producer(room_id, peer_id, wish)

    async def close_data_producer(self, room_id: str, producer_id: str) -> None:
        """Close a data producer; one that is not there is no error."""
        await self.client_of(room_id).close_data_producer(room_id, producer_id)

    async def create_data_consumer(
        self, room_id: str, peer_id: str, transport_id: str, wish: DataConsumerWish
    ) -> tuple[str, JsonObject]:
        """Make a data consumer and return its id and SCTP stream parameters."""
        return await self.client_of(room_id).create_data_consumer(room_id, peer_id, transport_id, wish)

    async def close_data_consumer(self, room_id: str, consumer_id: str) -> None:
        """Close a data consumer; one that is not there is no error."""
        await self.client_of(room_id).close_data_consumer(room_id, consumer_id)

    async def set_preferred_layers(self, room_id: str, consumer_id: str, layers: Layers) -> Layers | None:
        """Send a consumer at most these layers; return what it came to, None when it has no layers."""
        return await self.client_of(room_id).set_preferred_layers(room_id, consumer_id, layers)

    async def set_priority(self, room_id: str, consumer_id: str, priority: int) -> None:
        """Let a consumer come before or after the others of its transport when bandwidth is short."""
        await self.client_of(room_id).set_priority(room_id, consumer_id, priority)

    async def request_key_frame(self, room_id: str, consumer_id: str) -> None:
        """Ask the consumer's publisher for a key frame."""
        await self.client_of(room_id).request_key_frame(room_id, consumer_id)

    async def stats(self, room_id: str, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        """Return the statistics of a transport, producer or consumer, in mediasoup's field names."""
        return await self.client_of(room_id).stats(room_id, kind, object_id)
