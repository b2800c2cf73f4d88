import pytest

from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    Nack,
    ReceiverReferenceTime,
    ReceiverReport,
    Remb,
    SenderReport,
    SourceDescription,
)
from sfu.worker import stats
from sfu.worker.publisher_feedback import MAX_REMB_SSRCS
from sfu.worker.reports import MAX_COMPOUND_BYTES, receiver_reports, sender_reports
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, audio, video

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
    compounds = list(sender_reports(there.consumers.values(), rig.now))
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


def test_remb_names_no_more_streams_than_it_can(rig: MediaRig) -> None:
    here = rig.transport()
    for n in range(MAX_REMB_SSRCS + 5):
        producer = rig.produce(here, encodings=[{"ssrc": 1000 + n}], headerExtensions=[])
        packet = video(1)
        rig.receive(here, packet[:8] + (1000 + n).to_bytes(4, "big") + packet[12:])
        assert len(producer.streams) == 1
    rig.advance(2)
    assert {len(remb.ssrcs) for remb in here.link.rtcp_of(Remb)[-1:]} == {MAX_REMB_SSRCS}
