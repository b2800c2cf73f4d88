"""The signalling methods: one handler each, in one dict, with the schema of its data.

Called by `backend.signalling.dispatch`. A handler takes the client and the loaded data and returns the answer's
data; it calls the domain and decides nothing itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from backend.domain.sfu_port import SwitchAction
from backend.signalling import schemas
from backend.signalling.client import Client
from backend.signalling.methods import (
    chat,
    consumers,
    data_channels,
    moderation,
    producers,
    relay,
    room,
    transports,
)
from backend.signalling.protoo import JsonObject

Handler = Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Method:
    """A handler and its schema. `needs_seat`: it can be called only after `join-room`."""

    handler: Handler
    schema: schemas.MessageSchema
    needs_seat: bool = True


METHODS: dict[str, Method] = {
    "join-room": Method(room.join_room, schemas.JoinRoomSchema(), needs_seat=False),
    "leave-room": Method(room.leave_room, schemas.EmptySchema()),
    "get-participants": Method(room.get_participants, schemas.EmptySchema()),
    "get-room-info": Method(room.get_room_info, schemas.EmptySchema()),
    "chat-message": Method(chat.say, schemas.ChatMessageSchema()),
    "raise-hand": Method(room.raise_hand, schemas.RaiseHandSchema()),
    "create-transport": Method(transports.create_transport, schemas.CreateTransportSchema()),
    "connect-transport": Method(transports.connect_transport, schemas.ConnectTransportSchema()),
    "restart-ice": Method(transports.restart_ice, schemas.TransportSchema()),
    "close-transport": Method(transports.close_transport, schemas.TransportSchema()),
    "get-stats": Method(transports.get_stats, schemas.StatsSchema()),
    "produce": Method(producers.produce, schemas.ProduceSchema()),
    "pause-producer": Method(producers.switch_producer(SwitchAction.PAUSE), schemas.ProducerSchema()),
    "resume-producer": Method(producers.switch_producer(SwitchAction.RESUME), schemas.ProducerSchema()),
    "close-producer": Method(producers.switch_producer(SwitchAction.CLOSE), schemas.ProducerSchema()),
    "consume": Method(consumers.consume, schemas.ConsumeSchema()),
    "pause-consumer": Method(consumers.switch_consumer(SwitchAction.PAUSE), schemas.ConsumerSchema()),
    "resume-consumer": Method(consumers.switch_consumer(SwitchAction.RESUME), schemas.ConsumerSchema()),
    "close-consumer": Method(consumers.switch_consumer(SwitchAction.CLOSE), schemas.ConsumerSchema()),
    "set-preferred-layers": Method(consumers.set_preferred_layers, schemas.PreferredLayersSchema()),
    "set-consumer-priority": Method(consumers.set_priority, schemas.PrioritySchema()),
    "request-key-frame": Method(consumers.request_key_frame, schemas.ConsumerSchema()),
    "produce-data": Method(data_channels.produce_data, schemas.ProduceDataSchema()),
    "consume-data": Method(data_channels.consume_data, schemas.ConsumeDataSchema()),
    "close-data-producer": Method(data_channels.close_data_producer, schemas.DataProducerSchema()),
    "close-data-consumer": Method(data_channels.close_data_consumer, schemas.DataConsumerSchema()),
    "webrtc-offer": Method(relay.relay("webrtc-offer", "sdp"), schemas.SdpSchema()),
    "webrtc-answer": Method(relay.relay("webrtc-answer", "sdp"), schemas.SdpSchema()),
    "ice-candidate": Method(relay.relay("ice-candidate", "candidate"), schemas.CandidateSchema()),
    "mute-participant": Method(moderation.mute_participant, schemas.MuteSchema()),
    "kick-participant": Method(moderation.kick_participant, schemas.ParticipantSchema()),
    "lower-hand": Method(moderation.lower_hand, schemas.LowerHandSchema()),
    "lock-room": Method(moderation.lock_room, schemas.LockRoomSchema()),
    "close-room": Method(moderation.close_room, schemas.EmptySchema()),
}
