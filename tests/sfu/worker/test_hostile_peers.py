"""Whatever one peer sends: nothing raises, nothing grows, and what others send arrives whole and in order."""

import struct
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS
from sfu.worker.rtp_listener import MAX_LEARNT_SSRCS
from tests.support.media_rig import VP8_DELTA_FRAME, VP8_KEY_FRAME, MediaRig, audio, retransmitted, video
from tests.support.rtp_packets import build_rtp

SSRCS = st.sampled_from([0, 1, 21, 22, 31, 1111, 1112, 2111, 2112, 3111, 0xFFFFFFFF])
PAYLOAD_TYPES = st.sampled_from([0, 8, 13, 63, 96, 97, 98, 99, 111, 126])
NUMBERS = st.integers(0, 65535)
PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([VP8_KEY_FRAME, VP8_DELTA_FRAME]),
    st.builds(lambda number, rest: struct.pack("!H", number) + rest, NUMBERS, st.binary(max_size=30)),
)
EXTENSIONS = st.one_of(
    st.none(),
    st.tuples(st.sampled_from([0xBEDE, 0x1000, 0x1001, 0]), st.binary(max_size=40)),
    st.sampled_from([(0xBEDE, b"\x400"), (0xBEDE, b"\x402\xa0a"), (0xBEDE, b"\x402\xb0b"), (0xBEDE, b"\x31\0\7")]),
)
RTP = st.builds(
    build_rtp,
    payload=PAYLOADS,
    marker=st.booleans(),
    payload_type=PAYLOAD_TYPES,
    sequence_number=NUMBERS,
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=SSRCS,
    csrcs=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    extension=EXTENSIONS,
    padding=st.integers(0, 255),
)
RTCP_BODIES = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda a, b, rest: struct.pack("!LL", a, b) + rest, SSRCS, SSRCS, st.binary(max_size=40)),
)


def _rtcp(packet_type: int, count: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


RTCP = st.lists(
    st.builds(_rtcp, st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]), st.integers(0, 31), RTCP_BODIES),
    min_size=1,
    max_size=4,
).map(b"".join)
DAMAGE = st.tuples(st.integers(0, 200), st.integers(0, 255))
ATTACK = st.one_of(
    st.tuples(st.just("rtp"), st.one_of(RTP, st.binary(max_size=100))),
    st.tuples(st.just("rtcp"), st.one_of(RTCP, st.binary(max_size=100))),
    st.tuples(st.just("nack"), st.lists(NUMBERS, min_size=1, max_size=60).map(tuple)),
    st.tuples(st.just("damaged"), DAMAGE),
    st.tuples(st.just("time"), st.sampled_from([0.001, 0.02, 0.3, 2.5])),
)


class Class:
    """Two publishers, one of them hostile, and two that watch both; the hostile one watches the other, too."""

    def __init__(self) -> None:
        self.rig = MediaRig()
        self.good, self.bad = self.rig.transport(), self.rig.transport()
        self.watchers = [self.rig.transport(), self.rig.transport()]
        innocent = [self.rig.produce(self.good), self.rig.produce(self.good, "audio", encodings=[{"ssrc": 3111}])]
        hostile = [
            self.rig.produce(self.bad),
            self.rig.produce(self.bad, "audio", encodings=[{}], mid="1"),
            self.rig.produce(self.bad, encodings=[{"rid": "a"}, {"rid": "b"}], mid="2"),
        ]
        self.innocent = [
            self.rig.consume(watcher, producer, mid=str(n))
            for watcher in self.watchers
            for n, producer in enumerate(innocent)
        ]
        self.hostile = [
            self.rig.consume(watcher, producer, mid=str(2 + n))
            for watcher in self.watchers
            for n, producer in enumerate(hostile)
        ]
        self.watching = self.rig.consume(self.bad, innocent[0])
        self.sent = 0

    def speak(self) -> None:
        """Send a frame and a sound from the innocent publisher."""
        self.sent += 1
        payload = VP8_KEY_FRAME if self.sent == 1 else VP8_DELTA_FRAME + self.sent.to_bytes(2, "big")
        self.rig.receive(
            self.good,
            video(self.sent, payload, timestamp=3000 * self.sent),
            audio(self.sent, ssrc=3111, timestamp=960 * self.sent),
        )

    def suffer(self, kind: str, what: Any) -> None:
        """Let the hostile peer do something."""
        if kind == "rtp":
            self.rig.receive(self.bad, what)
        elif kind == "rtcp":
            self.bad.on_rtcp(memoryview(what), self.rig.now)
        elif kind == "nack":
            body = b"".join(struct.pack("!HH", number, 0xFFFF) for number in what)
            head = struct.pack("!LL", 1, self.watching.sent.ssrc)
            self.bad.on_rtcp(memoryview(_rtcp(205, 1, head + body)), self.rig.now)
        elif kind == "damaged":
            at, value = what
            for packet in (video(at, VP8_KEY_FRAME), retransmitted(at, at), audio(at)):
                broken = bytearray(packet)
                broken[at % len(broken)] = value
                self.rig.receive(self.bad, bytes(broken))
        else:
            self.rig.advance(what)

    def check(self) -> None:
        """See that the innocent streams are whole and that nothing has grown beyond its bounds."""
        for consumer in self.innocent:
            packets = [packet for packet in self._link_of(consumer).sent if packet.ssrc == consumer.sent.ssrc]
            assert len(packets) == self.sent
            assert all((b.sequence_number - a.sequence_number) & 0xFFFF == 1 for a, b in pairwise(packets))
            assert all(a.timestamp < b.timestamp for a, b in pairwise(packets))
        assert self.watching.sent.packets_sent == self.sent
        assert self.watching.sent.packets_retransmitted <= 2 * self.sent + 1024
        for transport in (self.good, self.bad, *self.watchers):
            assert len(transport._pending) <= len(transport.producers)
            assert len(transport._listener._by_ssrc) <= MAX_LEARNT_SSRCS + 4
            for producer in transport.producers.values():
                assert len(producer.streams) <= 2
                assert all(len(stream.pending) < MAX_BATCH_PACKETS for stream in producer.streams)
                assert len(producer._table._by_ssrc) <= 4

    def _link_of(self, consumer: Any) -> Any:
        return next(watcher.link for watcher in self.watchers if consumer.id in watcher.consumers)


@settings(max_examples=150, deadline=None)
@given(st.lists(ATTACK, max_size=40))
def test_innocent_streams_stay_whole_and_tables_bounded(attacks: list[tuple[str, Any]]) -> None:
    room = Class()
    room.speak()
    for kind, what in attacks:
        room.suffer(kind, what)
        room.speak()
    room.rig.advance(3)
    room.check()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.integers(0, 0xFFFFFFFF)), min_size=1, max_size=10))
def test_a_source_that_jumps_about_gives_its_consumers_numbers_without_jumps(jumps: list[tuple[int, int]]) -> None:
    rig = MediaRig()
    here, there = rig.transport(), rig.transport()
    rig.consume(there, rig.produce(here))
    for number, timestamp in jumps:
        rig.receive(here, *(video(number + n, VP8_KEY_FRAME, timestamp=timestamp) for n in range(3)))
        rig.advance(0.05)
    packets = [(packet.sequence_number, packet.timestamp) for packet in there.link.sent]
    assert packets
    numbers = {number for number, _ in packets}
    assert len(numbers) == len(packets), "no number is used twice: SRTP's key stream depends on it"
    assert (max(numbers) - min(numbers)) < 3000 * len(jumps)


def test_a_flood_of_fresh_ssrcs_costs_a_bounded_table(rig: MediaRig) -> None:
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, encodings=[{}], mid="0")
    rig.consume(there, producer)
    for ssrc in range(2000):
        packet = bytearray(video(ssrc, VP8_KEY_FRAME, extension=(0xBEDE, b"\x400\0\0")))
        packet[8:12] = (50_000 + ssrc).to_bytes(4, "big")
        rig.receive(here, bytes(packet))
    assert len(here._listener._by_ssrc) == MAX_LEARNT_SSRCS
    assert len(producer._table._replaced) < MAX_LEARNT_SSRCS
    assert len(producer.streams) == 1
    assert rig.drops["rtp_no_producer"] == 2000 - MAX_LEARNT_SSRCS
    assert len(here._feedback._key_frames._streams) <= 1
    assert len(there.link.sent) == MAX_LEARNT_SSRCS
