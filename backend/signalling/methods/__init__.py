"""The signalling methods: one handler each, in one dict, with the schema of its data.

Called by `backend.signalling.dispatch`. A handler takes the client and the loaded data and returns the answer's
data; it calls the domain and decides nothing itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from backend.domain.permissions import Action
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
    waiting,
)
from backend.signalling.protoo import JsonObject

JOIN_ROOM, TAKE_PART, MANAGE_ROOM = Action.JOIN_ROOM, Action.TAKE_PART, Action.MANAGE_ROOM

Handler = Callable[[Client, dict[str, Any]], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Method:
    """What a method does, by the permission table, its handler and its schema."""

    action: Action
    handler: Handler
    schema: schemas.MessageSchema


METHODS: dict[str, Method] = {
    "join-room": Method(JOIN_ROOM, room.join_room, schemas.JoinRoomSchema()),
    "leave-room": Method(TAKE_PART, room.leave_room, schemas.EmptySchema()),
    "get-participants": Method(TAKE_PART, room.get_participants, schemas.EmptySchema()),
    "get-room-info": Method(TAKE_PART, room.get_room_info, schemas.EmptySchema()),
    "chat-message": Method(TAKE_PART, chat.say, schemas.ChatMessageSchema()),
    "raise-hand": Method(TAKE_PART, room.raise_hand, schemas.RaiseHandSchema()),
    "create-transport": Method(TAKE_PART, transports.create_transport, schemas.CreateTransportSchema()),
    "connect-transport": Method(TAKE_PART, transports.connect_transport, schemas.ConnectTransportSchema()),
    "restart-ice": Method(TAKE_PART, transports.restart_ice, schemas.TransportSchema()),
    "close-transport": Method(TAKE_PART, transports.close_transport, schemas.TransportSchema()),
    "get-stats": Method(TAKE_PART, transports.get_stats, schemas.StatsSchema()),
    "produce": Method(TAKE_PART, producers.produce, schemas.ProduceSchema()),
    "pause-producer": Method(TAKE_PART, producers.switch_producer(SwitchAction.PAUSE), schemas.ProducerSchema()),
    "resume-producer": Method(TAKE_PART, producers.switch_producer(SwitchAction.RESUME), schemas.ProducerSchema()),
    "close-producer": Method(TAKE_PART, producers.switch_producer(SwitchAction.CLOSE), schemas.ProducerSchema()),
    "consume": Method(TAKE_PART, consumers.consume, schemas.ConsumeSchema()),
    "pause-consumer": Method(TAKE_PART, consumers.switch_consumer(SwitchAction.PAUSE), schemas.ConsumerSchema()),
    "resume-consumer": Method(TAKE_PART, consumers.switch_consumer(SwitchAction.RESUME), schemas.ConsumerSchema()),
    "close-consumer": Method(TAKE_PART, consumers.switch_consumer(SwitchAction.CLOSE), schemas.ConsumerSchema()),
    "set-preferred-layers": Method(TAKE_PART, consumers.set_preferred_layers, schemas.PreferredLayersSchema()),
    "set-consumer-priority": Method(TAKE_PART, consumers.set_priority, schemas.PrioritySchema()),
    "request-key-frame": Method(TAKE_PART, consumers.request_key_frame, schemas.ConsumerSchema()),
    "produce-data": Method(TAKE_PART, data_channels.produce_data, schemas.ProduceDataSchema()),
    "consume-data": Method(TAKE_PART, data_channels.consume_data, schemas.ConsumeDataSchema()),
    "close-data-producer": Method(TAKE_PART, data_channels.close_data_producer, schemas.DataProducerSchema()),
    "close-data-consumer": Method(TAKE_PART, data_channels.close_data_consumer, schemas.DataConsumerSchema()),
    "webrtc-offer": Method(TAKE_PART, relay.relay("webrtc-offer", "sdp"), schemas.SdpSchema()),
    "webrtc-answer": Method(TAKE_PART, relay.relay("webrtc-answer", "sdp"), schemas.SdpSchema()),
    "ice-candidate": Method(TAKE_PART, relay.relay("ice-candidate", "candidate"), schemas.CandidateSchema()),
    "mute-participant": Method(MANAGE_ROOM, moderation.mute_participant, schemas.MuteSchema()),
    "kick-participant": Method(MANAGE_ROOM, moderation.kick_participant, schemas.ParticipantSchema()),
    "lower-hand": Method(MANAGE_ROOM, moderation.lower_hand, schemas.LowerHandSchema()),
    "get-waiting": Method(MANAGE_ROOM, waiting.get_waiting, schemas.EmptySchema()),
    "admit-participant": Method(MANAGE_ROOM, waiting.admit_participant, schemas.AdmitSchema()),
    "deny-participant": Method(MANAGE_ROOM, waiting.deny_participant, schemas.WaitingSchema()),
    "lock-room": Method(MANAGE_ROOM, moderation.lock_room, schemas.LockRoomSchema()),
    "close-room": Method(MANAGE_ROOM, moderation.close_room, schemas.EmptySchema()),
}
