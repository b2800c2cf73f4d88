"""Opus that falls silent (DTX) passes as it is, and silence is no trouble."""

from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from sfu.ortc import DEFAULT_MEDIA_CODECS, generate_router_rtp_capabilities, negotiate_producer
from sfu.ortc.consumer_parameters import get_consumer_rtp_parameters
from sfu.rtp.packet import RtpHeader, parse_rtp_header
from sfu.rtp.rtcp import Nack, ReceiverReport, SenderReport
from sfu.worker.producer import Producer
from sfu.worker.stats import producer_stats
from shared.rtp_parameters import load_rtp_capabilities, load_rtp_parameters
from tests.support.media_rig import MediaRig, RecordingLink
from tests.support.rtp_packets import captured
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

CLOCK_RATE = 48_000
PACKETS = captured("libopus_dtx.bin")
HEADERS = [parse_rtp_header(packet, len(packet)) for packet in PACKETS]
PAYLOADS = [
    packet[header.payload_start : header.payload_end] for packet, header in zip(PACKETS, HEADERS, strict=True)
]


def since_first(header: RtpHeader) -> float:
    return ((header.timestamp - HEADERS[0].timestamp) & 0xFFFFFFFF) / CLOCK_RATE


def test_the_capture_has_what_is_tested() -> None:
    assert sum(len(payload) <= 2 for payload in PAYLOADS) >= 5
    gaps = [since_first(later) - since_first(earlier) for earlier, later in pairwise(HEADERS)]
    assert max(gaps) >= 0.38
    assert 3 <= sum(header.marker for header in HEADERS) < len(HEADERS) / 4


class Played(NamedTuple):
    """What has sent the capture, and what came of it at both ends."""

    producer: Producer
    publisher: RecordingLink
    listener: RecordingLink


def play(rig: MediaRig, **fields: Any) -> Played:
    """Send the capture on time through a router."""
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, "audio", **fields)
    rig.consume(there, producer)
    begin = rig.now
    for packet, header in zip(PACKETS, HEADERS, strict=True):
        rig.advance(begin + since_first(header) - rig.now)
        rig.receive(here, packet)
    assert isinstance(here.link, RecordingLink)
    assert isinstance(there.link, RecordingLink)
    return Played(producer, here.link, there.link)


def test_every_packet_goes_on_bit_by_bit_with_marker_and_timestamp(rig: MediaRig) -> None:
    sent = play(rig).listener.sent
    assert [packet.payload for packet in sent] == PAYLOADS
    assert [packet.marker for packet in sent] == [header.marker for header in HEADERS]
    shifts = {
        (packet.timestamp - header.timestamp) & 0xFFFFFFFF for packet, header in zip(sent, HEADERS, strict=True)
    }
    assert len(shifts) == 1
    numbers = [packet.sequence_number for packet in sent]
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]


def test_silence_is_neither_loss_nor_jitter(rig: MediaRig) -> None:
    producer = play(rig).producer
    [stream] = producer.streams
    assert (stream.received.packets_received, stream.received.packets_lost) == (len(PACKETS), 0)
    assert stream.received.jitter == pytest.approx(0, abs=1)
    block = stream.received.report_block(rig.now)
    assert (block.fraction_lost, block.packets_lost) == (0, 0)


def test_silence_does_not_make_a_stream_dead(rig: MediaRig) -> None:
    producer = play(rig).producer
    scores = [data["score"] for event, data in rig.notifications if event == "producer.score"]
    assert [entry["score"] for score in scores for entry in score] == [10] * sum(map(len, scores))
    [stats] = producer_stats(producer, rig.now)
    assert stats["score"] == 10
    assert stats["packetCount"] == len(PACKETS)


def test_sender_reports_go_on_in_silence_on_the_publishers_clock(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, "audio")
    consumer = rig.consume(there, producer)
    rig.receive(here, PACKETS[0])
    rig.receive_rtcp(here, SenderReport(1111, 5 << 32, HEADERS[0].timestamp, 1, 60, ()))
    rig.advance(11.0)  # audio is reported on every five seconds
    link = there.link
    assert isinstance(link, RecordingLink)
    reports = [report for report in link.rtcp_of(SenderReport) if report.ssrc == consumer.sent.ssrc]
    assert len(reports) >= 3
    offset = link.sent[0].timestamp - HEADERS[0].timestamp
    for earlier, later in pairwise(reports):
        elapsed = (later.ntp - earlier.ntp) / (1 << 32)
        ticks = (later.rtp_timestamp - earlier.rtp_timestamp) & 0xFFFFFFFF
        assert ticks == pytest.approx(elapsed * CLOCK_RATE, abs=2)
    first = reports[0]
    behind = (first.rtp_timestamp - HEADERS[0].timestamp - offset) & 0xFFFFFFFF
    assert behind == pytest.approx((first.ntp / (1 << 32) - 5) * CLOCK_RATE, abs=2)


def test_the_publisher_is_told_that_nothing_is_missing(rig: MediaRig) -> None:
    [opus] = producer_parameters("chromium", "audio")["codecs"]
    feedback = [{"type": "nack", "parameter": ""}]
    publisher = play(rig, codecs=[{**opus, "rtcpFeedback": feedback}]).publisher
    rig.advance(2.0)  # audio is reported on every five seconds
    blocks = [block for report in publisher.rtcp_of(ReceiverReport) for block in report.reports]
    assert len(blocks) >= 2
    assert {(block.fraction_lost, block.packets_lost) for block in blocks} == {(0, 0)}
    assert publisher.rtcp_of(Nack) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"usedtx": 1, "useinbandfec": 1, "minptime": 10},
        {"useinbandfec": 0, "usedtx": 0, "stereo": 1, "sprop-stereo": 1},
        {"maxplaybackrate": 16000, "maxaveragebitrate": 24000, "cbr": 1, "ptime": 60},
        {},
    ],
)
def test_what_the_publisher_says_of_its_opus_reaches_the_consumer(parameters: dict[str, Any]) -> None:
    [opus] = producer_parameters("chromium", "audio")["codecs"]
    wire = producer_parameters(
        "chromium", "audio", codecs=[{**opus, "parameters": parameters}], encodings=[{"ssrc": 1111}], mid="0"
    )
    capabilities = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)
    negotiated = negotiate_producer("audio", load_rtp_parameters(wire), capabilities)
    consumed = get_consumer_rtp_parameters(
        negotiated.consumable_rtp_parameters, load_rtp_capabilities(receiver_capabilities("chromium"))
    )
    assert [codec.parameters for codec in consumed.codecs] == [parameters]
