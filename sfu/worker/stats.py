"""Statistics under mediasoup's field names, which are those of W3C webrtc-stats where that has them.

Bitrates are in bits a second, times in milliseconds, jitter in units of the stream's RTP clock.
"""

import time
from typing import Any

from sfu.worker.consumer import Consumer
from sfu.worker.data_consumer import DataConsumer
from sfu.worker.data_producer import DataProducer
from sfu.worker.producer import Producer
from sfu.worker.producer_stream import ProducerStream
from sfu.worker.webrtc_transport import WebRtcTransport

Stats = dict[str, Any]


def transport_stats(transport: WebRtcTransport) -> Stats:
    """Sum up one transport. Totals and bitrates of RTP and RTX are as of the last second."""
    link = transport.link
    way = link.selected_tuple
    totals, bitrates = transport.traffic.bytes, transport.traffic.bitrates
    tuple_stats = way and {
        "localIp": way.local_address,
        "localAddress": way.local_address,
        "localPort": way.local_port,
        "remoteIp": way.remote_ip,
        "remotePort": way.remote_port,
        "protocol": way.protocol,
    }
    return {
        "type": "webrtc-transport",
        "transportId": transport.id,
        "timestamp": _timestamp_ms(),
        "iceRole": "controlled",
        "iceState": transport.ice_state,
        **({"iceSelectedTuple": tuple_stats} if tuple_stats else {}),
        "dtlsState": transport.dtls_state,
        **({"sctpState": transport.data.state} if transport.data is not None else {}),
        **({"srtpProfile": link.srtp_profile} if link.srtp_profile else {}),
        "bytesReceived": link.bytes_received,
        "recvBitrate": bitrates.received,
        "bytesSent": link.bytes_sent,
        "sendBitrate": bitrates.sent,
        "rtpBytesReceived": totals.rtp_received,
        "rtpRecvBitrate": bitrates.rtp_received,
        "rtpBytesSent": totals.rtp_sent,
        "rtpSendBitrate": bitrates.rtp_sent,
        "rtxBytesReceived": totals.rtx_received,
        "rtxRecvBitrate": bitrates.rtx_received,
        "rtxBytesSent": totals.rtx_sent,
        "rtxSendBitrate": bitrates.rtx_sent,
        "probationBytesSent": totals.probation_sent,
        "probationSendBitrate": bitrates.probation_sent,
        **_limits(transport),
    }


def producer_stats(producer: Producer, now: float) -> list[Stats]:
    """Sum up each stream of a producer."""
    return [_inbound(producer, stream, now) for stream in producer.streams]


def consumer_stats(consumer: Consumer, now: float) -> list[Stats]:
    """Sum up what goes out to the consumer, then the stream that it is made from."""
    sent = consumer.sent
    outbound = {
        "type": "outbound-rtp",
        "timestamp": _timestamp_ms(),
        "ssrc": sent.ssrc,
        **({"rtxSsrc": sent.rtx_ssrc} if sent.rtx_ssrc is not None else {}),
        "kind": consumer.kind,
        "mimeType": consumer.mime_type,
        "packetCount": sent.packets_sent,
        "byteCount": sent.bytes_sent,
        "bitrate": consumer.bitrate_bps,
        "jitter": sent.jitter,
        "packetsLost": sent.packets_lost,
        "fractionLost": sent.fraction_lost,
        "packetsDiscarded": 0,
        "packetsRepaired": sent.packets_repaired,
        "packetsRetransmitted": sent.packets_retransmitted,
        "rtxPacketsDiscarded": 0,
        "nackCount": sent.nack_count,
        "nackPacketCount": sent.nack_packet_count,
        "pliCount": sent.pli_count,
        "firCount": sent.fir_count,
        "roundTripTime": _ms(sent.rtt_s or 0),
        "score": sent.score,
    }
    if consumer.stream is None:
        return [outbound]
    return [outbound, _inbound(consumer.producer, consumer.stream, now)]


def data_producer_stats(producer: DataProducer) -> Stats:
    """Sum up a data producer."""
    return {
        "type": "data-producer",
        "timestamp": _timestamp_ms(),
        "label": producer.label,
        "protocol": producer.protocol,
        "messagesReceived": producer.messages_received,
        "bytesReceived": producer.bytes_received,
    }


def data_consumer_stats(consumer: DataConsumer) -> Stats:
    """Sum up a data consumer; `messagesDropped` is ours: what an unreliable channel had no room for."""
    return {
        "type": "data-consumer",
        "timestamp": _timestamp_ms(),
        "label": consumer.producer.label,
        "protocol": consumer.producer.protocol,
        "messagesSent": consumer.messages_sent,
        "bytesSent": consumer.bytes_sent,
        "messagesDropped": consumer.messages_dropped,
        "bufferedAmount": consumer.buffered_amount,
    }


def _inbound(producer: Producer, stream: ProducerStream, now: float) -> Stats:
    received, retransmissions = stream.received, stream.retransmissions
    return {
        "type": "inbound-rtp",
        "timestamp": _timestamp_ms(),
        "ssrc": stream.ssrc,
        **({"rtxSsrc": stream.rtx_ssrc} if stream.rtx_ssrc is not None else {}),
        **({"rid": stream.rid} if stream.rid else {}),
        "kind": producer.kind,
        "mimeType": stream.codec.mime_type,
        "packetCount": received.packets_received,
        "byteCount": received.bytes_received,
        "bitrate": received.bitrate_bps(now),
        "bitrateByLayer": {
            f"{layers.spatial}.{layers.temporal}": bitrate_bps
            for layers, bitrate_bps in stream.views.rates.by_layer(now).items()
        },
        "jitter": round(received.jitter),
        "packetsLost": received.packets_lost,
        "fractionLost": received.fraction_lost,
        "packetsDiscarded": received.packets_discarded,
        "packetsRepaired": received.packets_repaired,
        "packetsRetransmitted": received.packets_retransmitted,
        "rtxPacketsDiscarded": retransmissions.packets_discarded if retransmissions is not None else 0,
        "nackCount": received.nack_count,
        "nackPacketCount": received.nack_packet_count,
        "pliCount": received.pli_count,
        "firCount": received.fir_count,
        **({} if received.round_trip.rtt_s is None else {"roundTripTime": _ms(received.round_trip.rtt_s)}),
        "score": received.score,
    }


def _limits(transport: WebRtcTransport) -> Stats:
    """Return what the transport may and can carry, as far as it is limited or known."""
    known = {
        "availableOutgoingBitrate": transport.bandwidth.available_bps,
        "availableIncomingBitrate": transport.available_incoming_bitrate_bps,
        "maxIncomingBitrate": transport.max_incoming_bitrate_bps or None,
        "rtpPacketLossReceived": transport.packet_loss_received,
        "rtpPacketLossSent": transport.bandwidth.packet_loss,
    }
    return {name: value for name, value in known.items() if value is not None}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _timestamp_ms() -> int:
    return time.time_ns() // 1_000_000
