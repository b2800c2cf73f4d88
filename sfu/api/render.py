"""How rooms and what is in them look on the wire."""

from typing import Any, Final

from sfu.api.responses import to_json
from sfu.control.consumer import Consumer
from sfu.control.data_consumer import DataConsumer
from sfu.control.data_producer import DataProducer
from sfu.control.negotiation import ROUTER_RTP_CAPABILITIES_WIRE
from sfu.control.peer import Peer
from sfu.control.producer import Producer
from sfu.control.room import Room
from sfu.control.transport import Transport

Json = dict[str, Any]

_RTP_CAPABILITIES: Final = to_json(ROUTER_RTP_CAPABILITIES_WIRE)


def room_summary(room: Room) -> Json:
    """A room in the list of rooms."""
    return {
        "roomId": room.id,
        "name": room.name,
        "peerCount": len(room.peers),
        "createdAt": room.created_at_ms,
    }


def room_info(room: Room, *, detail: bool) -> Json:
    """A room with its peers; with `detail` also all that they hold, and what the router can take."""
    peers = [peer_detail(peer) if detail else peer_info(peer) for peer in room.peers.values()]
    capabilities = {"rtpCapabilities": ROUTER_RTP_CAPABILITIES_WIRE} if detail else {}
    workers = [worker.index for worker in room.workers]
    return {**room_summary(room), **capabilities, "peers": peers, "workers": workers}


def peer_info(peer: Peer) -> Json:
    """A peer as others see it."""
    return {
        "peerId": peer.id,
        "userId": peer.info.user_id,
        "email": peer.info.email,
        "fullName": peer.info.full_name,
        "role": peer.info.role,
        "isProducer": peer.info.is_producer,
        "joinedAt": peer.joined_at_ms,
        "producerCount": len(peer.producers),
        "consumerCount": len(peer.consumers),
    }


def joined(room: Room, joined: Peer) -> str:
    """The answer to who joined, as JSON: written from parts that do not change from one answer to the next."""
    others = ",".join(peer.rendered or _render(peer) for peer in room.peers.values() if peer is not joined)
    ids = f'"roomId":{to_json(room.id)},"peerId":{to_json(joined.id)}'
    return f'{{{ids},"rtpCapabilities":{_RTP_CAPABILITIES},"peers":[{others}]}}'


def _render(peer: Peer) -> str:
    peer.rendered = to_json(peer_info(peer))
    return peer.rendered


def peer_detail(peer: Peer) -> Json:
    """A peer with its transports, producers and consumers: enough to rebuild a client's state from."""
    transports = [transport for transport in peer.transports.values() if transport.is_made]
    producers = [(transport, item) for transport in transports for item in transport.producers.values()]
    consumers = [(transport, item) for transport in transports for item in transport.consumers.values()]
    data_producers = [(transport, item) for transport in transports for item in transport.data.producers.values()]
    data_consumers = [(transport, item) for transport in transports for item in transport.data.consumers.values()]
    return {
        **peer_info(peer),
        "transports": [transport_detail(transport) for transport in transports],
        "producers": [producer_detail(transport, item) for transport, item in producers if item.is_made],
        "consumers": [consumer_detail(transport, item) for transport, item in consumers if item.is_made],
        "dataProducers": [
            {**data_producer(item), "transportId": transport.id}
            for transport, item in data_producers
            if item.is_made
        ],
        "dataConsumers": [
            {**data_consumer(item), "transportId": transport.id}
            for transport, item in data_consumers
            if item.is_made
        ],
    }


def new_transport(transport: Transport) -> Json:
    """The answer to who made the transport; the only one with its ICE password."""
    return {"transportId": transport.id, **transport.parameters}


def transport_detail(transport: Transport) -> Json:
    """A transport in a peer's details."""
    return {
        "transportId": transport.id,
        "direction": transport.direction,
        "iceState": transport.ice_state,
        "dtlsState": transport.dtls_state,
        **({"sctpState": transport.sctp_state} if transport.sctp_state is not None else {}),
    }


def new_producer(producer: Producer) -> Json:
    """The answer to who made the producer."""
    return {
        "id": producer.id,
        "producerId": producer.id,
        "kind": producer.kind,
        "type": producer.type,
        "paused": producer.paused,
        "rtpParameters": producer.rtp_parameters,
    }


def producer_detail(transport: Transport, producer: Producer) -> Json:
    """A producer in a peer's details."""
    return {
        **new_producer(producer),
        "transportId": transport.id,
        "appData": producer.app_data,
        "score": producer.score,
        "wantedLayers": producer.wanted_layers,
    }


def new_consumer(consumer: Consumer) -> Json:
    """The answer to who made the consumer."""
    return {
        "id": consumer.id,
        "consumerId": consumer.id,
        "producerId": consumer.producer.id,
        "kind": consumer.kind,
        "type": consumer.type,
        "paused": consumer.paused,
        "producerPaused": consumer.producer.paused,
        "rtpParameters": consumer.rtp_parameters,
    }


def consumer_detail(transport: Transport, consumer: Consumer) -> Json:
    """A consumer in a peer's details."""
    return {
        **new_consumer(consumer),
        "transportId": transport.id,
        "priority": consumer.priority,
        "preferredLayers": consumer.preferred_layers,
        "currentLayers": consumer.current_layers,
        "score": consumer.score,
    }


def data_producer(producer: DataProducer) -> Json:
    """A data producer, for who made it and in a peer's details."""
    return {
        "id": producer.id,
        "dataProducerId": producer.id,
        "sctpStreamParameters": producer.sctp_stream_parameters,
        "label": producer.label,
        "protocol": producer.protocol,
        "paused": producer.paused,
        "appData": producer.app_data,
    }


def data_consumer(consumer: DataConsumer) -> Json:
    """A data consumer, for who made it and in a peer's details."""
    return {
        "id": consumer.id,
        "dataConsumerId": consumer.id,
        "dataProducerId": consumer.producer.id,
        "sctpStreamParameters": consumer.sctp_stream_parameters,
        "label": consumer.producer.label,
        "protocol": consumer.producer.protocol,
        "paused": consumer.paused,
        "dataProducerPaused": consumer.producer.paused,
        "appData": consumer.producer.app_data,
    }
