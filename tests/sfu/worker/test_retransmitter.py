from dataclasses import replace

import pytest

from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS
from sfu.rtp.rtcp import Nack, PictureLossIndication, serialize_rtcp
from sfu.worker.retransmitter import MAX_ALLOWANCE
from sfu.worker.webrtc_transport import RTCP_RATE_HZ, RTCP_RATE_PER_CONSUMER_HZ
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, audio, video


def forward(rig: MediaRig, count: int, kind: str = "video") -> tuple[object, object, object]:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here, kind))
    packets = [video(n, VP8_KEY_FRAME) if kind == "video" else audio(n) for n in range(count)]
    for at in range(0, count, 50):
        rig.receive(here, *packets[at : at + 50])
    return here, there, consumer


def test_a_storm_of_nacks_brings_no_storm_of_packets(rig: MediaRig) -> None:
    _, there, consumer = forward(rig, 600)
    numbers = [packet.sequence_number for packet in there.link.sent]  # type: ignore[attr-defined]
    ssrc = consumer.sent.ssrc  # type: ignore[attr-defined]
    storm = [Nack(1, ssrc, tuple(numbers[at : at + 17])) for at in range(0, 600, 17)]
    for _ in range(5):
        rig.receive_rtcp(there, *storm)  # type: ignore[arg-type]
        rig.now += 0.15
    assert len(there.link.sent) - 600 == MAX_ALLOWANCE  # type: ignore[attr-defined]
    assert consumer.sent.packets_retransmitted == MAX_ALLOWANCE  # type: ignore[attr-defined]


def test_what_is_asked_for_in_vain_takes_nothing_of_the_allowance(rig: MediaRig) -> None:
    here, there, consumer = forward(rig, 50)
    gone = tuple(packet.sequence_number for packet in there.link.sent)  # type: ignore[attr-defined]
    rig.now += 10
    for _ in range(100):
        rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, gone))  # type: ignore[arg-type, attr-defined]
        rig.now += 0.1
    assert len(there.link.sent) == 50  # type: ignore[attr-defined]
    rig.receive(here, video(50, VP8_KEY_FRAME))  # type: ignore[arg-type]
    lost = there.link.sent[-1].sequence_number  # type: ignore[attr-defined]
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (*gone[:16], lost)))  # type: ignore[arg-type, attr-defined]
    assert len(there.link.sent) == 52  # type: ignore[attr-defined]


def test_the_allowance_comes_back_with_what_is_sent(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    consumer._retransmitter._allowance = 0
    rig.receive(here, video(0, VP8_KEY_FRAME), video(1), video(2))
    numbers = tuple(packet.sequence_number for packet in there.link.sent)
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (*numbers, *numbers)))
    assert len(there.link.sent) == 6
    rig.now += 0.5
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, numbers))
    assert len(there.link.sent) == 6


def test_one_nack_brings_at_most_one_batch(rig: MediaRig) -> None:
    _, there, consumer = forward(rig, 200)
    numbers = tuple(packet.sequence_number for packet in there.link.sent)  # type: ignore[attr-defined]
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, numbers))  # type: ignore[arg-type, attr-defined]
    assert len(there.link.sent) == 200 + MAX_BATCH_PACKETS  # type: ignore[attr-defined]


def test_without_rtx_the_packet_goes_again_as_it_was(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    consumer.sent.rtx_ssrc = None
    rig.receive(here, video(0, VP8_KEY_FRAME), video(2), video(3))
    wanted = there.link.sent[1]
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (wanted.sequence_number,)))
    again = there.link.sent[-1]
    assert (again.ssrc, again.sequence_number, again.timestamp) == (
        wanted.ssrc,
        wanted.sequence_number,
        wanted.timestamp,
    )
    assert (again.payload, again.payload_type) == (wanted.payload, wanted.payload_type)
    assert consumer.sent.packets_retransmitted == 1


def test_a_stream_without_nack_keeps_nothing_to_send_again(rig: MediaRig) -> None:
    _, there, consumer = forward(rig, 10, "audio")
    number = there.link.sent[3].sequence_number  # type: ignore[attr-defined]
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (number,)))  # type: ignore[arg-type, attr-defined]
    assert len(there.link.sent) == 10  # type: ignore[attr-defined]


@pytest.mark.parametrize("consumers", [0, 3])
def test_a_flood_of_rtcp_is_dropped_unread_and_over_with_the_second(rig: MediaRig, consumers: int) -> None:
    here, there = rig.transport(), rig.transport()
    made = [rig.consume(there, rig.produce(here, encodings=[{"ssrc": n}])) for n in range(consumers)]
    limit = RTCP_RATE_HZ + RTCP_RATE_PER_CONSUMER_HZ * consumers
    rig.now += 1
    pli = memoryview(serialize_rtcp([PictureLossIndication(1, made[0].sent.ssrc if made else 5)]))
    for _ in range(limit + 100):
        there.on_rtcp(pli, rig.now)
    assert rig.drops["rtcp_flood"] == 100
    assert sum(consumer.sent.pli_count for consumer in made) == (limit if made else 0)
    rig.now += 1
    there.on_rtcp(pli, rig.now)
    assert rig.drops["rtcp_flood"] == 100


def test_without_rtx_nothing_that_would_differ_is_sent_under_a_used_gcm_nonce(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    there.link.may_repeat = False
    consumer = rig.consume(there, rig.produce(here))
    consumer.sent.rtx_ssrc = None
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2))
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (there.link.sent[1].sequence_number,)))
    assert len(there.link.sent) == 2
    there.link.may_repeat = True
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (there.link.sent[1].sequence_number,)))
    assert there.link.sent[2] == replace(there.link.sent[1], transport_sequence=2)


@pytest.mark.parametrize(("octets", "packets"), [(1, 1), (279, 1), (280, 2), (30_000, 108)])
def test_padding_goes_out_as_retransmissions_of_nothing(rig: MediaRig, octets: int, packets: int) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    consumer.send_padding(octets)
    consumer.send_padding(octets)
    padding = there.link.sent
    assert [packet.sequence_number for packet in padding] == list(range(2 * packets))
    assert {(packet.ssrc, packet.mid, packet.payload) for packet in padding} == {
        (consumer.sent.rtx_ssrc, b"7", b"")
    }
    size = sum(packet.size for packet in padding)
    assert abs(size / 2 - octets) <= 24 + packets
    assert consumer.sent.bytes_of_padding == size
    assert consumer.sent.packets_sent == 0


def test_without_retransmissions_there_is_no_padding(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here, "audio"))
    assert not consumer.can_probe
    consumer.send_padding(1000)
    assert there.link.sent == []


def test_what_cannot_be_sent_again_in_time_is_made_up_for_by_a_key_frame(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(0, VP8_KEY_FRAME), video(1), video(2))
    missing = Nack(1, consumer.sent.ssrc, (there.link.sent[1].sequence_number,))
    rig.receive_rtcp(there, missing)
    assert len(there.link.sent) == 4
    asked = len(here.link.rtcp_of(PictureLossIndication))
    rig.advance(1.5)
    rig.receive_rtcp(there, missing)
    assert len(there.link.sent) == 4
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked + 1
    rig.receive(here, video(3, VP8_KEY_FRAME, timestamp=93_000))
    rig.advance(1.0)
    asked = len(here.link.rtcp_of(PictureLossIndication))
    rig.receive_rtcp(there, missing)
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked, "nobody needs it after a key frame"


def test_a_key_frame_makes_up_for_nothing_that_has_not_come_in_yet(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(0, VP8_KEY_FRAME), video(2))
    asked = len(here.link.rtcp_of(PictureLossIndication))
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (there.link.sent[0].sequence_number + 1,)))
    assert len(here.link.rtcp_of(PictureLossIndication)) == asked
