"""A room on two workers: consumers away from their producer get what those at home get, and ask as they do."""

import gc
import weakref
from typing import Any

import pytest

from sfu.rtp.layers import Layers
from sfu.rtp.rtcp import Bye, Nack, PictureLossIndication, ReceiverReport, SenderReport
from sfu.worker.consumer import Consumer
from sfu.worker.layering import STEADY_S
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.producer import Producer
from sfu.worker.wanted_layers import LOWER_AFTER_S
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.layered_video import FRAME_S, LayeredCall, assert_continuous
from tests.support.media_rig import VP8_DELTA_FRAME, VP8_KEY_FRAME, Forwarded, audio, retransmitted, video
from tests.support.piped_rooms import PipedRooms
from tests.support.rtp_packets import BOUNDARIES


class Lecture:
    """A publisher at home, with one consumer there and one away."""

    def __init__(self, kind: str = "video", *, audio_last_n: int = 0, paused: bool = False, **fields: Any) -> None:
        self.rooms = PipedRooms(audio_last_n=audio_last_n)
        self.home, self.away = self.rooms.home, self.rooms.away
        self.publisher = self.home.transport()
        self.producer: Producer = self.home.produce(self.publisher, kind, **fields)
        self.near = self.home.transport()
        self.near_consumer: Consumer = self.home.consume(self.near, self.producer)
        self.piped: PipedProducer = self.rooms.pipe(self.producer)
        self.far = self.away.transport()
        self.consumer: Consumer = self.away.consume(self.far, self.piped, paused=paused)
        self.rooms.carry()

    def receive(self, *packets: bytes) -> None:
        self.home.receive(self.publisher, *packets)

    @property
    def carried(self) -> int:
        """Packets that went over so far."""
        return self.rooms.home_end.counters.packets_sent


def sent_by(transport: WebRtcTransport) -> list[Forwarded]:
    sent: list[Forwarded] = transport.link.sent
    return sent


def payloads(transport: WebRtcTransport) -> list[bytes]:
    return [packet.payload for packet in sent_by(transport)]


def steps(transport: WebRtcTransport) -> list[tuple[int, int]]:
    """What was sent, by its numbers and times since the first."""
    first, *_ = sent = sent_by(transport)
    return [
        (each.sequence_number - first.sequence_number & 0xFFFF, each.timestamp - first.timestamp & 0xFFFFFFFF)
        for each in sent
    ]


def plis(lecture: Lecture) -> int:
    return len(lecture.publisher.link.rtcp_of(PictureLossIndication))


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


def test_a_simulcast_consumer_away_gets_what_it_prefers() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    call.consumer.prefer(0, None, rooms.home.now)
    piped = rooms.pipe(call.producer)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, piped)
    rooms.carry()
    call.play(60, key={0, 1, 2})
    assert consumer.layers == Layers(2, 2)
    consumer.prefer(1, 1, rooms.away.now)
    rooms.carry()
    call.play(1, key={1})
    call.play(60)
    assert consumer.layers == Layers(1, 1)
    consumer.allot(Layers(0, 0), rooms.away.now)
    call.play(1, key={0})
    call.play(60)
    assert consumer.layers == Layers(0, 0)
    assert_continuous(there.link.sent)


def test_layers_that_only_somebody_away_wants_are_asked_of_the_publisher() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    piped = rooms.pipe(call.producer)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, piped)
    call.consumer.prefer(0, None, rooms.home.now)
    consumer.prefer(1, None, rooms.away.now)
    rooms.carry()
    call.play(round((2 * LOWER_AFTER_S + 1) / FRAME_S), key={0, 1, 2})
    assert list(call.wanted()) == [1]
    consumer.prefer(2, None, rooms.away.now)
    rooms.carry()
    assert list(call.wanted()) == [1, 2]
    consumer.pause(rooms.away.now)
    rooms.carry()
    call.play(round((2 * LOWER_AFTER_S + 1) / FRAME_S))
    assert list(call.wanted()) == [1, 2, 0]
    consumer.resume(rooms.away.now)
    rooms.carry()
    assert list(call.wanted()) == [1, 2, 0, 2]


def test_an_encoding_that_dies_is_left_away_as_well() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, rooms.pipe(call.producer))
    rooms.carry()
    call.play(30, key={0, 1, 2})
    call.silent = {2}
    call.play(round((STEADY_S + 1) / FRAME_S), key={1})
    call.play(1, key={1})
    call.play(10)
    assert consumer.layers is not None
    assert consumer.layers.spatial == 1
    assert_continuous(there.link.sent)


def test_a_voice_that_is_left_out_is_not_carried_and_leaves_no_gap() -> None:
    rooms = PipedRooms(audio_last_n=1)
    speakers = [rooms.home.transport() for _ in range(2)]
    producers = [rooms.home.produce(each, "audio") for each in speakers]
    there = rooms.away.transport()
    consumers = [
        rooms.away.consume(there, rooms.pipe(producer), mid=str(n)) for n, producer in enumerate(producers)
    ]
    rooms.carry()
    number = 0

    def play(levels: tuple[int, int], packets: int) -> None:
        nonlocal number
        for _ in range(packets):
            number += 1
            for transport, level in zip(speakers, levels, strict=True):
                rooms.home.receive(transport, audio(number, timestamp=960 * number, dbov=level))
            rooms.home.advance(0.02)

    play((-30, -127), 20)
    first = rooms.home_end.counters.packets_sent
    play((-127, -20), 60)
    assert consumers[0].producer.is_left_out
    assert not consumers[1].producer.is_left_out
    assert rooms.home_end.counters.packets_sent - first < 90
    play((-20, -127), 60)
    assert not consumers[0].producer.is_left_out
    for n in range(2):
        numbers = [packet.sequence_number for packet in there.link.sent if packet.mid == str(n).encode()]
        assert len(numbers) > 40
        assert numbers == [numbers[0] + each & 0xFFFF for each in range(len(numbers))]
    assert not any(event == "router.activeSpeaker" for event, _ in rooms.away.notifications)


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
