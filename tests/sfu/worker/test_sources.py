"""Publishers that start anew, change their SSRC or codec, or send what does not belong together."""

from itertools import pairwise

import pytest

from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS
from sfu.rtp.rtcp import FullIntraRequest, Nack, PictureLossIndication
from sfu.worker.layering import STALLED_S
from tests.support.media_rig import (
    VP8_DELTA_FRAME,
    VP8_KEY_FRAME,
    MediaRig,
    audio,
    retransmitted,
    video,
)
from tests.support.rtp_packets import build_rtp

MID_ID, RID_ID, REPAIRED_RID_ID = 4, 10, 11
SIMULCAST = [{"rid": "low"}, {"rid": "high"}]


def under(ssrc: int, packet: bytes) -> bytes:
    return packet[:8] + ssrc.to_bytes(4, "big") + packet[12:]


def named(ssrc: int, sequence: int, rid: str, payload: bytes = VP8_DELTA_FRAME, **fields: int) -> bytes:
    """Build a packet of a simulcast layer as Chromium does at first: with RID, without a signalled SSRC."""
    element = bytes([RID_ID << 4 | len(rid) - 1]) + rid.encode()
    return under(ssrc, video(sequence, payload, extension=(0xBEDE, element), **fields))


def repair(ssrc: int, original: int, rid: str, payload: bytes = VP8_DELTA_FRAME) -> bytes:
    element = bytes([REPAIRED_RID_ID << 4 | len(rid) - 1]) + rid.encode()
    return build_rtp(
        payload=original.to_bytes(2, "big") + payload,
        payload_type=97,
        sequence_number=1,
        timestamp=90_000,
        ssrc=ssrc,
        extension=(0xBEDE, element),
    )


def continuous(numbers: list[int]) -> bool:
    return all((after - before) & 0xFFFF == 1 for before, after in pairwise(numbers))


def asked(transport: object) -> int:
    return len(transport.link.rtcp_of(PictureLossIndication))  # type: ignore[attr-defined]


@pytest.mark.parametrize("start", [5, 20_000, 40_000, 65_535])
def test_a_source_that_starts_anew_goes_on_with_a_key_frame_and_without_a_jump(rig: MediaRig, start: int) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(10_000, VP8_KEY_FRAME, timestamp=3_000_000))
    rig.receive(here, video(10_001, timestamp=3_003_000))
    rig.advance(2)
    before = asked(here)
    for n in range(4):
        rig.receive(here, video(start + n, timestamp=7000 + 3000 * n))
    assert len(there.link.sent) == 2
    assert asked(here) == before + 1
    rig.receive(here, video(start + 4, VP8_KEY_FRAME, timestamp=19_000))
    rig.receive(here, video(start + 5, timestamp=22_000))
    sent = there.link.sent
    assert continuous([packet.sequence_number for packet in sent])
    assert [packet.timestamp for packet in sent] == [
        3_000_000,
        3_003_000,
        3_003_000 + 180_000,
        3_003_000 + 183_000,
    ]


def test_audio_that_starts_anew_goes_on_at_once(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here, "audio"))
    rig.receive(here, audio(10_000, timestamp=960))
    rig.advance(0.5)
    for n in range(4):
        rig.receive(here, audio(40_000 + n, timestamp=5_000_000 + 960 * n))
    sent = there.link.sent
    assert continuous([packet.sequence_number for packet in sent])
    assert [packet.timestamp for packet in sent] == [960, 24_960, 25_920, 26_880]


def test_silence_in_audio_is_no_restart(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, "audio")
    rig.consume(there, producer)
    rig.receive(here, audio(1, timestamp=960))
    rig.advance(20)  # discontinuous transmission: numbers go on, the clock runs
    rig.receive(here, audio(2, timestamp=960 + 20 * 48_000))
    first, second = there.link.sent
    assert continuous([first.sequence_number, second.sequence_number])
    assert second.timestamp - first.timestamp == 20 * 48_000
    assert producer.streams[0].received.restarts == 0


def test_what_went_out_before_a_restart_is_sent_again_as_it_was(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    consumer = rig.consume(there, rig.produce(here))
    rig.receive(here, video(100, VP8_KEY_FRAME), video(101))
    rig.receive(here, video(30_000), video(30_001, VP8_KEY_FRAME), video(30_002))
    old, new = there.link.sent[1], there.link.sent[-1]
    count = len(there.link.sent)
    rig.receive_rtcp(there, Nack(1, consumer.sent.ssrc, (old.sequence_number, new.sequence_number)))
    again = there.link.sent[count:]
    for packet, first in zip(again, (new, old), strict=True):  # what is needed to go on is first
        assert packet.payload == first.sequence_number.to_bytes(2, "big") + first.payload
        assert packet.timestamp == first.timestamp


def test_a_new_ssrc_takes_over_and_late_packets_of_the_old_one_do_not_take_it_back(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, encodings=[{}])
    rig.consume(there, producer)
    rig.receive(here, under(5000, video(100, VP8_KEY_FRAME, extension=(0xBEDE, b"\x400\0\0"))))
    rig.advance(1)
    rig.receive(here, under(6000, video(7, VP8_KEY_FRAME, extension=(0xBEDE, b"\x400\0\0"))))
    rig.receive(here, under(5000, video(101)), under(6000, video(8)))
    assert [stream.ssrc for stream in producer.streams] == [6000]
    assert len(there.link.sent) == 3
    assert continuous([packet.sequence_number for packet in there.link.sent])
    assert producer.packets_discarded == 1


def test_a_first_key_frame_that_was_lost_is_asked_for(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    assert asked(here) == 0, "there is no stream to ask of"
    rig.receive(here, video(2))
    assert asked(here) == 1
    rig.receive(here, video(3))
    assert asked(here) == 1


def test_a_peer_that_cannot_be_reached_has_nobody_asked_for_key_frames(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport(connected=False)
    there.link.ready = False
    rig.consume(there, rig.produce(here))
    for n in range(100):
        rig.receive(here, video(n, VP8_KEY_FRAME if n % 10 == 0 else VP8_DELTA_FRAME))
        rig.advance(0.1)
    assert asked(here) == 0


def test_a_publisher_without_pli_is_asked_by_fir_and_one_without_both_not_at_all(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    consumer = rig.consume(there, producer)
    codec = producer._codecs[96]
    from dataclasses import replace

    producer._codecs[96] = replace(codec, uses_pli=False)
    rig.receive(here, video(1))
    rig.advance(1.1)
    assert [request.entries for request in here.link.rtcp_of(FullIntraRequest)] == [((1111, 1),), ((1111, 2),)]
    producer._codecs[96] = replace(codec, uses_pli=False, uses_fir=False)
    rig.receive(here, video(2, VP8_KEY_FRAME))
    rig.advance(5)
    consumer.request_key_frame(rig.now)
    assert len(here.link.rtcp_of(FullIntraRequest)) == 2
    assert asked(here) == 0


def test_a_layer_that_falls_silent_gives_way_to_a_lower_one_that_is_asked_for_a_key_frame(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here, encodings=SIMULCAST))
    rig.receive(here, named(21, 1, "low", VP8_KEY_FRAME), named(22, 1, "high", VP8_KEY_FRAME))
    rig.advance(STALLED_S / 2)
    rig.receive(here, named(21, 2, "low"))
    rig.advance(STALLED_S / 2 + 0.1)
    before = here.link.rtcp_of(PictureLossIndication)
    rig.receive(here, named(21, 3, "low"))
    assert here.link.rtcp_of(PictureLossIndication)[len(before) :] == [PictureLossIndication(0, 21)]
    count = len(there.link.sent)
    rig.receive(here, named(21, 4, "low", VP8_KEY_FRAME), named(21, 5, "low"))
    assert len(there.link.sent) == count + 2
    assert continuous([packet.sequence_number for packet in there.link.sent])


def test_the_first_repair_of_a_layer_holds_up_nothing(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, encodings=SIMULCAST)
    rig.consume(there, producer)
    rig.receive(here, named(21, 1, "low", VP8_KEY_FRAME))
    rig.receive(here, named(21, 3, "low"), repair(31, 2, "low"), named(21, 4, "low"))
    rig.receive(here, *(named(21, n, "low") for n in range(5, 5 + 2 * MAX_BATCH_PACKETS)))
    assert producer.streams[0].pending == []
    assert producer.streams[0].received.packets_repaired == 1
    assert len(there.link.sent) == 4 + 2 * MAX_BATCH_PACKETS


def test_media_and_repair_are_taken_only_under_their_own_ssrcs(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    rig.receive(here, under(1112, video(500, VP8_KEY_FRAME)))
    assert producer.streams == [], "media under the SSRC of repair makes no stream"
    rig.receive(here, video(1, VP8_KEY_FRAME), video(3))
    rig.receive(here, under(1112, video(50_000)), under(1112, video(50_001)))
    rig.receive(here, under(1111, retransmitted(4, 2)))
    rig.receive(here, video(4)[:1] + bytes([0x80 | 55]) + video(4)[2:])
    assert len(there.link.sent) == 2
    assert producer.streams[0].received.restarts == 0
    rig.receive(here, retransmitted(1, 2))
    assert len(there.link.sent) == 3


def test_repair_that_comes_before_any_media_is_dropped(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here)
    rig.consume(there, producer)
    rig.receive(here, retransmitted(1, 1, VP8_KEY_FRAME), retransmitted(2, 2))
    assert (there.link.sent, producer.packets_discarded) == ([], 2)
    rig.receive(here, video(1, VP8_KEY_FRAME))
    assert len(there.link.sent) == 1


def test_repair_without_a_payload_is_a_probe_and_dropped(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    rig.receive(here, video(1, VP8_KEY_FRAME))
    for n in range(5):
        rig.receive(here, build_rtp(payload_type=97, sequence_number=n, ssrc=1112, padding=200))
    rig.receive(here, retransmitted(9, 1))
    assert len(there.link.sent) == 1


def test_one_consumers_fault_does_not_reach_the_others(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here)
    transports = [rig.transport() for _ in range(3)]
    for transport in transports:
        rig.consume(transport, producer)
    faults: list[str] = []
    rig.fault = faults.append  # type: ignore[method-assign]

    def fail(*_: object) -> bool:
        raise RuntimeError("a bug")

    transports[1].link.send_batch = fail  # type: ignore[method-assign]
    rig.receive(here, video(1, VP8_KEY_FRAME), video(2))
    rig.receive(here, video(3))
    assert [len(transport.link.sent) for transport in transports] == [3, 0, 3]
    assert faults == ["deliver_fault"] * 2
