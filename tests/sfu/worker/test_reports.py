import pytest

from sfu.bwe.remb import MAX_SSRCS as MAX_REMB_SSRCS
from sfu.rtp.round_trip import MAX_RECEIVERS, ReferenceTimes
from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverReferenceTime,
    ReceiverReport,
    Remb,
    SenderReport,
    SourceDescription,
)
from sfu.worker import stats
from sfu.worker.reports import MAX_COMPOUND_BYTES, receiver_reports, sender_reports
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, audio, retransmitted, video

UNITS_PER_S = 65536


def clock_sent(transport: object) -> int:
    (block,) = transport.link.rtcp_of(ExtendedReports)[-1].blocks  # type: ignore[attr-defined]
    assert isinstance(block, ReceiverReferenceTime)
    return block.ntp >> 16 & 0xFFFFFFFF


def test_every_receiver_report_asks_for_the_round_trip(rig: MediaRig) -> None:
    here = rig.transport()
    rig.produce(here)
    rig.advance(3)
    assert here.link.rtcp == [], "nothing has come in"
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(3)
    assert len(here.link.rtcp_of(ReceiverReport)) == len(here.link.rtcp_of(ExtendedReports)) == 3


def test_a_publishers_answer_measures_the_round_trip_and_paces_nacks(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(1)
    stamp = clock_sent(here)
    began = here.link.rtcp_of(ExtendedReports)[-1].blocks[0].ntp / (1 << 32)
    rig.now = began + 0.550
    answer = DelaySinceLastReceiverReference(((77, 1, 1), (0, stamp, UNITS_PER_S // 2)))
    rig.receive_rtcp(here, ExtendedReports(1111, (answer,)))
    (stream,) = producer.streams
    assert stream.received.round_trip.rtt_s == pytest.approx(0.050, abs=0.001)
    assert stats.producer_stats(producer, rig.now)[0]["roundTripTime"] == pytest.approx(50, abs=1)
    rig.receive(here, video(3))
    rig.advance(0.190)
    times = len(here.link.rtcp_of(Nack))
    assert times == 4, "after 10 ms, then every 50 ms"


def test_answers_to_others_or_to_what_was_never_sent_measure_nothing(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(1)
    for entry in ((1, clock_sent(here), 1), (0, 12345, 1)):
        rig.receive_rtcp(here, ExtendedReports(1111, (DelaySinceLastReceiverReference((entry,)),)))
    assert producer.streams[0].received.round_trip.rtt_s is None
    assert "roundTripTime" not in stats.producer_stats(producer, rig.now)[0]


def test_many_streams_are_reported_in_several_packets_with_one_clock(rig: MediaRig) -> None:
    here = rig.transport()
    for n in range(70):
        rig.produce(here, "audio", encodings=[{"ssrc": 100 + n}])
        rig.receive(here, audio(n, ssrc=100 + n))
    reports = list(receiver_reports(here.producers.values(), rig.now))
    assert all(len(report) <= MAX_COMPOUND_BYTES for report in reports)
    rig.advance(1)
    blocks = [block.ssrc for report in here.link.rtcp_of(ReceiverReport)[-3:] for block in report.reports]
    assert sorted(blocks) == list(range(100, 170))
    assert len(here.link.rtcp_of(ExtendedReports)) == len(here.link.rtcp_of(ReceiverReport)) / 3


def test_sender_reports_fill_as_few_packets_as_they_fit_in(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    for n in range(40):
        producer = rig.produce(here, "audio", encodings=[{"ssrc": 100 + n}])
        rig.consume(there, producer, mid=str(n))
        rig.receive(here, audio(n, ssrc=100 + n))
        rig.receive_rtcp(here, SenderReport(100 + n, 5 << 32, 0, 1, 1))
    compounds = list(sender_reports(there.consumers.values(), ReferenceTimes(), rig.now))
    assert 1 < len(compounds) <= 4
    assert all(len(compound) <= MAX_COMPOUND_BYTES for compound in compounds)
    rig.advance(1.5)
    described = {ssrc for report in there.link.rtcp_of(SourceDescription) for ssrc in report.chunks}
    assert described == {consumer.sent.ssrc for consumer in there.consumers.values()}


def test_a_sender_report_before_any_media_is_no_trouble(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive_rtcp(here, SenderReport(1111, 5 << 32, 90_000, 0, 0))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(1.5)
    assert there.link.rtcp_of(SenderReport) == []
    rig.receive_rtcp(here, SenderReport(1111, 6 << 32, 90_000, 1, 1))
    rig.advance(1)
    assert len(there.link.rtcp_of(SenderReport)) == 1


def test_a_receivers_clock_comes_back_with_each_stream_it_gets_once(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.receive_rtcp(here, SenderReport(1111, 5 << 32, 90_000, 1, 1))
    rig.advance(0.5)
    clock = ReceiverReferenceTime(0x1234_5678_9ABC_DEF0)
    rig.receive_rtcp(there, ReceiverReport(77), ExtendedReports(77, (clock,)))
    rig.advance(2)
    (report,) = there.link.rtcp_of(ExtendedReports)
    assert report.ssrc == consumer.sent.ssrc
    ((entry,),) = [block.entries for block in report.blocks]
    assert entry[:2] == (77, 0x5678_9ABC)
    assert 0 < entry[2] < UNITS_PER_S


def test_clocks_of_many_receivers_are_bounded(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.receive_rtcp(here, SenderReport(1111, 5 << 32, 90_000, 1, 1))
    for ssrc in range(150):
        rig.receive_rtcp(there, ExtendedReports(ssrc, (ReceiverReferenceTime(ssrc << 16),)))
    rig.advance(1)
    (report,) = there.link.rtcp_of(ExtendedReports)
    assert [entry[0] for entry in report.blocks[0].entries] == list(range(150 - MAX_RECEIVERS, 150))


def test_streams_of_retransmissions_have_report_blocks_of_their_own(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    rig.receive(here, video(1, VP8_KEY_FRAME), video(5))
    rig.receive(here, retransmitted(65_535, 2), retransmitted(65_535, 2), retransmitted(1, 3))
    rig.receive_rtcp(here, SenderReport(1112, 9 << 32, 90_000, 1, 1))
    rig.advance(1)
    blocks = {block.ssrc: block for block in here.link.rtcp_of(ReceiverReport)[-1].reports}
    assert blocks[1111].packets_lost == 3
    assert (blocks[1112].packets_lost, blocks[1112].lsr) == (1, 9 << 16)
    assert producer.streams[0].received.packets_repaired == 2
    assert producer.streams[0].retransmissions is not None
    assert producer.streams[0].retransmissions.packets_discarded == 1


def test_audio_alone_is_reported_on_every_five_seconds_and_at_once_when_it_is_new(rig: MediaRig) -> None:
    here = rig.transport()

    def talk(seconds: int, *ssrcs: int) -> int:
        before = len(here.link.rtcp_of(ReceiverReport))
        for step in range(seconds * 10):
            rig.receive(here, *(audio(step, ssrc=ssrc) for ssrc in ssrcs))
            rig.advance(0.1)
        return len(here.link.rtcp_of(ReceiverReport)) - before

    rig.produce(here, "audio", encodings=[{"ssrc": 7}])
    assert talk(1, 7) == 1
    assert talk(20, 7) == 4
    rig.produce(here, "audio", encodings=[{"ssrc": 8}])
    assert talk(2, 7) <= 1, "nothing has come of it yet"
    assert talk(1, 7, 8) == 1
    rig.produce(here)
    assert talk(10, 7, 8) == 10


def test_a_new_audio_stream_goes_with_a_sender_report_as_soon_as_its_publisher_has_sent_one(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.advance(7)
    rig.consume(there, rig.produce(here, "audio", encodings=[{"ssrc": 7}]))
    rig.receive(here, audio(1, ssrc=7))
    rig.advance(2)
    assert there.link.rtcp_of(SenderReport) == []
    rig.receive_rtcp(here, SenderReport(7, 5 << 32, 90_000, 1, 1))
    rig.advance(1)
    assert len(there.link.rtcp_of(SenderReport)) == 1
    rig.advance(4)
    assert len(there.link.rtcp_of(SenderReport)) == 1


def test_key_frame_requests_and_nacks_are_counted_by_their_kind(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    ssrc = consumer.sent.ssrc
    assert consumer.sent.rtx_ssrc is not None
    rig.receive_rtcp(there, PictureLossIndication(1, ssrc), FullIntraRequest(1, ((ssrc, 0), (ssrc, 1))))
    rig.receive_rtcp(there, PictureLossIndication(1, consumer.sent.rtx_ssrc), Nack(1, ssrc, (1, 2, 3)))
    sent = consumer.sent
    assert (sent.pli_count, sent.fir_count, sent.nack_count, sent.nack_packet_count) == (1, 2, 1, 3)


def test_remb_names_no_more_streams_than_it_can(rig: MediaRig) -> None:
    here = rig.transport()
    for n in range(MAX_REMB_SSRCS + 5):
        producer = rig.produce(here, encodings=[{"ssrc": 1000 + n}], headerExtensions=[])
        packet = video(1)
        rig.receive(here, packet[:8] + (1000 + n).to_bytes(4, "big") + packet[12:])
        assert len(producer.streams) == 1
    rig.advance(2)
    assert {len(remb.ssrcs) for remb in here.link.rtcp_of(Remb)[-1:]} == {MAX_REMB_SSRCS}
