"""One SFU: each call of `SfuPort` as one request of its HTTP API."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from backend.domain.metering import Meter
from backend.domain.placement import SfuLoad
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
    SfuPeer,
    SfuTransport,
    SfuUnavailable,
    SwitchAction,
)
from backend.domain.sfu_state import SfuRoomState
from backend.errors import Broken, NotFound
from backend.sfu_client.events import EventFollower, StreamListener
from backend.sfu_client.reconcile import layers_in, layers_wire, room_state
from backend.sfu_client.transport import SfuHttp
from shared.control_api import MAX_LABEL_BYTES

FIRST_CONNECT_S = 2.0
"""How long a start waits for the SFU; the two may be started in any order, and the backend serves without it."""


class SfuClient:
    """The calls of `backend.domain.sfu_port.SfuPort` for the rooms of one SFU, and its events."""

    def __init__(self, base_url: str, api_token: str | None, meter: Meter) -> None:
        self._http = SfuHttp(base_url, api_token, meter)
        self._follower: EventFollower | None = None
        self._following: asyncio.Task[None] | None = None

    # Lifetime

    async def start(self, listener: StreamListener) -> None:
        """Start to follow the events; return when the stream is open or after a short wait without success."""
        await self._http.open()
        self._follower = EventFollower(self._http, listener)
        self._following = asyncio.create_task(self._follower.run())
        await self._follower.wait_connected(FIRST_CONNECT_S)

    async def close(self) -> None:
        """Stop following, close all connections. Leaves everything at the SFU as it is."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self._http.close()

    @property
    def available(self) -> bool:
        """Whether the SFU's event stream is open: only then are requests sent at all."""
        return self._follower is not None and self._follower.connected

    # Rooms and peers

    async def join_peer(self, room_id: str, room_name: str, peer: SfuPeer) -> JsonObject:
        """Make the peer (and its room) and return the router's RTP capabilities."""
        answer = await self._post(
            "rooms",
            room_id,
            "peers",
            body={
                "peerId": peer.id,
                "userId": peer.user_id,
                "email": _label(peer.email),
                "fullName": _label(peer.full_name),
                "role": peer.role,
                "isProducer": peer.is_producer,
                "roomName": _label(room_name),
            },
        )
        return _object(answer, "rtpCapabilities")

    async def leave_peer(self, room_id: str, peer_id: str) -> None:
        """Remove the peer with all it has; a peer that is not there is no error."""
        with suppress(NotFound):
            await self._post("rooms", room_id, "peers", peer_id, "leave", repeatable=True)

    async def room_info(self, room_id: str) -> JsonObject | None:
        """Return the SFU's own view of the room; None when it has no such room."""
        try:
            return await self._get("rooms", room_id)
        except NotFound:
            return None

    async def room_state(self, room_id: str) -> SfuRoomState | None:
        """Return all that the SFU holds for the room; None when it has no such room."""
        try:
            detail = await self._get("rooms", room_id, query={"detail": "1"})
        except NotFound:
            return None
        return room_state(room_id, detail)

    async def room_ids(self) -> Sequence[str]:
        """Return the ids of all rooms of the SFU."""
        return [room["roomId"] for room in (await self._get("rooms")).get("rooms", [])]

    # Transports

    async def delete_room(self, room_id: str) -> None:
        """Close the room with all in it; one that is not there is no error."""
        self._require_available()
        with suppress(NotFound):
            await self._http.call("DELETE", ("rooms", room_id), repeatable=True)

    async def load(self) -> SfuLoad:
        """Return what the SFU has to do.

        Raises:
            NotFound: it is too old to tell.
        """
        answer = await self._get("load")
        try:
            return SfuLoad(
                peers=int(answer["peers"]),
                producers=int(answer["producers"]),
                consumers=int(answer["consumers"]),
                workers_ready=int(answer["workersReady"]),
                cpu_share=float(answer["cpuShare"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _senseless() from None

    async def create_transport(
        self, room_id: str, peer_id: str, direction: Direction, *, enable_sctp: bool
    ) -> SfuTransport:
        """Make a WebRTC transport for the peer."""
        body = {"peerId": peer_id, "direction": direction.value, "enableSctp": enable_sctp}
        answer = await self._post("rooms", room_id, "transports", body=body)
        return SfuTransport(_text(answer, "transportId"), answer)

    async def connect_transport(self, room_id: str, transport_id: str, dtls_parameters: JsonObject) -> None:
        """Give the transport the client's DTLS parameters."""
        body = {"dtlsParameters": dtls_parameters}
        await self._post("rooms", room_id, "transports", transport_id, "connect", body=body)

    async def restart_ice(self, room_id: str, transport_id: str) -> JsonObject:
        """Have the transport's ICE credentials made anew and return them."""
        answer = await self._post("rooms", room_id, "transports", transport_id, "restart-ice", repeatable=True)
        return _object(answer, "iceParameters")

    async def close_transport(self, room_id: str, transport_id: str) -> None:
        """Close the transport with all it carries; one that is not there is no error."""
        with suppress(NotFound):
            await self._post("rooms", room_id, "transports", transport_id, "close", repeatable=True)

    # Media

    async def create_producer(self, room_id: str, peer_id: str, wish: ProducerWish) -> str:
        """Make a producer and return its id."""
        answer = await self._post(
            "rooms",
            room_id,
            "producers",
            body={
                "peerId": peer_id,
                "transportId": wish.transport_id,
                "kind": wish.kind,
                "rtpParameters": wish.rtp_parameters,
                "paused": wish.paused,
                "appData": wish.app_data,
            },
        )
        return _text(answer, "producerId")

    async def switch_producer(self, room_id: str, producer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a producer; closing one that is not there is no error."""
        await self._switch(room_id, MediaObject.PRODUCER, producer_id, action)

    async def create_consumer(self, room_id: str, peer_id: str, wish: ConsumerWish) -> SfuConsumer:
        """Make a consumer."""
        body: JsonObject = {
            "peerId": peer_id,
            "producerId": wish.producer_id,
            "rtpCapabilities": wish.rtp_capabilities,
            "paused": wish.paused,
        }
        if wish.transport_id is not None:
            body["transportId"] = wish.transport_id
        if wish.preferred_layers is not None:
            body["preferredLayers"] = layers_wire(wish.preferred_layers)
        answer = await self._post("rooms", room_id, "consumers", body=body)
        return SfuConsumer(
            id=_text(answer, "consumerId"),
            kind=_text(answer, "kind"),
            type=_text(answer, "type"),
            rtp_parameters=_object(answer, "rtpParameters"),
            producer_paused=bool(answer.get("producerPaused")),
        )

    async def switch_consumer(self, room_id: str, consumer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close a consumer; closing one that is not there is no error."""
        await self._switch(room_id, MediaObject.CONSUMER, consumer_id, action)

    # Data channels

    async def create_data_producer(self, room_id: str, peer_id: str, wish: DataProducerWish) -> str:
        """Make a data producer and return its id."""
        body = {
            "peerId": peer_id,
            "transportId": wish.transport_id,
            "sctpStreamParameters": wish.sctp_stream_parameters,
            "label": wish.label,
            "protocol": wish.protocol,
            "appData": wish.app_data,
        }
        return _text(await self._post("rooms", room_id, "data-producers", body=body), "dataProducerId")

    async def close_data_producer(self, room_id: str, producer_id: str) -> None:
        """Close a data producer; one that is not there is no error."""
        await self._switch(room_id, MediaObject.DATA_PRODUCER, producer_id, SwitchAction.CLOSE)

    async def create_data_consumer(
        self, room_id: str, peer_id: str, transport_id: str, wish: DataConsumerWish
    ) -> tuple[str, JsonObject]:
        """Make a data consumer and return its id and SCTP stream parameters."""
        body = {
            "peerId": peer_id,
            "transportId": transport_id,
            "dataProducerId": wish.data_producer_id,
            "ordered": wish.ordered,
            "maxPacketLifeTime": wish.max_packet_life_time,
            "maxRetransmits": wish.max_retransmits,
        }
        answer = await self._post("rooms", room_id, "data-consumers", body=body)
        return _text(answer, "dataConsumerId"), _object(answer, "sctpStreamParameters")

    async def close_data_consumer(self, room_id: str, consumer_id: str) -> None:
        """Close a data consumer; one that is not there is no error."""
        await self._switch(room_id, MediaObject.DATA_CONSUMER, consumer_id, SwitchAction.CLOSE)

    # Quality

    async def set_preferred_layers(self, room_id: str, consumer_id: str, layers: Layers) -> Layers | None:
        """Send a consumer at most these layers; return what it came to, None when it has no layers."""
        path = ("rooms", room_id, "consumers", consumer_id, "preferred-layers")
        return layers_in(await self._post(*path, body=layers_wire(layers), repeatable=True))

    async def set_priority(self, room_id: str, consumer_id: str, priority: int) -> None:
        """Let a consumer come before or after the others of its transport when bandwidth is short."""
        path = ("rooms", room_id, "consumers", consumer_id, "priority")
        await self._post(*path, body={"priority": priority}, repeatable=True)

    async def request_key_frame(self, room_id: str, consumer_id: str) -> None:
        """Ask the consumer's publisher for a key frame."""
        await self._post("rooms", room_id, "consumers", consumer_id, "request-key-frame", repeatable=True)

    async def stats(self, room_id: str, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        """Return the statistics of a transport, producer or consumer, in mediasoup's field names."""
        stats = (await self._get("rooms", room_id, kind.value, object_id, "stats")).get("stats")
        if not isinstance(stats, list):
            raise _senseless()
        return stats

    async def _switch(self, room_id: str, kind: MediaObject, object_id: str, action: SwitchAction) -> None:
        try:
            await self._post("rooms", room_id, kind.value, object_id, action.value, repeatable=True)
        except NotFound:
            if action is not SwitchAction.CLOSE:
                raise

    async def _get(self, *path: str, query: dict[str, str] | None = None) -> JsonObject:
        self._require_available()
        return await self._http.call("GET", path, query=query, repeatable=True)

    async def _post(self, *path: str, body: JsonObject | None = None, repeatable: bool = False) -> JsonObject:
        self._require_available()
        return await self._http.call("POST", path, body or {}, repeatable=repeatable)

    def _require_available(self) -> None:
        if not self.available:
            raise SfuUnavailable


def _label(text: str) -> str:
    return text.encode()[:MAX_LABEL_BYTES].decode(errors="ignore")


def _text(answer: JsonObject, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise _senseless()
    return value


def _object(answer: JsonObject, name: str) -> JsonObject:
    value = answer.get(name)
    if not isinstance(value, dict):
        raise _senseless()
    return value


def _senseless() -> Broken:
    return Broken("The media server's answer makes no sense.")
