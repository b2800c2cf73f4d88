"""Under one key no number is used for packets that differ (RFC 3711 9.1, RFC 7714 9.1), whatever happens."""

import random
from collections.abc import Callable

import pytest

from sfu.ortc import fresh_ssrc
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.rtp.rtcp import Nack
from sfu.worker.consumer import Consumer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import VP8_KEY_FRAME, Forwarded, MediaRig, audio, retransmitted, video
from tests.support.piped_rooms import PipedRooms


class Peer:
    """Who receives; `ended` has the SSRCs whose state SRTP has forgotten, and what had been sent by then."""

    def __init__(self, transport: WebRtcTransport) -> None:
        self.transport = transport
        self.consumers: list[Consumer] = []
        self.consumed: set[str] = set()
        self.ended: list[tuple[int, int]] = []
        self.link = transport.link
        self.link.may_repeat = False  # type: ignore[misc]  # as with AES-GCM
        self.link.forget_stream = self._forget  # type: ignore[method-assign]

    @property
    def sent(self) -> list[Forwarded]:
        return self.link.sent  # type: ignore[attr-defined,no-any-return]  # a `RecordingLink`

    def _forget(self, ssrc: int) -> None:
        self.ended.append((ssrc, len(self.sent)))

    def check(self) -> None:
        for ssrc, length in self.ended:
            assert all(packet.ssrc != ssrc for packet in self.sent[length:]), "a forgotten stream goes on"
        highest: dict[int, int] = {}
        seen: dict[tuple[int, int], Forwarded] = {}
        for packet in self.sent:
            before = highest.get(packet.ssrc, packet.sequence_number)
            index = before + (packet.sequence_number - before + 0x8000 & 0xFFFF) - 0x8000
            assert index >= 0
            highest[packet.ssrc] = max(before, index)
            assert seen.setdefault((packet.ssrc, index), packet) == packet


class Class:
    """A publisher, at home on one worker, and peers there or, `piped`, on another."""

    def __init__(self, dice: random.Random, kind: str, *, piped: bool) -> None:
        self.dice, self.kind = dice, kind
        self.rooms = PipedRooms()
        self.piped = piped
        self.home: MediaRig = self.rooms.home
        self.rig: MediaRig = self.rooms.away if piped else self.home
        self.here = self.home.transport()
        self.number = dice.choice([0, 127, 32_767, 32_768, 65_500, 65_534])
        self.recent: list[int] = []
        self.held: list[bytes] = []
        self.fault_after: int | None = None
        self.faults: list[str] = []
        self.rig.fault = self.faults.append  # type: ignore[method-assign]
        self.rig.send_lanes = self._send_lanes  # type: ignore[method-assign]
        self._begin()
        self.peers = [Peer(self.rig.transport()) for _ in range(3)]
        for peer in self.peers:
            self.consume(peer)

    def _begin(self) -> None:
        self.origin = self.home.produce(self.here, self.kind, mid="0")
        self.producer: Producer = self.rooms.pipe(self.origin) if self.piped else self.origin
        self.shared = fresh_ssrc()

    def _send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        if self.fault_after is None:
            return MediaRig.send_lanes(self.rig, batch, groups)
        served, self.fault_after = self.fault_after, None
        lanes = [(key, lane) for key, group in groups.items() for lane in group]
        for key, lane in lanes[:served]:
            MediaRig.send_lanes(self.rig, batch, {key: [lane]})
        raise ZeroDivisionError

    def consume(self, peer: Peer) -> None:
        """As `sfu.control.transport` does it: the producer's SSRC the first time, then one of its own."""
        ssrc = fresh_ssrc() if self.producer.id in peer.consumed else self.shared
        peer.consumed.add(self.producer.id)
        mid = str(len(peer.consumers))
        peer.consumers.append(self.rig.consume(peer.transport, self.producer, mid=mid, ssrc=ssrc))

    def close(self, peer: Peer, consumer: Consumer) -> None:
        consumer.close()
        peer.transport.remove_consumer(consumer)
        peer.consumers.remove(consumer)

    def replace_producer(self) -> None:
        for peer in self.peers:
            for consumer in list(peer.consumers):
                self.close(peer, consumer)
        if self.piped:
            self.producer._parent.close()  # type: ignore[attr-defined]  # the inlet
            self.rooms.carry()
        self.origin.close()
        self.here.remove_producer(self.origin)
        self.home.router.remove_producer(self.origin)
        self._begin()
        for peer in self.peers:
            self.consume(peer)

    def send(self, count: int = 3, *, key: bool = False) -> None:
        packets = []
        for n in range(count):
            self.recent = [*self.recent[-20:], self.number]
            fields = {"timestamp": 3000 * self.number, "marker": n == count - 1}
            if self.kind == "audio":
                packets.append(audio(self.number, **fields))
            elif key and not n:
                packets.append(video(self.number, VP8_KEY_FRAME, **fields))
            else:
                packets.append(video(self.number, **fields))
            self.number += 1
        if self.dice.random() < 0.3:
            self.held.append(packets.pop(self.dice.randrange(len(packets))))
        self.dice.shuffle(packets)
        if packets:
            self.receive(*packets)

    def receive(self, *packets: bytes) -> None:
        self.home.receive(self.here, *packets)
        self.home.advance(0.033)

    def act(self) -> None:
        peer = self.dice.choice(self.peers)
        self.dice.choice(self._acts(peer, peer.consumers))()

    def _acts(self, peer: Peer, consumers: list[Consumer]) -> list[Callable[[], object]]:
        dice, now = self.dice, self.rig.now
        acts: list[Callable[[], object]] = [self.send, lambda: self.send(key=True)] * 6
        acts += [lambda: self.consume(peer) if len(consumers) < 3 else None, self.replace_producer]
        acts += [lambda: setattr(self, "fault_after", dice.randrange(3)), self._restart, self._block_pipe]
        acts += [lambda: self.origin.pause(now), *[lambda: self.origin.resume(now)] * 4, self._repeat]
        acts += [lambda: setattr(peer.link, "ready", False), *[lambda: self._reach(peer)] * 4]
        acts += [lambda: setattr(peer.link, "fan_out_tag", dice.choice([None, 0]))]
        if self.held:
            acts.append(lambda: self.receive(self.held.pop(dice.randrange(len(self.held)))))
        if consumers:
            consumer = dice.choice(consumers)
            acts += [lambda: consumer.pause(now), lambda: consumer.resume(now), lambda: consumer.start(now)]
            acts += [lambda: self.close(peer, consumer), lambda: consumer.send_padding(1000)]
            acts += [lambda: self._lose(peer, consumer)] * 3
        return acts

    def _lose(self, peer: Peer, consumer: Consumer) -> None:
        numbers = [packet.sequence_number for packet in peer.sent if packet.ssrc == consumer.sent.ssrc]
        if numbers:
            lost = tuple((self.dice.choice(numbers[-9:]) + n) & 0xFFFF for n in range(3))
            self.rig.receive_rtcp(peer.transport, Nack(1, consumer.sent.ssrc, lost))

    def _restart(self) -> None:
        self.number += self.dice.choice([-40_000, -5000, 5000, 40_000])
        self.number %= 0x10000
        self.send(key=True)

    def _repeat(self) -> None:
        """The publisher sends something again, once as it was and once with other bytes in it."""
        if self.recent and self.kind == "video":
            number = self.dice.choice(self.recent)
            payload = bytes([0x10, self.dice.randrange(256)]) + bytes(30)
            self.receive(
                retransmitted(self.dice.randrange(0x10000), number & 0xFFFF, payload), video(number, payload)
            )

    def _reach(self, peer: Peer) -> None:
        peer.link.ready = True  # type: ignore[misc]  # a `RecordingLink`
        for consumer in peer.consumers:
            consumer.start(self.rig.now)

    def _block_pipe(self) -> None:
        """Drop the next packets between the workers."""
        self.rooms.home_end.socket.is_full = True
        self.send()
        self.rooms.home_end.socket.is_full = False


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("seed", range(10))
def test_no_number_is_used_twice(seed: int, kind: str, piped: bool) -> None:
    room = Class(random.Random(seed), kind, piped=piped)  # noqa: S311 - a test's dice
    room.send(key=True)
    for _ in range(150):
        room.act()
    for peer in room.peers:
        peer.check()
    assert set(room.faults) <= {"fan_out_fault"}
    assert sum(len(peer.sent) for peer in room.peers) > 50
