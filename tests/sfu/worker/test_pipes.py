"""A room on two workers: consumers away from their producer get what those at home get, and ask as they do."""

import gc
import weakref

import pytest

from sfu.rtp.rtcp import Bye, Nack, PictureLossIndication, ReceiverReport, SenderReport
from tests.support.media_rig import VP8_DELTA_FRAME, VP8_KEY_FRAME, audio, retransmitted, video
from tests.support.piped_lecture import Lecture, payloads, plis, sent_by, steps
from tests.support.rtp_packets import BOUNDARIES


@pytest.mark.parametrize("start", BOUNDARIES)
def test_who_is_away_gets_the_same(start: int) -> None:
    lecture = Lecture()
    lecture.receive(video(start, VP8_KEY_FRAME))
    for n in range(1, 20):
        lecture.receive(video(start + n, VP8_DELTA_FRAME + bytes([n]), timestamp=90_000 + 3000 * n))
    assert len(payloads(lecture.far)) == 20
    assert payloads(lecture.far) == payloads(lecture.near)
    assert steps(lecture.far) == steps(lecture.near)
    assert {packet.mid for packet in sent_by(lecture.far)} == {b"7"}


def test_one_record_carries_a_frame() -> None:
    lecture = Lecture()
    before = lecture.rooms.home_end.socket.sent
    lecture.receive(*(video(n, VP8_KEY_FRAME if not n else bytes(900), marker=n == 9) for n in range(10)))
    assert lecture.rooms.home_end.socket.sent == before + 1
    assert len(payloads(lecture.far)) == 10


def test_a_large_frame_goes_over_in_several_records() -> None:
    lecture = Lecture()
    lecture.receive(*(video(n, VP8_KEY_FRAME + bytes(1300), marker=n == 59) for n in range(60)))
    assert steps(lecture.far) == steps(lecture.near)
    assert len(payloads(lecture.far)) == 60


def test_losses_are_the_home_workers_and_repairs_go_on() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.receive(video(3))
    lecture.home.advance(0.1)
    assert lecture.publisher.link.rtcp_of(Nack), "the home worker asks for what is missing"
    lecture.receive(retransmitted(1, 2, VP8_DELTA_FRAME + b"late"))
    assert payloads(lecture.far) == payloads(lecture.near)
    assert [number for number, _ in steps(lecture.far)] == [0, 2, 1]
    assert lecture.far.link.rtcp_of(Nack) == []
    assert lecture.far.link.rtcp_of(ReceiverReport) == []


def test_what_is_missed_away_is_sent_again_from_there() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME), video(2))
    [_, missed] = sent_by(lecture.far)
    carried = lecture.carried
    lecture.away.receive_rtcp(lecture.far, Nack(0, missed.ssrc, (missed.sequence_number,)))
    assert payloads(lecture.far)[-1][2:] == VP8_DELTA_FRAME
    assert sent_by(lecture.far)[-1].ssrc == lecture.consumer.sent.rtx_ssrc
    assert lecture.carried == carried


def test_padding_leaves_no_gap() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.receive(video(2, b"", padding=200))
    lecture.receive(video(3, timestamp=93_000))
    assert steps(lecture.far) == steps(lecture.near)
    assert len(steps(lecture.far)) == 2


def test_a_key_frame_is_asked_for_once_for_all() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.home.advance(1)
    before = plis(lecture)
    posted = lecture.rooms.away_end.socket.sent
    for _ in range(20):
        lecture.away.receive_rtcp(lecture.far, PictureLossIndication(1, lecture.consumer.sent.ssrc))
    lecture.rooms.carry()
    assert plis(lecture) == before + 1
    assert lecture.rooms.away_end.socket.sent == posted + 1


def test_a_key_frame_is_asked_for_until_it_comes() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.home.advance(1)
    before = plis(lecture)
    lecture.away.receive_rtcp(lecture.far, PictureLossIndication(1, lecture.consumer.sent.ssrc))
    lecture.home.advance(3)
    assert plis(lecture) > before + 1
    lecture.receive(video(2, VP8_KEY_FRAME))
    before = plis(lecture)
    lecture.home.advance(3)
    assert plis(lecture) == before


def test_who_joins_away_begins_with_a_key_frame() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.home.advance(1)
    before = plis(lecture)
    late = lecture.away.transport()
    lecture.away.consume(late, lecture.piped)
    lecture.rooms.carry()
    assert plis(lecture) == before + 1
    lecture.receive(video(2))
    assert payloads(late) == []
    lecture.receive(video(3, VP8_KEY_FRAME))
    assert payloads(late) == [VP8_KEY_FRAME]


def test_nothing_is_carried_that_nobody_wants() -> None:
    lecture = Lecture(paused=True)
    lecture.receive(video(1, VP8_KEY_FRAME))
    assert lecture.carried == 0
    lecture.consumer.resume(lecture.away.now)
    lecture.rooms.carry()
    lecture.receive(video(2, VP8_KEY_FRAME))
    assert lecture.carried == 1
    lecture.consumer.pause(lecture.away.now)
    lecture.rooms.carry()
    lecture.receive(video(3, VP8_KEY_FRAME))
    assert lecture.carried == 1
    assert payloads(lecture.far) == [VP8_KEY_FRAME]


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_stop_of_the_flow_leaves_no_gap(kind: str) -> None:
    lecture = Lecture(kind)
    make = audio if kind == "audio" else video
    key = {} if kind == "audio" else {"payload": VP8_KEY_FRAME}
    lecture.receive(make(1, **key))
    lecture.consumer.pause(lecture.away.now)
    lecture.rooms.carry()
    for n in range(2, 5000):
        lecture.receive(make(n, timestamp=960 * n))
    lecture.consumer.resume(lecture.away.now)
    lecture.rooms.carry()
    lecture.receive(make(5000, timestamp=960 * 5000, **key))
    lecture.receive(make(5001, timestamp=960 * 5001))
    assert [number for number, _ in steps(lecture.far)] == [0, 1, 2]


def test_the_last_one_to_leave_stops_the_flow() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.far.remove_consumer(lecture.consumer)
    lecture.consumer.close()
    lecture.rooms.carry()
    lecture.receive(video(2))
    assert lecture.carried == 1


def test_a_paused_producer_is_paused_everywhere() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.producer.pause(lecture.home.now)
    lecture.rooms.carry()
    assert lecture.piped.paused
    assert lecture.away.notifications[-1] == (
        "consumer.layers",
        {"consumerId": lecture.consumer.id, "spatialLayer": None, "temporalLayer": None},
    )
    lecture.receive(video(2, VP8_KEY_FRAME))
    assert lecture.carried == 1
    lecture.producer.resume(lecture.home.now)
    lecture.rooms.carry()
    lecture.receive(video(3, VP8_KEY_FRAME))
    assert len(payloads(lecture.far)) == 2


def test_a_pipe_of_a_paused_producer_begins_paused() -> None:
    lecture = Lecture()
    lecture.producer.pause(lecture.home.now)
    again = lecture.rooms.pipe(lecture.producer)
    assert again.paused


def test_what_is_dropped_on_the_way_makes_consumers_begin_anew() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.home.advance(1)
    lecture.rooms.home_end.socket.is_full = True
    lecture.receive(video(2))
    assert lecture.rooms.home_end.drops == {"pipe_full": 1}
    lecture.rooms.home_end.socket.is_full = False
    asked = plis(lecture)
    lecture.receive(video(3))
    assert payloads(lecture.far) == [VP8_KEY_FRAME]
    assert plis(lecture) == asked + 1
    lecture.receive(video(4, VP8_KEY_FRAME))
    assert [number for number, _ in steps(lecture.far)] == [0, 1]
    assert len(payloads(lecture.near)) == 4


def test_a_source_that_starts_anew_goes_on_as_at_home() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME), video(2, timestamp=93_000))
    lecture.home.advance(1)
    for n in (40_000, 40_001):
        lecture.receive(video(n, VP8_KEY_FRAME, timestamp=3_000_000_000 + n))
    assert steps(lecture.far) == steps(lecture.near)
    assert len(steps(lecture.far)) == 3


def test_sender_reports_go_on_with_the_publishers_clock() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.home.receive_rtcp(lecture.publisher, SenderReport(1111, 5 << 32, 90_000, 1, 100))
    lecture.receive(video(2, timestamp=93_000))
    lecture.home.advance(2)
    near = lecture.near.link.rtcp_of(SenderReport)[-1]
    far = lecture.far.link.rtcp_of(SenderReport)[-1]
    near_offset = sent_by(lecture.near)[0].timestamp - 90_000
    far_offset = sent_by(lecture.far)[0].timestamp - 90_000
    assert far.ntp - near.ntp >> 32 in {-1, 0, 1}
    same_moment = (far.ntp - near.ntp) * 90_000 >> 32
    assert abs((far.rtp_timestamp - far_offset) - (near.rtp_timestamp - near_offset) - same_moment) <= 90


def test_scores_are_those_of_the_home_worker() -> None:
    lecture = Lecture()
    for n in range(60):
        if n % 2 or not n:
            lecture.receive(video(n, VP8_KEY_FRAME, timestamp=90_000 + 3000 * n))
        lecture.home.advance(0.1)
    [stream] = lecture.producer.streams
    [piped] = lecture.piped.streams
    assert piped.received.score == stream.received.score < 10
    lecture.home.receive_rtcp(lecture.publisher, Bye((1111,)))
    assert piped.received.score == 0


def test_records_of_pipes_that_are_gone_are_dropped() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    [inlet] = lecture.rooms.away_end.link.inlets.values()
    inlet.close()
    lecture.receive(video(2))
    [outlet] = lecture.rooms.home_end.link.outlets.values()
    lecture.producer.close()
    assert lecture.rooms.home_end.link.outlets == {}
    assert not outlet.flowing
    lecture.consumer.request_key_frame(lecture.away.now)
    lecture.rooms.carry()


def test_a_closed_pipe_is_freed_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        lecture = Lecture()
        lecture.receive(video(1, VP8_KEY_FRAME))
        [inlet] = lecture.rooms.away_end.link.inlets.values()
        gone = [weakref.ref(each) for each in (inlet, inlet.producer)]
        lecture.far.remove_consumer(lecture.consumer)
        lecture.consumer.close()
        lecture.away.router.remove_producer(lecture.piped)
        inlet.close()
        inlet.request_key_frame(1111, lecture.away.now)
        lecture.rooms.carry()
        del inlet, lecture.piped, lecture.consumer
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()


def test_the_end_of_the_other_worker_stops_the_flow() -> None:
    lecture = Lecture()
    lecture.receive(video(1, VP8_KEY_FRAME))
    lecture.rooms.home_end.link.on_end()
    assert lecture.rooms.home_end.socket.closed
    lecture.receive(video(2))
    assert lecture.carried == 1
    assert lecture.rooms.home_end.drops == {}
    assert len(payloads(lecture.near)) == 2
