"""`producer.score` and `consumer.score`: what is told, when, and how often."""

from typing import Any

import pytest

from sfu.rtp.rtcp import Bye, Nack, PictureLossIndication, ReceiverReport, ReportBlock
from sfu.rtp.stream_recv import BYE_GRACE_S, INACTIVE_AFTER_S
from sfu.worker.scores import MIN_INTERVAL_S
from sfu.worker.stream_table import LAYER_INACTIVE_AFTER_S
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, audio, video


def told(rig: MediaRig, event: str) -> list[Any]:
    return [data["score"] for name, data in rig.notifications if name == event]


def stream(rig: MediaRig, transport: Any, first: int, seconds: float, *, lose_every: int = 0) -> int:
    """Let video come in at 50 packets a second; return the next number."""
    for number in range(first, first + round(seconds * 50)):
        if not lose_every or number % lose_every:
            rig.receive(transport, video(number, VP8_KEY_FRAME))
        rig.advance(0.02)
    return first + round(seconds * 50)


def test_a_perfect_stream_is_told_of_once(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    consumer = rig.consume(there, producer)
    stream(rig, here, 1, 10)
    assert told(rig, "producer.score") == [[{"encodingIdx": 0, "ssrc": 1111, "score": 10}]]
    assert told(rig, "consumer.score")[-1] == {"score": 10, "producerScore": 10, "producerScores": [10]}
    (name,) = {data["producerId"] for name, data in rig.notifications if name == "producer.score"}
    assert name == producer.id
    (name,) = {data["consumerId"] for name, data in rig.notifications if name == "consumer.score"}
    assert name == consumer.id


def test_loss_lowers_the_score_of_the_stream_and_of_what_is_made_from_it(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    stream(rig, here, 1, 20, lose_every=5)
    (last,) = told(rig, "producer.score")[-1]
    assert last["score"] == producer.streams[0].received.score == 3
    assert told(rig, "consumer.score")[-1] == {"score": 10, "producerScore": 3, "producerScores": [3]}


def test_notices_are_bounded_however_the_score_flaps(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    first = 1
    for _ in range(15):
        first = stream(rig, here, first, 1)
        first = stream(rig, here, first, 1, lose_every=2)
    assert 3 < len(told(rig, "producer.score")) <= 30 / MIN_INTERVAL_S + 1
    assert len(told(rig, "consumer.score")) <= 30 / MIN_INTERVAL_S + 2


def test_a_stream_that_falls_silent_is_dead_on_the_dot_and_alive_again_when_it_comes_back(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    following = stream(rig, here, 1, 3)
    received = producer.streams[0].received
    rig.advance(INACTIVE_AFTER_S - 0.03)
    assert received.is_active(rig.now)
    assert received.score == 10
    rig.advance(0.02)
    assert not received.is_active(rig.now)
    assert told(rig, "producer.score")[-1][0]["score"] == 0
    rig.advance(1)
    assert told(rig, "consumer.score")[-1] == {"score": 10, "producerScore": 0, "producerScores": [0]}
    stream(rig, here, following, 2.1)
    assert received.is_active(rig.now)
    assert told(rig, "producer.score")[-1][0]["score"] == 10
    assert told(rig, "consumer.score")[-1]["producerScore"] == 10


def test_one_of_several_encodings_is_given_up_sooner(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here, encodings=[{"ssrc": 1111}, {"ssrc": 2111}])
    stream(rig, here, 1, 1)
    rig.advance(LAYER_INACTIVE_AFTER_S + 0.01)
    assert told(rig, "producer.score")[-1] == [{"encodingIdx": 0, "ssrc": 1111, "score": 0}]
    assert not producer.streams[0].received.is_active(rig.now)


def test_padding_alone_keeps_no_stream_alive(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here)
    following = stream(rig, here, 1, 1)
    for number in range(following, following + 600):
        rig.receive(here, video(number, b"", padding=200))
        rig.advance(0.01)
    assert not producer.streams[0].received.is_active(rig.now)
    assert told(rig, "producer.score")[-1][0]["score"] == 0


def test_a_paused_producer_and_one_with_dtx_are_not_dead(rig: MediaRig) -> None:
    here, quiet = rig.transport(), rig.transport()
    producer = rig.produce(here)
    speaker = rig.produce(quiet, "audio", encodings=[{"ssrc": 7}])
    following = stream(rig, here, 1, 1)
    producer.pause(rig.now)
    for number in range(60):
        rig.receive(quiet, audio(number, ssrc=7))
        rig.advance(0.4)
    assert producer.streams[0].received.score == 10
    assert speaker.streams[0].received.score == 10
    producer.resume(rig.now)
    rig.advance(1)
    stream(rig, here, following, 1)
    assert {entry["score"] for scores in told(rig, "producer.score") for entry in scores} == {10}


def test_a_bye_ends_the_stream_at_once(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    consumer = rig.consume(there, producer)
    following = stream(rig, here, 1, 2)
    consumer.request_key_frame(rig.now)
    rig.receive(here, video(following + 1))
    rig.receive_rtcp(here, Bye((999, 1111)))
    assert told(rig, "producer.score")[-1] == [{"encodingIdx": 0, "ssrc": 1111, "score": 0}]
    assert told(rig, "consumer.score")[-1] == {"score": 10, "producerScore": 0, "producerScores": [0]}
    asked = len(here.link.rtcp_of(PictureLossIndication))
    rig.receive(here, video(following + 2))  # was under way
    rig.advance(BYE_GRACE_S)
    assert not producer.streams[0].received.is_active(rig.now)
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked
    assert here.link.rtcp_of(Nack) == []
    stream(rig, here, following + 3, 1.5)
    assert told(rig, "producer.score")[-1][0]["score"] == 10


def test_after_a_bye_another_ssrc_takes_over(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    stream(rig, here, 1, 1)
    rig.receive_rtcp(here, Bye((1111,)))
    element = b"\x40" + producer.parameters.mid.encode()  # type: ignore[union-attr]
    packet = bytearray(video(7, VP8_KEY_FRAME, extension=(0xBEDE, element)))
    packet[8:12] = (3333).to_bytes(4, "big")
    before = len(there.link.sent)
    rig.receive(here, bytes(packet))
    rig.advance(1)
    assert len(there.link.sent) == before + 1
    assert told(rig, "producer.score")[-1] == [{"encodingIdx": 0, "ssrc": 3333, "score": 10}]


def test_a_bye_about_others_ends_nothing(rig: MediaRig) -> None:
    here, elsewhere = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.produce(elsewhere, encodings=[{"ssrc": 5}])
    stream(rig, here, 1, 1)
    rig.receive_rtcp(elsewhere, Bye((1111,)))
    rig.receive_rtcp(here, Bye((1112, 5)))
    assert producer.streams[0].received.is_active(rig.now)


@pytest.mark.parametrize(("lost_a_report", "score"), [(0, 10), (10, 4)])
def test_a_consumers_score_follows_its_peers_reports(rig: MediaRig, lost_a_report: int, score: int) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    following = 1
    for report in range(1, 31):
        following = stream(rig, here, following, 1)
        block = ReportBlock(consumer.sent.ssrc, 0, report * lost_a_report, following, 0, 0, 0)
        rig.receive_rtcp(there, ReceiverReport(5, (block,)))
    rig.advance(2)
    assert told(rig, "consumer.score")[-1]["score"] == consumer.sent.score == score
