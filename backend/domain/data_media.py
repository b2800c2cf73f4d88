"""What a participant does with data channels: what it sends, what it receives. All of it one's own only."""

from backend.domain.media import MediaControl
from backend.domain.participants import (
    MAX_DATA_CONSUMERS,
    MAX_DATA_PRODUCERS,
    DataConsumer,
    DataProducer,
    Participant,
    require_room_for,
)
from backend.domain.rooms import require_may_publish
from backend.domain.sfu_port import DataConsumerWish, DataProducerWish, Direction, JsonObject, SfuPort
from backend.errors import InvalidInput


class DataControl:
    """The data channels of a seat; `media` asks the SFU and refuses answers that came too late."""

    def __init__(self, sfu: SfuPort, media: MediaControl) -> None:
        self._sfu = sfu
        self._media = media

    async def produce(self, me: Participant, wish: DataProducerWish) -> DataProducer:
        """Send on a new channel and announce it to the others.

        Raises:
            NotAllowed: students may not publish in this room.
            InvalidInput: the SFU refuses the parameters.
        """
        async with me.lock:
            require_may_publish(me.user, me.room.record)
            require_room_for(len(me.data_producers), MAX_DATA_PRODUCERS, "data producers")
            _require_direction(me, wish.transport_id, Direction.SEND)
            producer_id = await self._media.ask(me, self._sfu.create_data_producer(me.room.id, me.id, wish))
            producer = DataProducer(producer_id, me, wish.transport_id, wish.label, wish.protocol, wish.app_data)
            me.room.data.add_producer(producer)
            return producer

    async def close_producer(self, me: Participant, producer_id: str) -> None:
        """Close one's data producer and tell the others."""
        async with me.lock:
            producer = me.own_data_producer(producer_id)
            with me.closing_own(producer_id):
                await self._media.ask(me, self._sfu.close_data_producer(me.room.id, producer_id))
            me.room.data.end_producer(producer)

    async def end_producer(self, target: Participant, producer: DataProducer) -> None:
        """Close somebody else's data producer and tell everybody, its owner too."""
        async with target.lock:
            if target.data_producers.get(producer.id) is producer:
                await self._media.ask(target, self._sfu.close_data_producer(target.room.id, producer.id))
                target.room.data.end_producer(producer, tell_owner=True)

    async def consume(self, me: Participant, wish: DataConsumerWish) -> tuple[DataConsumer, JsonObject]:
        """Receive a data producer of this room.

        Returns:
            The data consumer and its SCTP stream parameters, for the client.

        Raises:
            NotFound: `DATA_PRODUCER_NOT_FOUND`, `TRANSPORT_NOT_FOUND`.
        """
        async with me.lock:
            me.room.data.producer(wish.data_producer_id)
            transport_id = wish.transport_id or me.receiving_transport()
            _require_direction(me, transport_id, Direction.RECV)
            require_room_for(len(me.data_consumers), MAX_DATA_CONSUMERS, "data consumers")
            call = self._sfu.create_data_consumer(me.room.id, me.id, transport_id, wish)
            consumer_id, parameters = await self._media.ask(me, call)
            producer = me.room.data.producer(wish.data_producer_id)  # it may have been closed meanwhile
            consumer = DataConsumer(consumer_id, me, transport_id, producer)
            me.room.data.add_consumer(consumer)
            return consumer, parameters

    async def close_consumer(self, me: Participant, consumer_id: str) -> None:
        """Close one's data consumer."""
        async with me.lock:
            consumer = me.own_data_consumer(consumer_id)
            with me.closing_own(consumer_id):
                await self._media.ask(me, self._sfu.close_data_consumer(me.room.id, consumer_id))
            me.room.data.end_consumer(consumer, tell_owner=False)


def _require_direction(me: Participant, transport_id: str, direction: Direction) -> None:
    if me.own_transport(transport_id) is not direction:
        purpose = "sending" if direction is Direction.SEND else "receiving"
        raise InvalidInput(
            f"This transport is not for {purpose}.", details={"transportId": [f"Not for {purpose}."]}
        )
