"""Consumers that go by a lane get just what they would get if each looked at every batch itself."""

import random

import pytest

from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.rtp.rtcp import Nack
from sfu.worker.consumer import Consumer
from sfu.worker.producer import Producer
from sfu.worker.stream_views import SendLanes
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import VP8_KEY_FRAME, Forwarded, MediaRig, video


def attended(producer: Producer) -> list[Consumer]:
    return list(producer.streams[0].views.attended)


class Room:
    """A publisher of video and some who watch, `together` by lanes or each by himself."""

    def __init__(self, watchers: int, *, together: bool = True, start: int = 100) -> None:
        self.rig = MediaRig()
        self.here = self.rig.transport()
        self.producer = self.rig.produce(self.here)
        self.there: list[WebRtcTransport] = []
        self.consumers: list[Consumer] = []
        self.next = start
        self._together = together
        for _ in range(watchers):
            self.join()

    def join(self) -> None:
        transport = self.rig.transport()
        transport.link.fan_out_tag = 0 if self._together else None
        self.there.append(transport)
        self.consumers.append(self.rig.consume(transport, self.producer))

    def frame(self, packets: int = 3, *, key: bool = False) -> list[bytes]:
        made = []
        for n in range(packets):
            options = {"timestamp": 3000 * self.next, "marker": n == packets - 1}
            payload = {"payload": VP8_KEY_FRAME} if key and not n else {}
            made.append(video(self.next, **payload, **options))
            self.next += 1
        return made

    def send(self, *packets: bytes) -> None:
        self.rig.receive(self.here, *packets)
        self.rig.advance(0.033)

    def sent(self, n: int) -> list[Forwarded]:
        return list(self.there[n].link.sent)


def test_from_the_second_frame_on_nobody_looks_at_batches_any_more() -> None:
    room = Room(3)
    room.send(*room.frame(key=True))
    room.send(*room.frame())
    assert attended(room.producer) == []
    room.consumers[1].pause(room.rig.now)
    room.send(*room.frame())
    assert [len(room.sent(n)) for n in range(3)] == [9, 6, 9]
    room.consumers[1].resume(room.rig.now)
    assert attended(room.producer) == [room.consumers[1]]
    room.send(*room.frame(key=True))
    room.send(*room.frame())
    assert attended(room.producer) == []
    assert [len(room.sent(n)) for n in range(3)] == [15, 12, 15]
    numbers = [packet.sequence_number for packet in room.sent(1)]
    assert numbers == list(range(numbers[0], numbers[0] + 12))


@pytest.mark.parametrize("start", [100, 32_767, 32_768, 65_534])
def test_consumers_of_a_stream_have_the_same_numbers(start: int) -> None:
    room = Room(2, start=start)
    room.send(*room.frame(key=True))
    room.join()
    room.send(*room.frame(key=True))
    assert numbered(room.sent(0)) == numbered(room.sent(1))
    later = [packet.sequence_number for packet in room.sent(2)]
    assert later == [packet.sequence_number % 32_768 for packet in room.sent(0)[3:]]
    assert room.sent(0)[0].sequence_number == start % 32_768


def test_what_went_out_by_lane_is_counted_and_sent_again() -> None:
    room = Room(2)
    room.send(*room.frame(key=True))
    for _ in range(5):
        room.send(*room.frame())
    consumer, link = room.consumers[1], room.there[1].link
    assert consumer.sent.packets_sent == 18
    assert consumer.sent.last_sent_at == pytest.approx(room.rig.now - 0.033)
    lost = link.sent[10].sequence_number
    room.rig.receive_rtcp(room.there[1], Nack(1, consumer.sent.ssrc, (lost,)))
    assert consumer.sent.packets_retransmitted == 1
    assert link.sent[-1].ssrc == consumer.sent.rtx_ssrc
    assert int.from_bytes(link.sent[-1].payload[:2], "big") == lost


def test_a_packet_from_before_one_joined_reaches_those_who_were_there() -> None:
    room = Room(1)
    room.send(*room.frame(key=True))
    late, *rest = room.frame()
    room.send(*rest)
    room.join()
    room.send(*room.frame(key=True))
    room.send(*room.frame())
    assert attended(room.producer) == []
    room.send(late)
    assert [len(room.sent(n)) for n in range(2)] == [12, 6]
    assert room.consumers[0].sent.packets_sent == 12
    room.send(*room.frame())
    room.send(*room.frame())
    assert [len(room.sent(n)) for n in range(2)] == [18, 12]
    assert attended(room.producer) == []


def test_who_cannot_be_reached_waits_for_a_key_frame_and_has_no_gap() -> None:
    room = Room(2)
    room.send(*room.frame(key=True))
    room.send(*room.frame())
    room.there[0].link.ready = False
    room.send(*room.frame())
    assert room.consumers[0].sent.packets_sent == 6
    room.there[0].link.ready = True
    room.consumers[0].start(room.rig.now)
    room.send(*room.frame(key=True))
    numbers = [packet.sequence_number for packet in room.sent(0)]
    assert numbers == list(range(numbers[0], numbers[0] + 9))
    assert len(room.sent(1)) == 12


def test_after_a_fault_of_the_fan_out_nobody_gets_again_what_some_have_and_everybody_goes_on() -> None:
    room = Room(2)
    faults: list[str] = []
    room.rig.fault = faults.append  # type: ignore[method-assign]
    room.send(*room.frame(key=True))
    room.send(*room.frame())
    whole, room.rig.send_lanes = room.rig.send_lanes, fails_half_way(room.rig)  # type: ignore[method-assign]
    room.join()
    room.send(*room.frame(key=True))
    assert faults == ["fan_out_fault"]
    assert [len(room.sent(n)) for n in range(3)] == [9, 6, 3], "who has no lane is served as ever"
    assert len(attended(room.producer)) == 3
    room.rig.send_lanes = whole  # type: ignore[method-assign]
    room.send(*room.frame())
    assert [len(room.sent(n)) for n in range(3)] == [12, 9, 6]
    numbers = [packet.sequence_number for packet in room.sent(1)]
    assert numbers[6] == numbers[5] + 4
    lost = tuple(range(numbers[5] + 1, numbers[6]))
    room.rig.receive_rtcp(room.there[1], Nack(1, room.consumers[1].sent.ssrc, lost))
    assert [packet.ssrc for packet in room.sent(1)[9:]] == [room.consumers[1].sent.rtx_ssrc] * 3


def fails_half_way(rig: MediaRig) -> SendLanes:
    """Make a fan-out that serves one lane, and then has a fault."""

    def send(batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        key, [lane, *_] = next(iter(groups.items()))
        MediaRig.send_lanes(rig, batch, {key: [lane]})
        raise ZeroDivisionError

    return send


@pytest.mark.parametrize("seed", range(40))
def test_lanes_change_nothing_of_what_is_sent(seed: int) -> None:
    rooms = [Room(3, together=True, start=65_500), Room(3, together=False, start=65_500)]
    for room in rooms:
        dice = random.Random(seed)  # noqa: S311 - a test's dice
        held: list[bytes] = []
        room.send(*room.frame(key=True))
        for _ in range(60):
            act(room, dice, held)
    together, alone = rooms
    for n in range(len(together.there)):
        assert numbered(together.sent(n)) == numbered(alone.sent(n))
        mine, theirs = together.consumers[n].sent, alone.consumers[n].sent
        for name in ("packets_sent", "bytes_sent", "last_timestamp", "last_sent_at", "packets_retransmitted"):
            assert getattr(mine, name) == getattr(theirs, name), name


def numbered(packets: list[Forwarded]) -> list[tuple[object, ...]]:
    return [
        (each.sequence_number, each.timestamp, each.transport_sequence, each.payload, each.payload_type)
        for each in packets
    ]


def act(room: Room, dice: random.Random, held: list[bytes]) -> None:
    """Let something happen that may happen to a consumer; packets of frames are lost, held back and repeated."""
    consumer = dice.choice(room.consumers)
    match dice.randrange(9):
        case 0:
            consumer.pause(room.rig.now)
        case 1:
            consumer.resume(room.rig.now)
        case 2:
            room.send(*room.frame(key=True))
        case 3 if held:
            room.send(held.pop(dice.randrange(len(held))))
        case 4 if len(room.consumers) < 6:
            room.join()
        case 5:
            transport = room.there[room.consumers.index(consumer)]
            if transport.link.sent:
                lost = dice.choice(transport.link.sent).sequence_number
                room.rig.receive_rtcp(transport, Nack(1, consumer.sent.ssrc, (lost,)))
        case _:
            packets = room.frame(dice.randint(1, 5))
            if dice.random() < 0.3:
                held.append(packets.pop(dice.randrange(len(packets))))
            dice.shuffle(packets)
            if packets:
                room.send(*packets)
