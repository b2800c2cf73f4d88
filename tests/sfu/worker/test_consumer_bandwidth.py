"""A transport's consumers under their peer's feedback: estimates, allotments, probes, in the worker's objects."""

from itertools import pairwise

import pytest

from sfu.bwe.transport_cc_feedback import TransportCcFeedbackGenerator
from sfu.rtp.layers import Layers
from sfu.rtp.rtcp import Nack, ReceiverReport, Remb, ReportBlock, TransportFeedback
from sfu.worker.consumer import Consumer
from sfu.worker.consumer_bandwidth import EVERYTHING, START_BPS, UNHEARD_S
from sfu.worker.webrtc_transport import WebRtcTransport
from shared.transport_parameters import TransportTuple
from tests.support.media_rig import VP8_DELTA_FRAME, VP8_KEY_FRAME, MediaRig, audio, video

FRAME_S = 1 / 30
TRACK_BPS = 1_200_000
FRAME_PACKETS = 4


@pytest.fixture
def rig() -> MediaRig:
    return MediaRig()


class Peer:
    """Consumes what one publisher sends, over a path of so many bits a second, and tells how it arrives."""

    def __init__(self, rig: MediaRig, tracks: int = 1, *, path_bps: float = 1e9, answers: bool = True) -> None:
        self.rig = rig
        self.publisher = rig.transport()
        self.transport = rig.transport()
        self.path_bps = path_bps
        self.answers = answers
        self.consumers: list[Consumer] = []
        self.lost: set[int] = set()
        self._generator = TransportCcFeedbackGenerator()
        self._sequence = 0
        self._seen = 0
        self._free_at = 0.0
        self._arriving: list[tuple[float, int]] = []
        for number in range(tracks):
            ssrc = 1111 + 100 * number
            producer = rig.produce(self.publisher, encodings=[{"ssrc": ssrc, "rtx": {"ssrc": ssrc + 1}}])
            self.consumers.append(rig.consume(self.transport, producer, mid=str(number)))

    def run(self, seconds: float) -> None:
        """Let frames come and go, one each 33 ms of each track."""
        end = self.rig.now + seconds
        while self.rig.now < end:
            self._publish()
            for _ in range(33):
                self.rig.advance(FRAME_S / 33)
                self._receive()

    @property
    def bandwidth(self) -> int | None:
        return self.transport.bandwidth.available_bps

    def allotted(self) -> list[Layers | None]:
        return [consumer._allotted for consumer in self.consumers]

    def _publish(self) -> None:
        size = int(TRACK_BPS * FRAME_S / 8 / FRAME_PACKETS) - 60
        head = VP8_KEY_FRAME if self._sequence % 120 == 0 else VP8_DELTA_FRAME
        packets = []
        for number in range(len(self.consumers)):
            for index in range(FRAME_PACKETS):
                packet = bytearray(
                    video(
                        self._sequence + index,
                        (head if index == 0 else VP8_DELTA_FRAME).ljust(size, b"\1"),
                        timestamp=int(self.rig.now * 90_000) & 0xFFFFFFFF,
                        marker=index == FRAME_PACKETS - 1,
                    )
                )
                packet[8:12] = (1111 + 100 * number).to_bytes(4, "big")
                packets.append(bytes(packet))
        self._sequence += FRAME_PACKETS
        self.rig.receive(self.publisher, *packets)

    def _receive(self) -> None:
        now, sent = self.rig.now, self.transport.link.sent
        for packet in sent[self._seen :]:
            self._free_at = max(self._free_at, now) + packet.size * 8 / self.path_bps
            if packet.transport_sequence is not None and packet.transport_sequence not in self.lost:
                self._arriving.append((self._free_at, packet.transport_sequence))
        self._seen = len(sent)
        while self._arriving and self._arriving[0][0] <= now:
            self._generator.received(self._arriving.pop(0)[1] & 0xFFFF, now)
        for feedback in self._generator.due(now):
            if self.answers:
                self.rig.receive_rtcp(self.transport, feedback)


def padding(transport: WebRtcTransport, consumer: Consumer) -> list[tuple[int, int]]:
    """List sequence and transport-wide numbers of what went out in the stream of retransmissions."""
    return [
        (packet.sequence_number, packet.transport_sequence)
        for packet in transport.link.sent
        if packet.ssrc == consumer.sent.rtx_ssrc
    ]


def test_nothing_is_known_without_feedback_and_after_a_while_nothing_is_withheld(rig: MediaRig) -> None:
    peer = Peer(rig, 2, answers=False)
    peer.run(UNHEARD_S - 0.2)
    assert peer.bandwidth is None
    assert peer.allotted() == [EVERYTHING, None], "the second does not fit into what a peer begins with"
    peer.run(3)
    assert peer.bandwidth is None
    assert peer.allotted() == [EVERYTHING, EVERYTHING]


def test_a_wide_path_carries_everything(rig: MediaRig) -> None:
    peer = Peer(rig, 3, path_bps=20e6)
    peer.run(4)
    assert peer.allotted() == [Layers(0, 0)] * 3
    assert peer.bandwidth is not None
    assert 3 * TRACK_BPS < peer.bandwidth < 20e6


def test_probes_are_padding_in_the_stream_of_retransmissions(rig: MediaRig) -> None:
    peer = Peer(rig, 3, path_bps=2.9e6)
    peer.run(10)
    probes = padding(peer.transport, peer.consumers[0])
    assert probes
    assert padding(peer.transport, peer.consumers[1]) == []
    assert all(later == earlier + 1 for (earlier, _), (later, _) in pairwise(probes))
    numbers = [packet.transport_sequence for packet in peer.transport.link.sent]
    assert numbers == list(range(len(numbers)))
    assert {
        packet.payload for packet in peer.transport.link.sent if packet.ssrc == peer.consumers[0].sent.rtx_ssrc
    } == {b""}, "nothing but padding"


def test_feedback_is_cheap_to_repeat(rig: MediaRig) -> None:
    peer = Peer(rig, 1, path_bps=20e6)
    peer.run(2)
    estimate = peer.bandwidth
    sent = len(peer.transport.link.sent)
    for _ in range(50):
        rig.receive_rtcp(peer.transport, TransportFeedback(1, 2, 0, 0xFFFFFF, 255, (32767, -32768) * (sent // 2)))
    assert peer.bandwidth == estimate


def test_a_narrow_path_carries_what_fits_and_no_more(rig: MediaRig) -> None:
    peer = Peer(rig, 3, path_bps=2.9e6)
    peer.run(20)
    assert peer.bandwidth is not None
    assert 0.7 * 2.9e6 < peer.bandwidth < 1.05 * 2.9e6
    assert peer.allotted() == [Layers(0, 0), Layers(0, 0), None]
    peer.path_bps = 20e6
    peer.run(10)
    assert peer.allotted() == [Layers(0, 0)] * 3


def test_priority_decides_who_goes_first(rig: MediaRig) -> None:
    peer = Peer(rig, 3, path_bps=1.6e6)
    peer.consumers[1].priority = 2
    peer.run(10)
    assert peer.allotted() == [None, Layers(0, 0), None]


def test_audio_is_never_taken_away(rig: MediaRig) -> None:
    peer = Peer(rig, 1, path_bps=100e3)
    speaker = rig.transport()
    producer = rig.produce(speaker, "audio", encodings=[{"ssrc": 9}])
    consumer = rig.consume(peer.transport, producer, mid="a")
    heard = len(peer.transport.link.sent)
    for number in range(400):
        rig.receive(speaker, audio(number, ssrc=9))
        peer.run(FRAME_S)
    assert peer.allotted() == [None]
    assert consumer._allotted is not None
    heard = [packet for packet in peer.transport.link.sent if packet.ssrc == consumer.sent.ssrc]
    assert len(heard) == 400


def test_a_receivers_own_estimate_counts_where_there_is_no_other(rig: MediaRig) -> None:
    peer = Peer(rig, 2, answers=False)
    peer.run(2)
    rig.receive_rtcp(peer.transport, Remb(1, 3_000_000, (peer.consumers[0].sent.ssrc,)))
    peer.run(1)
    assert peer.bandwidth == 3_000_000
    assert peer.allotted() == [EVERYTHING, EVERYTHING]
    rig.receive_rtcp(peer.transport, Remb(1, 1_400_000, ()))
    peer.run(0.5)
    assert peer.allotted() == [EVERYTHING, None]


def test_reported_loss_bounds_a_receivers_own_estimate(rig: MediaRig) -> None:
    peer = Peer(rig, 1, answers=False)
    peer.run(2)
    rig.receive_rtcp(peer.transport, Remb(1, 5_000_000, ()))
    ssrc = peer.consumers[0].sent.ssrc
    rig.receive_rtcp(peer.transport, ReceiverReport(1, (ReportBlock(ssrc, 128, 0, 0, 0, 0, 0),)))
    assert peer.bandwidth is not None
    assert peer.bandwidth == pytest.approx(0.75 * peer.consumers[0].bitrate_bps, abs=2)
    rig.receive_rtcp(peer.transport, ReceiverReport(1, (ReportBlock(ssrc, 20, 0, 0, 0, 0, 0),)))
    assert peer.bandwidth == 5_000_000


def test_a_pause_makes_room_at_once(rig: MediaRig) -> None:
    peer = Peer(rig, 3, path_bps=2.9e6)
    peer.run(20)
    assert peer.allotted()[2] is None
    peer.consumers[0].pause(peer.rig.now)
    peer.transport.demand_changed(rig.now)
    peer.run(0.5)
    assert peer.consumers[2]._allotted == Layers(0, 0)


def test_a_transport_without_consumers_has_nothing_to_do(rig: MediaRig) -> None:
    transport = rig.transport()
    rig.receive_rtcp(transport, TransportFeedback(1, 2, 0, 0, 0, (1, 2, 3)), Remb(1, 100_000, ()))
    assert transport.bandwidth.next_timeout() == float("inf")
    assert transport.next_timeout() is None
    peer = Peer(rig, 2)
    peer.run(1)
    for consumer in peer.consumers:
        consumer.close()
        peer.transport.remove_consumer(consumer)
    assert peer.transport.bandwidth.next_timeout() == float("inf")
    assert peer.transport.next_timeout() is None


@pytest.mark.parametrize("base", [0, 127, 32767, 32768, 65534, 65535])
def test_hostile_feedback_changes_nothing(rig: MediaRig, base: int) -> None:
    peer = Peer(rig, 1, path_bps=20e6)
    peer.run(1)
    estimate = peer.bandwidth
    sent = len(peer.transport.link.sent)
    for count in (1, 8192):
        statuses = (-32768, 32767) * (count // 2) + (None,) * (count % 2)
        unknown = (sent + 1 + base) & 0xFFFF
        if (sent - unknown) & 0xFFFF < sent:
            continue  # a number that was sent
        rig.receive_rtcp(peer.transport, TransportFeedback(1, 2, unknown, 0xFFFFFF, 255, statuses))
    assert peer.bandwidth == estimate
    assert (peer.bandwidth or 0) >= START_BPS
    peer.run(1)
    assert peer.allotted() == [Layers(0, 0)]


def test_another_path_is_taken_for_what_it_is(rig: MediaRig) -> None:
    peer = Peer(rig, 1, path_bps=20e6)
    peer.run(2)
    estimator = peer.transport.bandwidth._estimator
    assert estimator is not None
    groups = estimator._detector.groups
    peer.run(1)
    assert estimator._detector.groups > groups, "nothing is forgotten while the path stays"
    peer.transport.link.selected_tuple = TransportTuple("127.0.0.1", 40000, "127.0.0.1", 5001, "udp")
    peer.run(0.3)
    assert estimator._detector.groups < groups


def test_a_storm_of_nacks_does_not_fill_a_narrow_path(rig: MediaRig) -> None:
    peer = Peer(rig, 1, path_bps=300e3)
    peer.run(5)
    consumer, estimate = peer.consumers[0], peer.bandwidth
    assert estimate is not None
    assert estimate < 600e3
    before, highest = consumer.sent.bytes_retransmitted, consumer._splicer.sequence.highest_output
    for _ in range(100):
        lost = tuple(number & 0xFFFF for number in range(highest - 60, highest))
        rig.receive_rtcp(peer.transport, Nack(1, consumer.sent.ssrc, lost))
        rig.advance(0.01)
    assert 0 < (consumer.sent.bytes_retransmitted - before) * 8 < 0.5 * estimate


def test_what_is_needed_to_go_on_is_sent_again_first(rig: MediaRig) -> None:
    peer = Peer(rig, 1, path_bps=300e3)
    peer.run(3.9)
    consumer, splicer = peer.consumers[0], peer.consumers[0]._splicer
    old = splicer.sequence.highest_output
    peer._sequence += -peer._sequence % 120
    peer.run(0.2)
    key = splicer.needed_from
    assert key > old - 4
    sent = len(peer.transport.link.sent)
    lost = tuple(number & 0xFFFF for number in (*range(key - 40, key), *range(key, key + 4)))
    rig.receive_rtcp(peer.transport, Nack(1, consumer.sent.ssrc, lost))
    again = [packet for packet in peer.transport.link.sent[sent:] if packet.ssrc == consumer.sent.rtx_ssrc]
    assert [int.from_bytes(packet.payload[:2], "big") for packet in again[:4]] == [
        number & 0xFFFF for number in range(key, key + 4)
    ][: len(again)]
    assert 0 < len(again) < len(lost)
