"""From a publisher's packet to what each consumer gets."""

from functools import partial
from itertools import pairwise

import pytest

from sfu.rtp.rtcp import (
    Nack,
    PictureLossIndication,
    ReceiverReport,
    SenderReport,
    SourceDescription,
    TransportFeedback,
    parse_rtcp,
)
from sfu.worker.producer import MAX_HOLD_S
from tests.support.media_rig import (
    OPUS_FRAME,
    VP8_DELTA_FRAME,
    VP8_KEY_FRAME,
    MediaRig,
    audio,
    retransmitted,
    video,
)
from tests.support.rtp_packets import BOUNDARIES


def test_audio_is_forwarded_at_once_under_the_consumers_own_numbers(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, "audio")
    consumer = rig.consume(there, producer, mid="3")
    rig.receive(here, audio(500, timestamp=960))
    rig.receive(here, audio(501, timestamp=1920), audio(502, timestamp=2880))
    sent = there.link.sent
    first = sent[0].sequence_number
    assert [packet.sequence_number for packet in sent] == [first, first + 1, first + 2]
    assert [packet.timestamp for packet in sent] == [960, 1920, 2880]
    assert {packet.ssrc for packet in sent} == {consumer.sent.ssrc}
    assert {packet.mid for packet in sent} == {b"3"}
    assert {packet.payload_type for packet in sent} == {100}
    assert {packet.payload for packet in sent} == {OPUS_FRAME}
    assert (consumer.sent.packets_sent, consumer.sent.bytes_sent) == (3, 3 * len(OPUS_FRAME))


@pytest.mark.parametrize("start", BOUNDARIES)
def test_numbers_stay_continuous_over_wraps(rig: MediaRig, start: int) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(start, VP8_KEY_FRAME))
    for step in range(1, 300, 3):
        rig.receive(here, *(video(start + step + n) for n in range(3)))
    numbers = [packet.sequence_number for packet in there.link.sent]
    assert len(numbers) == 301
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))


def test_video_begins_with_a_key_frame_that_is_asked_for(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.consume(there, producer)
    assert here.link.rtcp_of(PictureLossIndication) == [PictureLossIndication(0, 1111)]
    rig.receive(here, video(2), video(3))
    assert there.link.sent == []
    rig.receive(here, video(4), video(5, VP8_KEY_FRAME), video(6))
    assert [packet.payload for packet in there.link.sent] == [VP8_KEY_FRAME, VP8_DELTA_FRAME]


def test_a_key_frame_is_asked_for_until_it_comes(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.receive(here, video(1))
    rig.consume(there, producer)
    rig.advance(3.5)
    asked = len(here.link.rtcp_of(PictureLossIndication))
    assert 3 <= asked <= 5
    rig.receive(here, video(2, VP8_KEY_FRAME))
    rig.advance(5)
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked


def test_many_consumers_ask_for_one_key_frame(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here)
    rig.receive(here, video(1))
    consumers = [rig.transport() for _ in range(50)]
    for transport in consumers:
        rig.consume(transport, producer)
    assert len(here.link.rtcp_of(PictureLossIndication)) == 1
    rig.receive(here, video(2, VP8_KEY_FRAME))
    assert [len(transport.link.sent) for transport in consumers] == [1] * 50


def test_a_consumers_pli_reaches_the_publisher(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(2)
    before = len(here.link.rtcp_of(PictureLossIndication))
    rig.receive_rtcp(there, PictureLossIndication(1, consumer.sent.ssrc))
    assert len(here.link.rtcp_of(PictureLossIndication)) == before + 1
    assert consumer.sent.pli_count == 1


def test_a_paused_consumer_gets_nothing_and_goes_on_without_a_gap(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2))
    consumer.pause(rig.now)
    rig.receive(here, *(video(n) for n in range(3, 60)))
    assert len(there.link.sent) == 2
    consumer.resume(rig.now)
    rig.receive(here, video(60))
    rig.receive(here, video(61, VP8_KEY_FRAME), video(62))
    numbers = [packet.sequence_number for packet in there.link.sent]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert there.link.sent[2].payload == VP8_KEY_FRAME


def test_a_paused_producer_stops_for_everybody_and_resumes_with_a_key_frame(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(5)
    producer.pause(rig.now)
    rig.receive(here, video(2), video(3, VP8_KEY_FRAME))
    assert len(there.link.sent) == 1
    asked = len(here.link.rtcp_of(PictureLossIndication))
    producer.resume(rig.now)
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked + 1
    rig.receive(here, video(4), video(5, VP8_KEY_FRAME))
    assert [packet.payload for packet in there.link.sent] == [VP8_KEY_FRAME] * 2


def test_padding_only_packets_leave_no_gap(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2))
    rig.receive(here, video(3, b"", padding=200))
    rig.receive(here, video(4, b"", padding=200), video(5))
    rig.receive(here, video(6))
    numbers = [packet.sequence_number for packet in there.link.sent]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


@pytest.mark.parametrize("start", BOUNDARIES)
def test_padding_that_comes_late_fills_the_gap_that_it_left(rig: MediaRig, start: int) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(start, VP8_KEY_FRAME))
    rig.receive(here, video(start + 2))
    rig.receive(here, video(start + 1, b"", padding=200))
    rig.receive(here, video(start + 1, b"", padding=200), video(start + 3))
    first = there.link.sent[0].sequence_number
    assert [packet.sequence_number - first & 0xFFFF for packet in there.link.sent] == [0, 2, 1, 3]
    assert there.link.sent[2].payload == b""
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (first + 1 & 0xFFFF,)))
    assert there.link.sent[-1].payload == (first + 1 & 0xFFFF).to_bytes(2, "big"), "asked for, it comes again"


def test_late_padding_starts_no_consumer(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1), video(3))
    rig.receive(here, video(2, b"", padding=200))
    assert there.link.sent == []
    rig.receive(here, video(4, VP8_KEY_FRAME))
    consumer.pause(rig.now)
    rig.receive(here, video(6))
    rig.receive(here, video(5, b"", padding=200))
    assert len(there.link.sent) == 1


def test_a_lost_packet_is_a_gap_for_the_consumer_until_it_comes_late(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(10, VP8_KEY_FRAME), video(12))
    rig.receive(here, video(11))
    first = there.link.sent[0].sequence_number
    assert [packet.sequence_number - first for packet in there.link.sent] == [0, 2, 1]


def test_the_publisher_is_asked_for_what_is_missing_and_its_rtx_is_forwarded(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    rig.receive(here, video(65_534, VP8_KEY_FRAME))
    rig.receive(here, video(65_537), video(65_538))
    rig.advance(0.2)
    lost = {number for nack in here.link.rtcp_of(Nack) for number in nack.lost}
    assert lost == {65_535, 0}
    rig.receive(here, retransmitted(1, 65_535), retransmitted(2, 65_536), retransmitted(3, 65_536))
    first = there.link.sent[0].sequence_number
    assert sorted(packet.sequence_number - first for packet in there.link.sent) == [0, 1, 2, 3, 4]
    assert {packet.payload for packet in there.link.sent[1:]} == {VP8_DELTA_FRAME}
    assert producer.streams[0].received.packets_repaired == 2


def test_a_nack_is_answered_by_rtx_with_the_consumers_number(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2, VP8_DELTA_FRAME + b"two"), video(3))
    wanted = there.link.sent[1]
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (wanted.sequence_number,)))
    again = there.link.sent[-1]
    assert again.ssrc == consumer.sent.rtx_ssrc
    assert again.payload == wanted.sequence_number.to_bytes(2, "big") + wanted.payload
    assert again.timestamp == wanted.timestamp
    assert again.payload_type == 102
    assert (consumer.sent.packets_retransmitted, consumer.sent.nack_count) == (1, 1)
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (wanted.sequence_number,)))
    assert len(there.link.sent) == 4, "not again within a round trip"


def test_a_nack_for_what_was_never_sent_or_is_too_old_is_ignored(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    old = there.link.sent[0].sequence_number
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, ((old + 500) & 0xFFFF, (old - 500) & 0xFFFF)))
    rig.advance(10)
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (old,)))
    assert len(there.link.sent) == 1


def test_a_nack_or_pli_for_another_transports_consumer_does_nothing(rig: MediaRig) -> None:
    here, there, elsewhere = rig.transport(), rig.transport(), rig.transport()
    producer = rig.produce(here)
    consumer = rig.consume(there, producer)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(5)
    asked = len(here.link.rtcp_of(PictureLossIndication))
    number = there.link.sent[0].sequence_number
    rig.receive_rtcp(
        elsewhere, Nack(1, consumer.sent.ssrc, (number,)), PictureLossIndication(1, consumer.sent.ssrc)
    )
    assert len(there.link.sent) == 1
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked


def test_what_cannot_be_sent_is_not_counted_and_starts_again_with_a_key_frame(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport(connected=False)
    there.link.ready = False
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2))
    assert consumer.sent.packets_sent == 0
    rig.advance(2)
    asked = len(here.link.rtcp_of(PictureLossIndication))
    there.link.ready = True
    there.on_state("completed", "connected")
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked + 1
    rig.receive(here, video(3), video(4, VP8_KEY_FRAME), video(5))
    assert [packet.payload for packet in there.link.sent] == [VP8_KEY_FRAME, VP8_DELTA_FRAME]


def test_simulcast_climbs_at_a_key_frame_with_continuous_numbers_and_time(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    encodings = [{"ssrc": 1111, "rtx": {"ssrc": 1112}}, {"ssrc": 2111, "rtx": {"ssrc": 2112}}]
    consumer = rig.consume(there, rig.produce(here, encodings=encodings))

    def high(sequence: int, payload: bytes, timestamp: int) -> bytes:
        packet = bytearray(video(sequence, payload, timestamp=timestamp))
        packet[8:12] = (2111).to_bytes(4, "big")
        return bytes(packet)

    rig.receive(here, video(1, VP8_KEY_FRAME, timestamp=1000))
    rig.advance(0.1)
    rig.receive(here, high(900, VP8_DELTA_FRAME, 4_000_000), video(2, timestamp=10_000))
    rig.receive(here, high(901, VP8_KEY_FRAME + b"high", 4_000_000))
    rig.receive(here, video(3, timestamp=10_000), high(902, VP8_DELTA_FRAME + b"high", 4_003_000))
    sent = there.link.sent
    assert [packet.payload[-4:] == b"high" for packet in sent] == [False, False, True, True]
    assert [packet.sequence_number - sent[0].sequence_number for packet in sent] == [0, 1, 2, 3]
    assert {packet.ssrc for packet in sent} == {consumer.sent.ssrc}
    assert 10_000 < sent[2].timestamp < 10_000 + 9000
    assert sent[3].timestamp - sent[2].timestamp == 3000


def test_reports_go_to_both_sides_and_keep_the_publishers_clock(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    consumer = rig.consume(there, producer)
    rig.receive(here, video(1, VP8_KEY_FRAME, timestamp=90_000), video(3, timestamp=90_000))
    rig.receive_rtcp(here, SenderReport(1111, 5 << 32, 90_000, 2, 100))
    rig.advance(1.5)
    block = here.link.rtcp_of(ReceiverReport)[-1].reports[0]
    assert (block.ssrc, block.packets_lost, block.lsr) == (1111, 1, 5 << 16)
    report = there.link.rtcp_of(SenderReport)[-1]
    elapsed = (report.ntp - (5 << 32)) / (1 << 32)
    assert 0 < elapsed <= 1.5
    assert report.ssrc == consumer.sent.ssrc
    assert abs(report.rtp_timestamp - 90_000 - elapsed * 90_000) <= 2
    assert report.packet_count == 2
    (description,) = parse_rtcp(consumer.description)
    assert there.link.rtcp_of(SourceDescription)[-1] == description
    assert isinstance(description, SourceDescription)
    assert description.chunks[consumer.sent.ssrc]


def test_transport_wide_feedback_follows_the_publishers_numbers(rig: MediaRig) -> None:
    here = rig.transport()
    rig.produce(here)
    for number in (0, 1, 3):
        element = bytes([0x31]) + number.to_bytes(2, "big")
        rig.receive(here, video(number, extension=(0xBEDE, element)))
        rig.advance(0.01)
    rig.advance(0.5)
    feedback = here.link.rtcp_of(TransportFeedback)
    received = {
        (packet.base_sequence + n): delta is not None
        for packet in feedback
        for n, delta in enumerate(packet.packets)
    }
    assert received == {0: True, 1: True, 2: False, 3: True}
    assert {packet.media_ssrc for packet in feedback} == {1111}  # a browser ignores feedback about anything else


def test_transport_wide_feedback_tells_of_packets_that_came_before_their_producer(rig: MediaRig) -> None:
    here = rig.transport()
    rig.produce(here)
    for number, packet in ((7, video), (8, partial(audio, ssrc=9999)), (9, video)):
        element = bytes([0x31]) + number.to_bytes(2, "big")
        rig.receive(here, packet(number, extension=(0xBEDE, element)))
    assert rig.drops["rtp_no_producer"] == 1
    rig.advance(0.5)
    (feedback,) = here.link.rtcp_of(TransportFeedback)
    assert feedback.base_sequence == 7
    assert None not in feedback.packets
    assert len(feedback.packets) == 3
    assert feedback.media_ssrc == 1111


def test_malformed_and_unknown_packets_are_counted_and_harm_nobody(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.receive(
        here, b"\x80" + bytes(11), b"\xbf" + bytes(20), video(2, ssrc=999) if False else video(2)[:-1] + b"x"
    )
    here.on_rtcp(memoryview(b"\x80\xc8\x00\x10" + bytes(8)), rig.now)
    assert rig.drops["rtp_malformed"] >= 1
    assert rig.drops["rtp_no_producer"] >= 1
    assert rig.drops["rtcp_malformed"] == 1
    rig.receive(here, video(3))
    assert len(there.link.sent) == 3


def test_packets_of_a_frame_wait_for_its_end_but_not_for_long(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME, marker=False), video(2, marker=False))
    assert there.link.sent == []
    rig.receive(here, video(3))
    assert len(there.link.sent) == 3
    rig.receive(here, video(4, marker=False))
    assert len(there.link.sent) == 3
    rig.advance(MAX_HOLD_S)
    assert len(there.link.sent) == 4
