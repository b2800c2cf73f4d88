"""Spatial and temporal layers within one stream: VP9 by its payload descriptor, AV1 and H264 by the descriptor."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from sfu.rtp.layers import Layers
from sfu.rtp.rtcp import Nack, PictureLossIndication
from shared.rtp_parameters import dump_rtp_capabilities, uris
from tests.support.descriptors import L1T3, L2T1, L2T1_KEY, Templates, descriptor
from tests.support.media_rig import Forwarded, MediaRig
from tests.support.rtp_packets import BOUNDARIES, build_rtp
from tests.support.rtp_samples import producer_parameters

FRAME_S = 1 / 30
VP9, H264, AV1 = 98, 108, 45
DD_ID = 12
TEMPORAL_PATTERN = (0, 2, 1, 2)


def asked(call: "SvcCall") -> int:
    return len(call.here.link.rtcp_of(PictureLossIndication))


class SvcCall:
    """A publisher of one layered stream and a consumer of it."""

    def __init__(self, rig: MediaRig, payload_type: int, mode: str, *, start: int = 1) -> None:
        self.rig = rig
        self.here, self.there = rig.transport(), rig.transport()
        self.payload_type = payload_type
        self.sequence, self.timestamp = start, 90_000
        fields: dict[str, Any] = {"encodings": [{"ssrc": 1111, "rtx": {"ssrc": 1112}, "scalabilityMode": mode}]}
        if payload_type == AV1:
            fields["codecs"] = [
                {
                    "mimeType": "video/AV1",
                    "payloadType": AV1,
                    "clockRate": 90_000,
                    "parameters": {},
                    "rtcpFeedback": [{"type": "nack", "parameter": ""}, {"type": "nack", "parameter": "pli"}],
                },
                {"mimeType": "video/rtx", "payloadType": 46, "clockRate": 90_000, "parameters": {"apt": AV1}},
            ]
        if payload_type != VP9:
            fields["headerExtensions"] = [
                {"uri": uris.MID, "id": 4},
                {"uri": uris.DEPENDENCY_DESCRIPTOR, "id": DD_ID},
            ]
        if payload_type != AV1:
            fields["codecs"] = _only(payload_type)
        self.producer = rig.produce(self.here, **fields)
        self.consumer = rig.consume(
            self.there, self.producer, capabilities=dump_rtp_capabilities(rig.capabilities)
        )

    def packet(self, payload: bytes, *, marker: bool, data: bytes | None = None) -> bytes:
        extension = None
        if data is not None:  # the two-byte form (RFC 8285 4.3), as a structure is longer than 16 bytes
            extension = (0x1000, bytes([DD_ID, len(data)]) + data)
        packet = build_rtp(
            payload=payload,
            payload_type=self.payload_type,
            sequence_number=self.sequence & 0xFFFF,
            timestamp=self.timestamp & 0xFFFFFFFF,
            ssrc=1111,
            marker=marker,
            extension=extension,
        )
        self.sequence += 1
        return packet

    def publish(self, packets: list[bytes]) -> None:
        self.rig.receive(self.here, *packets)
        self.timestamp += 3000
        self.rig.advance(FRAME_S)

    @property
    def sent(self) -> list[Forwarded]:
        return [packet for packet in self.there.link.sent if packet.ssrc == self.consumer.sent.ssrc]


def _only(payload_type: int) -> list[dict[str, Any]]:
    codecs = producer_parameters("chromium", "video")["codecs"]
    return [each for each in codecs if each["payloadType"] in {payload_type, payload_type + 1}]


def assert_numbers(packets: list[Forwarded]) -> None:
    assert all(
        (after.sequence_number - before.sequence_number) & 0xFFFF == 1 for before, after in pairwise(packets)
    )


@dataclass
class Vp9:
    """Three spatial and three temporal layers, two packets a frame, in the non-flexible or the flexible mode."""

    call: SvcCall
    flexible: bool = False
    key_only: bool = False
    spatial_layers: int = 3
    picture_id: int = 0x7FF0
    tl0: int = 250
    count: int = field(default=0, init=False)

    def picture(self, *, key: bool = False, opens: int | None = None) -> list[bytes]:
        """Make a picture; `opens` is a spatial layer whose frame refers to no other picture."""
        if key:
            self.count = 0
        tid = TEMPORAL_PATTERN[self.count % 4]
        if tid == 0:
            self.tl0 = self.tl0 + 1 & 0xFF
        packets = []
        for sid in range(self.spatial_layers):
            inter = not key and sid != opens
            inter_layer = sid > 0 and (key or not self.key_only or sid == opens)
            for first in (True, False):
                head = 0xA0 | inter << 6 | self.flexible << 4 | first << 3 | (not first) << 2
                up = tid > 0 and self.count % 4 != 3
                payload = bytes([head, 0x80 | self.picture_id >> 8, self.picture_id & 0xFF])
                payload += bytes([tid << 5 | up << 4 | sid << 1 | inter_layer])
                if not self.flexible:
                    payload += bytes([self.tl0])
                elif inter:
                    payload += bytes([4 << 1])
                last = sid == self.spatial_layers - 1 and not first
                packets.append(self.call.packet(payload + bytes([sid, tid]) * 20, marker=last))
        self.count += 1
        self.picture_id = self.picture_id + 1 & 0x7FFF
        return packets

    def play(self, pictures: int, *, key: bool = False, opens: int | None = None) -> None:
        for n in range(pictures):
            self.call.publish(self.picture(key=key and n == 0, opens=opens if n == 0 else None))


def layers_of(packets: list[Forwarded]) -> list[tuple[int, int]]:
    return [(packet.payload[3] >> 1 & 7, packet.payload[3] >> 5) for packet in packets]


def pictures_of(packets: list[Forwarded]) -> list[list[Forwarded]]:
    found: list[list[Forwarded]] = []
    for packet in packets:
        if found and found[-1][0].timestamp == packet.timestamp:
            found[-1].append(packet)
        else:
            found.append([packet])
    return found


def assert_marked(packets: list[Forwarded]) -> None:
    for picture in pictures_of(packets):
        assert [packet.marker for packet in picture] == [False] * (len(picture) - 1) + [True]


@pytest.mark.parametrize("start", BOUNDARIES)
@pytest.mark.parametrize("flexible", [False, True])
def test_layers_of_vp9_are_left_out_without_a_trace(rig: MediaRig, start: int, flexible: bool) -> None:
    call = SvcCall(rig, VP9, "L3T3", start=start)
    vp9 = Vp9(call, flexible)
    call.consumer.prefer(1, 1, rig.now)
    vp9.play(80, key=True)
    assert set(layers_of(call.sent)) == {(0, 0), (1, 0), (0, 1), (1, 1)}
    assert_numbers(call.sent)
    assert_marked(call.sent)
    # Receivers work out references by distances of picture ids: those stay as they were.
    ids = [int.from_bytes(picture[0].payload[1:3], "big") & 0x7FFF for picture in pictures_of(call.sent)]
    assert all((after - before) & 0x7FFF == 2 for before, after in pairwise(ids))


def test_all_of_vp9_flows_as_it_is(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L3T3")
    Vp9(call).play(20, key=True)
    assert len(call.sent) == 20 * 6
    assert call.consumer.layers == Layers(2, 2)
    assert [option.layers for option in call.consumer.layer_options(rig.now)][-1] == Layers(2, 2)


def test_spatial_layers_of_vp9_go_down_at_once_and_up_at_a_key_picture(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L3T3")
    vp9 = Vp9(call)
    vp9.play(40, key=True)
    before, plis = len(call.sent), asked(call)
    call.consumer.prefer(0, 2, rig.now)
    vp9.play(10)
    assert {sid for sid, _ in layers_of(call.sent[before:])} == {0}
    assert asked(call) == plis
    call.consumer.prefer(2, 2, rig.now)
    before = len(call.sent)
    vp9.play(10)
    assert {sid for sid, _ in layers_of(call.sent[before:])} == {0}
    assert asked(call) > plis
    before = len(call.sent)
    vp9.play(10, key=True)
    assert len(call.sent) - before == 60
    assert_numbers(call.sent)
    assert_marked(call.sent)


def test_a_spatial_layer_of_vp9_may_begin_where_it_refers_to_the_one_below_only(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L3T3")
    vp9 = Vp9(call)
    vp9.play(40, key=True)
    call.consumer.prefer(0, 2, rig.now)
    vp9.play(8)
    call.consumer.prefer(1, 2, rig.now)
    before = len(call.sent)
    vp9.play(4)
    vp9.play(4, opens=1)
    assert [sid for sid, _ in layers_of(call.sent[before:])] == [0, 0] * 4 + [0, 0, 1, 1] * 4
    assert_numbers(call.sent)
    assert_marked(call.sent)


def test_layers_that_go_alone_change_at_key_pictures_only(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L3T3_KEY")
    vp9 = Vp9(call, key_only=True)
    vp9.play(40, key=True)
    found = pictures_of(call.sent)
    assert [len(picture) for picture in found] == [6] + [2] * 39
    assert {sid for sid, _ in layers_of(call.sent[6:])} == {2}
    plis = asked(call)
    call.consumer.prefer(1, 2, rig.now)
    before = len(call.sent)
    vp9.play(10)
    assert {sid for sid, _ in layers_of(call.sent[before:])} == {2}
    assert asked(call) > plis
    vp9.play(10, key=True)
    assert {sid for sid, _ in layers_of(call.sent[-18:])} == {1}
    assert_numbers(call.sent)
    assert_marked(call.sent)


def test_temporal_layers_of_vp9_climb_at_their_switching_points(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L1T3")
    vp9 = Vp9(call, spatial_layers=1)
    vp9.play(41, key=True)
    call.consumer.prefer(0, 0, rig.now)
    before = len(call.sent)
    vp9.play(11)
    assert {tid for _, tid in layers_of(call.sent[before:])} == {0}
    call.consumer.prefer(0, 2, rig.now)
    before = len(call.sent)
    vp9.play(20)
    climbed = [tid for _, tid in layers_of(call.sent[before:])]
    assert climbed.index(1) < climbed.index(2)
    assert {*climbed[-16:]} == {0, 1, 2}
    assert_numbers(call.sent)


def test_a_top_layer_that_is_not_sent_any_more_gives_way(rig: MediaRig) -> None:
    call = SvcCall(rig, VP9, "L3T3_KEY")
    vp9 = Vp9(call, key_only=True)
    vp9.play(60, key=True)
    vp9.spatial_layers = 2
    vp9.play(30, key=True)
    plis = asked(call)
    vp9.play(150)
    assert asked(call) > plis
    vp9.play(10, key=True)
    assert call.consumer.layers == Layers(1, 2)
    assert {sid for sid, _ in layers_of(call.sent[-10:])} == {1}
    assert_numbers(call.sent)


@dataclass
class Described:
    """A stream whose layers a dependency descriptor tells."""

    call: SvcCall
    templates: Templates
    pattern: tuple[tuple[int, ...], ...]
    key_pattern: tuple[int, ...]
    key_payload: bytes
    payload: bytes
    frame: int = 65_500
    count: int = field(default=0, init=False)

    def play(self, pictures: int, *, key: bool = False) -> None:
        for n in range(pictures):
            is_key = key and n == 0
            self.count = 0 if is_key else self.count
            frames = self.key_pattern if is_key else self.pattern[self.count % len(self.pattern)]
            packets = []
            for number, template in enumerate(frames):
                structure = self.templates if is_key and number == 0 else None
                for first in (True, False):
                    data = descriptor(
                        template, self.frame, start=first, end=not first, structure=structure if first else None
                    )
                    payload = self.key_payload if is_key and first and not number else self.payload
                    last = number == len(frames) - 1 and not first
                    packets.append(self.call.packet(payload + bytes([template]) * 30, marker=last, data=data))
                self.frame += 1
            self.count += 1
            self.call.publish(packets)


def templates_of(packets: list[Forwarded]) -> list[int]:
    return [packet.payload[-1] for packet in packets]


@pytest.fixture(params=["AV1", "H264"])
def temporal(request: pytest.FixtureRequest, rig: MediaRig) -> Described:
    payloads: dict[str, tuple[int, bytes, bytes]] = {
        "AV1": (AV1, b"\x18\x0a", b"\x10\x32"),
        "H264": (H264, b"\x65\x88", b"\x41\x9a"),
    }
    payload_type, key, inter = payloads[request.param]
    call = SvcCall(rig, payload_type, "L1T3")
    return Described(call, L1T3, ((1,), (3,), (2,), (3,)), (0,), key, inter)


def test_described_temporal_layers(temporal: Described) -> None:
    call, rig = temporal.call, temporal.call.rig
    temporal.play(41, key=True)
    assert call.consumer.layers == Layers(0, 2)
    assert len(call.sent) == 82
    call.consumer.prefer(0, 0, rig.now)
    before = len(call.sent)
    temporal.play(11)
    assert set(templates_of(call.sent[before:])) == {1}
    call.consumer.prefer(0, 2, rig.now)
    before = len(call.sent)
    temporal.play(20)
    assert set(templates_of(call.sent[before:])) == {1, 2, 3}
    assert_numbers(call.sent)
    assert_marked(call.sent)


def test_a_described_part_is_sent_again_as_it_was(temporal: Described) -> None:
    call, rig = temporal.call, temporal.call.rig
    call.consumer.prefer(0, 1, rig.now)
    temporal.play(20, key=True)
    wanted = call.sent[-3]
    rig.receive_rtcp(call.there, Nack(1, call.consumer.sent.ssrc, (wanted.sequence_number,)))
    assert call.there.link.sent[-1].payload == wanted.sequence_number.to_bytes(2, "big") + wanted.payload


@pytest.mark.parametrize(("templates", "alone"), [(L2T1, False), (L2T1_KEY, True)])
def test_described_spatial_layers(rig: MediaRig, templates: Templates, alone: bool) -> None:
    call = SvcCall(rig, AV1, "L2T1_KEY" if alone else "L2T1")
    stream = Described(call, templates, ((1, 3),), (0, 2), b"\x18\x0a", b"\x10\x32")
    stream.play(40, key=True)
    assert templates_of(call.sent[4:8]) == ([3, 3, 3, 3] if alone else [1, 1, 3, 3])
    plis = asked(call)
    call.consumer.prefer(0, 0, rig.now)
    before = len(call.sent)
    stream.play(5)
    assert (asked(call) > plis) is alone
    assert set(templates_of(call.sent[before:])) == ({3} if alone else {1})
    stream.play(5, key=True)
    assert templates_of(call.sent[-10:]) == [0] * 2 + [1] * 8
    call.consumer.prefer(1, 0, rig.now)
    stream.play(5)
    assert set(templates_of(call.sent[-10:])) == {1}
    stream.play(5, key=True)
    assert set(templates_of(call.sent[-8:])) == ({3} if alone else {1, 3})
    assert_numbers(call.sent)
    assert_marked(call.sent)


def test_no_consumer_gets_a_dependency_descriptor(temporal: Described) -> None:
    seen: list[bytes] = []
    link, keep = temporal.call.there.link, temporal.call.there.link.send_batch

    def look(batch: Any, *rest: Any) -> bool:
        seen.extend(packet.data for packet in batch.packets)
        return bool(keep(batch, *rest))

    link.send_batch = look  # type: ignore[method-assign]
    temporal.play(10, key=True)
    assert seen
    # The header extension has what every packet has: room for MID, transport-wide number and abs-send-time.
    assert {data[15] for data in seen} == {3}
