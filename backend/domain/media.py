"""What a participant does with media: transports, what it sends, what it receives. All of it one's own only.

Each method asks the SFU first and then changes the class in one step. While the SFU is asked, the world goes on:
the participant may be sent out or all its media may end, so every answer is checked against the state of now.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.notices import ConsumerLayersChanged
from backend.domain.participants import (
    MAX_CONSUMERS,
    MAX_PRODUCERS,
    MAX_TRANSPORTS,
    MediaConsumer,
    MediaProducer,
    Participant,
    require_room_for,
)
from backend.domain.rooms import may_manage, require_may_publish
from backend.domain.sfu_port import (
    PEER_NOT_FOUND,
    ROOM_NOT_FOUND,
    ConsumerWish,
    Direction,
    JsonObject,
    Layers,
    MediaObject,
    ProducerWish,
    SfuPort,
    SfuTransport,
    SfuUnavailable,
    SwitchAction,
)
from backend.errors import Conflict, InvalidInput, NotFound

T = TypeVar("T")


def not_joined() -> Conflict:
    """Make the error for somebody who has no seat (any more)."""
    return Conflict("Join a room first.", "NOT_JOINED")


class MediaControl:
    """The media side of a seat. `doubt` is called with a room whose state at the SFU may not be what we hold."""

    def __init__(self, sfu: SfuPort, chores: Chores, doubt: Callable[[Classroom], None]) -> None:
        self._sfu = sfu
        self._chores = chores
        self._doubt = doubt

    # Transports

    async def create_transport(
        self, me: Participant, direction: Direction, *, enable_sctp: bool = False
    ) -> SfuTransport:
        """Make a transport; after a restart of the SFU this makes its peer there anew first.

        Raises:
            Conflict: `LIMIT_REACHED`.
        """
        async with me.lock:
            require_room_for(len(me.transports), MAX_TRANSPORTS, "transports")
            await self._ensure_peer(me)
            call = self._sfu.create_transport(me.room.id, me.id, direction, enable_sctp=enable_sctp)
            transport = await self.ask(me, call)
            me.transports[transport.id] = direction
            return transport

    async def connect_transport(self, me: Participant, transport_id: str, dtls_parameters: JsonObject) -> None:
        """Give one's transport the client's DTLS parameters. Raises: Conflict `ALREADY_CONNECTED`."""
        async with me.lock:
            me.own_transport(transport_id)
            await self.ask(me, self._sfu.connect_transport(me.room.id, transport_id, dtls_parameters))

    async def restart_ice(self, me: Participant, transport_id: str) -> JsonObject:
        """Have one's transport's ICE credentials made anew and return them; media goes on meanwhile."""
        async with me.lock:
            me.own_transport(transport_id)
            return await self.ask(me, self._sfu.restart_ice(me.room.id, transport_id))

    async def close_transport(self, me: Participant, transport_id: str) -> None:
        """Close one's transport and all it carries."""
        async with me.lock:
            me.own_transport(transport_id)
            with me.closing_own(transport_id):
                await self.ask(me, self._sfu.close_transport(me.room.id, transport_id))
            me.room.end_transport(me, transport_id)

    # Sending

    async def produce(self, me: Participant, wish: ProducerWish) -> MediaProducer:
        """Send something new and announce it to the others.

        Raises:
            NotAllowed: students may not publish in this room.
            InvalidInput: the SFU refuses the parameters.
        """
        async with me.lock:
            require_may_publish(me.user, me.room.record)
            require_room_for(len(me.producers), MAX_PRODUCERS, "producers")
            if me.own_transport(wish.transport_id) is not Direction.SEND:
                raise InvalidInput(
                    "This transport is for receiving.", details={"transportId": ["Not for sending."]}
                )
            producer_id = await self.ask(me, self._sfu.create_producer(me.room.id, me.id, wish))
            producer = MediaProducer(
                id=producer_id,
                owner=me,
                transport_id=wish.transport_id,
                kind=wish.kind,
                app_data=wish.app_data,
                paused=wish.paused,
            )
            me.room.add_producer(producer)
            return producer

    async def switch_producer(self, me: Participant, producer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close one's producer and tell the others.

        Raises:
            NotAllowed: it is to be resumed where students may not publish.
        """
        async with me.lock:
            producer = me.own_producer(producer_id)
            if action is SwitchAction.RESUME:
                require_may_publish(me.user, me.room.record)
            call = self._sfu.switch_producer(me.room.id, producer_id, action)
            if action is SwitchAction.CLOSE:
                with me.closing_own(producer_id):
                    await self.ask(me, call)
                me.room.end_producer(producer)
            else:
                await self.ask(me, call)
                me.room.switch_producer(producer, paused=action is SwitchAction.PAUSE)

    async def mute(self, target: Participant, producer: MediaProducer) -> bool:
        """Pause somebody else's producer and tell the others; False when it is paused or gone already."""
        async with target.lock:
            if producer.paused or target.producers.get(producer.id) is not producer:
                return False
            call = self._sfu.switch_producer(target.room.id, producer.id, SwitchAction.PAUSE)
            await self.ask(target, call)
            target.room.switch_producer(producer, paused=True)
            return True

    # Receiving

    async def consume(self, me: Participant, wish: ConsumerWish) -> tuple[MediaConsumer, JsonObject]:
        """Receive a producer of this room.

        Returns:
            The consumer and the answer for the client: `kind`, `type`, `rtpParameters`, `producerPaused`.
            The SFU may have begun to send it before it answered: then the consumer has `layers` already.

        Raises:
            NotFound: `PRODUCER_NOT_FOUND`, `TRANSPORT_NOT_FOUND`.
            InvalidInput: `CANNOT_CONSUME`, the capabilities do not fit.
        """
        async with me.lock:
            producer = me.room.producer(wish.producer_id)
            transport_id = wish.transport_id or me.receiving_transport()
            if me.own_transport(transport_id) is not Direction.RECV:
                raise InvalidInput(
                    "This transport is for sending.", details={"transportId": ["Not for receiving."]}
                )
            require_room_for(len(me.consumers), MAX_CONSUMERS, "consumers")
            exact = replace(wish, transport_id=transport_id)
            me.early_layers.clear()
            made = await self.ask(me, self._sfu.create_consumer(me.room.id, me.id, exact))
            me.room.producer(wish.producer_id)  # it may have been closed meanwhile, and the consumer with it
            consumer = MediaConsumer(made.id, me, transport_id, producer, wish.paused)
            if (layers := me.early_layers.get(made.id)) is not None:
                consumer.layers = ConsumerLayersChanged(made.id, layers)
            me.room.add_consumer(consumer)
            return consumer, {
                "kind": made.kind,
                "type": made.type,
                "rtpParameters": made.rtp_parameters,
                "producerPaused": producer.paused,
            }

    async def switch_consumer(self, me: Participant, consumer_id: str, action: SwitchAction) -> None:
        """Pause, resume or close one's consumer."""
        async with me.lock:
            consumer = me.own_consumer(consumer_id)
            call = self._sfu.switch_consumer(me.room.id, consumer_id, action)
            if action is SwitchAction.CLOSE:
                with me.closing_own(consumer_id):
                    await self.ask(me, call)
                me.room.end_consumer(consumer, tell_owner=False)
            else:
                await self.ask(me, call)
                consumer.paused = action is SwitchAction.PAUSE

    async def set_preferred_layers(self, me: Participant, consumer_id: str, layers: Layers) -> Layers | None:
        """Receive at most these layers; return what it came to, None when the consumer has no layers."""
        async with me.lock:
            me.own_consumer(consumer_id)
            return await self.ask(me, self._sfu.set_preferred_layers(me.room.id, consumer_id, layers))

    async def set_consumer_priority(self, me: Participant, consumer_id: str, priority: int) -> None:
        """Let one's consumer come before or after one's others when bandwidth is short."""
        async with me.lock:
            me.own_consumer(consumer_id)
            await self.ask(me, self._sfu.set_priority(me.room.id, consumer_id, priority))

    async def request_key_frame(self, me: Participant, consumer_id: str) -> None:
        """Ask for a key frame for one's consumer."""
        async with me.lock:
            me.own_consumer(consumer_id)
            await self.ask(me, self._sfu.request_key_frame(me.room.id, consumer_id))

    # Looking

    async def stats(self, me: Participant, kind: MediaObject, object_id: str) -> Sequence[JsonObject]:
        """Return the statistics of something of one's own, in mediasoup's field names."""
        async with me.lock:
            owned: dict[MediaObject, Callable[[str], object]] = {
                MediaObject.TRANSPORT: me.own_transport,
                MediaObject.PRODUCER: me.own_producer,
                MediaObject.CONSUMER: me.own_consumer,
                MediaObject.DATA_PRODUCER: me.own_data_producer,
                MediaObject.DATA_CONSUMER: me.own_data_consumer,
            }
            owned[kind](object_id)
            return await self.ask(me, self._sfu.stats(me.room.id, kind, object_id))

    async def room_info(self, me: Participant) -> JsonObject:
        """Return the SFU's own view of the room; an empty one while the SFU has not made it anew.

        Email addresses are only for who runs the room.
        """
        info = await self.ask(me, self._sfu.room_info(me.room.id))
        if info is None:
            return {"roomId": me.room.id, "name": me.room.record.name, "peerCount": 0, "peers": []}
        if may_manage(me.user, me.room.record):
            return info
        peers = [
            {name: value for name, value in peer.items() if name != "email"} for peer in info.get("peers", [])
        ]
        return {**info, "peers": peers}

    # The SFU

    async def _ensure_peer(self, me: Participant) -> None:
        me.require_known_media()
        if me.has_peer:
            return
        if me.gone:
            raise not_joined()  # the room may be closed, and a join would open it at the SFU
        room = me.room
        capabilities = await self.ask(me, self._rejoin(me))
        me.has_peer = True
        room.router_rtp_capabilities = capabilities or room.router_rtp_capabilities

    async def _rejoin(self, me: Participant) -> JsonObject:
        room = me.room
        try:
            capabilities = await self._sfu.join_peer(room.id, room.record.name, me.as_peer())
        except Conflict:
            return {}  # an earlier try did it after all
        if me.gone:
            self._chores.spawn(self._chores.do(partial(self._sfu.leave_peer, room.id, me.id)))
        return capabilities

    async def ask(self, me: Participant, call: Awaitable[T]) -> T:
        """Await the SFU's answer; refuse it when meanwhile the seat was freed or all its media ended."""
        generation = me.media_generation
        try:
            answer = await call
        except SfuUnavailable as error:
            if error.maybe_done:
                self._doubt(me.room)
            raise
        except NotFound as error:
            self._doubt(me.room)
            if error.code in {ROOM_NOT_FOUND, PEER_NOT_FOUND}:
                raise SfuUnavailable from error  # the notice that follows tells the client to start over
            raise
        if me.gone:
            raise not_joined()
        if me.media_generation != generation:
            raise SfuUnavailable
        return answer
