"""Statistics: mediasoup's names, true figures, totals that outlive what they are of."""

from typing import Any

import pytest

from sfu.rtp.rtcp import Nack, PictureLossIndication, ReceiverReport, Remb, ReportBlock, TransportFeedback
from sfu.worker import stats
from sfu.worker.quality_stats import QualityStats, _spread
from sfu.worker.tally import COUNTERS, Tally
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, retransmitted, video

TRANSPORT = {
    "type",
    "transportId",
    "timestamp",
    "sctpState",
    "bytesReceived",
    "recvBitrate",
    "bytesSent",
    "sendBitrate",
    "rtpBytesReceived",
    "rtpRecvBitrate",
    "rtpBytesSent",
    "rtpSendBitrate",
    "rtxBytesReceived",
    "rtxRecvBitrate",
    "rtxBytesSent",
    "rtxSendBitrate",
    "probationBytesSent",
    "probationSendBitrate",
    "availableOutgoingBitrate",
    "availableIncomingBitrate",
    "maxIncomingBitrate",
    "maxOutgoingBitrate",
    "minOutgoingBitrate",
    "rtpPacketLossReceived",
    "rtpPacketLossSent",
    "iceRole",
    "iceState",
    "iceSelectedTuple",
    "dtlsState",
    "dtlsRemoteCert",
}
"""`BaseTransportStats` and `WebRtcTransportStats` of mediasoup 3.27's TypeScript."""

TUPLE = {"localIp", "localAddress", "localPort", "remoteIp", "remotePort", "protocol"}

STREAM = {
    "type",
    "timestamp",
    "ssrc",
    "rtxSsrc",
    "rid",
    "kind",
    "mimeType",
    "packetsLost",
    "fractionLost",
    "jitter",
    "packetsDiscarded",
    "packetsRetransmitted",
    "packetsRepaired",
    "nackCount",
    "nackPacketCount",
    "pliCount",
    "firCount",
    "roundTripTime",
    "rtxPacketsDiscarded",
    "score",
    "packetCount",
    "byteCount",
    "bitrate",
}
"""`BaseRtpStreamStats` and `RtpStreamSendStats`; `RtpStreamRecvStats` has `bitrateByLayer` on top."""

OPTIONAL_OF_STREAM = {"rtxSsrc", "rid", "roundTripTime"}
OURS_OF_TRANSPORT = {"srtpProfile"}


@pytest.fixture
def call(rig: MediaRig) -> Any:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    return here, there, consumer.producer, consumer


def test_names_are_mediasoups(rig: MediaRig, call: Any) -> None:
    here, _, producer, consumer = call
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(1)
    here.set_max_incoming_bitrate(1_000_000)
    (inbound,) = stats.producer_stats(producer, rig.now)
    all_of_inbound = STREAM | {"bitrateByLayer"}
    assert all_of_inbound - OPTIONAL_OF_STREAM <= set(inbound) <= all_of_inbound
    outbound, source = stats.consumer_stats(consumer, rig.now)
    assert STREAM - OPTIONAL_OF_STREAM <= set(outbound) <= STREAM
    assert (outbound["type"], source["type"]) == ("outbound-rtp", "inbound-rtp")
    transport = stats.transport_stats(here)
    assert set(transport) <= TRANSPORT | OURS_OF_TRANSPORT
    assert set(transport["iceSelectedTuple"]) <= TUPLE
    assert transport["maxIncomingBitrate"] == 1_000_000
    assert "availableIncomingBitrate" not in transport, "the publisher estimates by transport-wide feedback"


def test_figures_of_a_call_with_losses(rig: MediaRig, call: Any) -> None:
    here, there, producer, consumer = call
    rig.receive(here, video(1, VP8_KEY_FRAME), video(3))
    rig.receive(here, retransmitted(1, 2), retransmitted(1, 2), retransmitted(2, 3))
    number = there.link.sent[0].sequence_number
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (number, number + 1)))
    rig.receive_rtcp(there, PictureLossIndication(1, consumer.sent.ssrc))
    block = ReportBlock(consumer.sent.ssrc, 64, 2, number + 2, 123, 0, 0)
    rig.receive_rtcp(there, ReceiverReport(1, (block,)))
    (inbound,) = stats.producer_stats(producer, rig.now)
    assert {name: inbound[name] for name in ("packetCount", "packetsLost", "packetsRepaired")} == {
        "packetCount": 2,
        "packetsLost": 1,
        "packetsRepaired": 1,
    }
    assert (inbound["packetsRetransmitted"], inbound["rtxPacketsDiscarded"]) == (2, 1)
    outbound = stats.consumer_stats(consumer, rig.now)[0]
    assert (outbound["packetsLost"], outbound["fractionLost"], outbound["jitter"]) == (2, 64, 123)
    assert (outbound["nackCount"], outbound["nackPacketCount"], outbound["pliCount"]) == (1, 2, 1)
    assert outbound["packetsRepaired"] == outbound["packetsRetransmitted"] == 2


def test_totals_of_a_transport_outlive_its_streams(rig: MediaRig, call: Any) -> None:
    here, there, producer, consumer = call
    rig.advance(0.3)
    rig.receive(here, video(1, VP8_KEY_FRAME), video(3))
    rig.receive(here, retransmitted(1, 2))
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (there.link.sent[0].sequence_number,)))
    rig.advance(1)
    received, sent = stats.transport_stats(here), stats.transport_stats(there)
    assert received["rtpBytesReceived"] == producer.streams[0].received.bytes_received > 0
    assert received["rtxBytesReceived"] == producer.streams[0].retransmissions.bytes_received > 0
    assert sent["rtpBytesSent"] == consumer.sent.bytes_sent
    assert sent["rtxBytesSent"] == consumer.sent.bytes_retransmitted > 0
    assert received["rtpRecvBitrate"] == 8 * received["rtpBytesReceived"]
    assert sent["rtpSendBitrate"] == 8 * sent["rtpBytesSent"]
    there.remove_consumer(consumer)
    rig.consume(there, producer)
    rig.advance(2)
    again = stats.transport_stats(there)
    assert again["rtpBytesSent"] == sent["rtpBytesSent"]
    assert again["rtpSendBitrate"] == 0


def test_loss_of_a_transports_numbers_is_told(rig: MediaRig, call: Any) -> None:
    here, *_ = call
    for number in range(100):
        if number % 4:
            element = bytes([0x31]) + number.to_bytes(2, "big")
            rig.receive(here, video(number, VP8_KEY_FRAME, extension=(0xBEDE, element)))
        rig.advance(0.01)
    rig.advance(0.5)
    assert stats.transport_stats(here)["rtpPacketLossReceived"] == pytest.approx(0.25, abs=0.03)


def test_what_may_be_sent_and_what_probes_is_told(rig: MediaRig, call: Any) -> None:
    here, there, _, consumer = call
    rig.receive(here, video(1, VP8_KEY_FRAME))
    assert "availableOutgoingBitrate" not in stats.transport_stats(there)
    rig.receive_rtcp(there, Remb(1, 700_000, (consumer.sent.ssrc,)))
    consumer.send_padding(1000)
    rig.advance(1.2)
    outgoing = stats.transport_stats(there)
    assert outgoing["availableOutgoingBitrate"] == pytest.approx(700_000, rel=0.01)
    assert outgoing["probationBytesSent"] >= 1000
    assert "rtpPacketLossSent" not in outgoing


def test_loss_on_the_way_to_a_peer_is_told_by_its_feedback(rig: MediaRig, call: Any) -> None:
    here, there, _, consumer = call
    for number in range(400):
        rig.receive(here, video(number, VP8_KEY_FRAME))
        rig.advance(0.01)
        if number % 20 == 19:
            base = there.link.sent[-20].transport_sequence
            packets = tuple(None if n % 5 == 2 else 40 for n in range(20))
            feedback = TransportFeedback(1, consumer.sent.ssrc, base, number, number // 20, packets)
            rig.receive_rtcp(there, feedback)
    assert stats.transport_stats(there)["rtpPacketLossSent"] == pytest.approx(0.2, abs=0.05)


def counters(**known: int) -> tuple[int, ...]:
    return tuple(known.get(name, 0) for name in COUNTERS)


def test_a_tally_never_falls_and_forgets_who_is_gone() -> None:
    tally = Tally()
    tally.count([("a", counters(packetsLost=5)), ("b", counters(rtpPackets=7))])
    tally.count([("a", counters(packetsLost=3)), ("b", counters(rtpPackets=7))])
    tally.count([("a", counters(packetsLost=6, rtpPackets=1))])
    assert tally.render() == {**dict.fromkeys(COUNTERS, 0), "packetsLost": 6, "rtpPackets": 8}
    tally.count([])
    tally.count([("a", counters(packetsLost=2))])
    assert tally.render()["packetsLost"] == 8
    assert len(tally._seen) == 1


def test_the_quality_of_a_worker_keeps_what_closed_transports_have_counted(rig: MediaRig, call: Any) -> None:
    here, there, _, _ = call
    quality = QualityStats()
    for number in range(1, 101):
        rig.receive(here, video(number, VP8_KEY_FRAME))
        rig.advance(0.02)
    rig.receive(here, video(50))
    rig.advance(1)
    summed = quality.render([here, there])
    assert summed["received"]["rtpPackets"] == summed["sent"]["rtpPackets"] == 100
    assert summed["received"]["packetsDiscarded"] == 1
    assert summed["received"]["streamsByScore"] == {"0": 0, "1-3": 0, "4-6": 0, "7-8": 0, "9-10": 1}
    assert set(summed["received"]["jitterS"]) == {"0.5", "0.95"}
    assert summed["sent"]["roundTripS"] == {}  # nobody has reported
    quality.closed(here)
    quality.closed(there)
    rest = quality.render([])
    assert rest["received"]["rtpPackets"] == rest["sent"]["rtpPackets"] == 100
    assert set(rest["sent"]["streamsByScore"].values()) == {0}
    assert rest["sent"]["bitrate"] == 0


def test_what_is_usual_and_what_those_have_who_are_badly_off() -> None:
    assert _spread([None, *(number / 100 for number in range(100, 0, -1))]) == {"0.5": 0.5, "0.95": 0.95}
    assert _spread([0.2]) == {"0.5": 0.2, "0.95": 0.2}
    assert _spread([None]) == {}


def test_what_was_sent_to_a_consumer_that_is_gone_still_counts(rig: MediaRig, call: Any) -> None:
    here, there, _, consumer = call
    for number in range(1, 51):
        rig.receive(here, video(number, VP8_KEY_FRAME))
        rig.advance(0.02)
    sent = there.traffic.sent.render()
    assert sent["rtpPackets"] == 50
    for lost in (5, 3, 6):
        block = ReportBlock(consumer.sent.ssrc, 64, lost, 50, 0, 0, 0)
        rig.receive_rtcp(there, ReceiverReport(1, (block,)))
    sent["packetsLost"] = 6
    assert there.traffic.sent.render() == sent
    there.remove_consumer(consumer)
    assert there.traffic.sent.render() == sent
    there.traffic.measure(rig.now + 1)
    assert there.traffic.bytes.rtp_sent == sent["rtpBytes"]
