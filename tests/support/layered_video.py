"""A publisher of layered video made of bytes, and a receiver that is as strict about numbers as browsers are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sfu.rtp.layers import Layers
from sfu.worker.consumer import Consumer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import Forwarded, MediaRig
from tests.support.rtp_packets import build_rtp

FRAME_S = 1 / 30
TICKS = 3000
TEMPORAL_PATTERN = (0, 2, 1, 2)
"""Which temporal layer each picture has: three layers, a fourth of the pictures in the lowest."""

SYNC_PATTERN = (False, True, True, False)
"""Which of them refer to the lowest layer only (the Y bit of VP8)."""


def vp8_payload(
    picture_id: int, tl0: int, tid: int, *, key: bool, sync: bool, start: bool, size: int = 60
) -> bytes:
    """Lay out a VP8 payload with a 15-bit picture id (RFC 7741 4.2), a piece of a frame."""
    descriptor = bytes(
        [
            0x90 if start else 0x80,
            0xE0,
            0x80 | picture_id >> 8 & 0x7F,
            picture_id & 0xFF,
            tl0,
            tid << 6 | sync << 5,
        ]
    )
    head = (b"\x00" if key else b"\x01") if start else b"\xff"
    return descriptor + head + bytes(size)


@dataclass
class Encoder:
    """One VP8 stream with three temporal layers, numbered as Chromium does."""

    ssrc: int
    sequence: int = 1
    timestamp: int = 90_000
    picture_id: int = 100
    tl0: int = 7
    packets_a_frame: int = 3
    size: int = 60
    extension: tuple[int, bytes] | None = None
    frames: int = field(default=0, init=False)

    def frame(self, *, key: bool = False) -> list[bytes]:
        """Encode the next picture; a key frame begins the pattern anew."""
        if key:
            self.frames = 0
        tid, sync = TEMPORAL_PATTERN[self.frames % 4], SYNC_PATTERN[self.frames % 4]
        if tid == 0:
            self.tl0 = self.tl0 + 1 & 0xFF
        packets = []
        for n in range(self.packets_a_frame):
            payload = vp8_payload(self.picture_id, self.tl0, tid, key=key, sync=sync, start=n == 0, size=self.size)
            packets.append(
                build_rtp(
                    payload=payload,
                    payload_type=96,
                    sequence_number=self.sequence & 0xFFFF,
                    timestamp=self.timestamp & 0xFFFFFFFF,
                    ssrc=self.ssrc,
                    marker=n == self.packets_a_frame - 1,
                    extension=self.extension,
                )
            )
            self.sequence += 1
        self.frames += 1
        self.picture_id = self.picture_id + 1 & 0x7FFF
        self.timestamp += TICKS
        return packets


@dataclass(frozen=True)
class Picture:
    """A picture as it arrived: all its packets have the same timestamp."""

    packets: tuple[Forwarded, ...]
    picture_id: int
    tl0: int
    tid: int
    sync: bool
    key: bool
    starts: bool

    @property
    def timestamp(self) -> int:
        return self.packets[0].timestamp


def pictures(packets: list[Forwarded]) -> list[Picture]:
    """Put the packets of VP8 pictures together, in the order of their numbers."""
    found: list[list[Forwarded]] = []
    for packet in packets:
        if not packet.payload:
            continue
        if found and found[-1][0].timestamp == packet.timestamp:
            found[-1].append(packet)
        else:
            found.append([packet])
    return [_picture(group) for group in found]


def _picture(group: list[Forwarded]) -> Picture:
    payload = group[0].payload
    starts = payload[0] & 0x10 > 0
    return Picture(
        tuple(group),
        (payload[2] & 0x7F) << 8 | payload[3],
        payload[4],
        payload[5] >> 6,
        payload[5] & 0x20 > 0,
        starts and not payload[6] & 1,
        starts,
    )


def assert_continuous(packets: list[Forwarded], *, gaps: int = 0) -> list[Picture]:
    """Check what a browser's receiver relies on; returns the pictures.

    Sequence numbers without gaps (but for `gaps` that are expected), whole pictures whose ids go up by one,
    TL0PICIDX that counts pictures of the lowest layer, timestamps that go forward, and no picture of a layer
    that refers to one that has not come.
    """
    numbers = unwrapped([packet.sequence_number for packet in packets])
    assert len(set(numbers)) == len(numbers), "a number was used twice"
    in_order = [packet for _, packet in sorted(zip(numbers, packets, strict=True), key=lambda each: each[0])]
    missing = max(numbers) - min(numbers) + 1 - len(numbers)
    assert missing == gaps, f"{missing} numbers are missing"
    found = pictures(in_order)
    assert found[0].key
    assert all(picture.starts and picture.packets[-1].marker for picture in found), "a picture is not whole"
    for before, after in pairwise(found):
        assert after.picture_id == before.picture_id + 1 & 0x7FFF
        step = after.tl0 - before.tl0 & 0xFF
        assert step == (1 if after.tid == 0 else 0)
        assert 0 < after.timestamp - before.timestamp & 0xFFFFFFFF < 0x80000000
    assert_decodable(found)
    return found


def assert_decodable(found: list[Picture]) -> None:
    """Check that temporal layers begin at a key frame or a layer sync, and are left out as a whole before that."""
    open_layers = 0
    for picture in found:
        if picture.key:
            open_layers = 2  # pictures after a key frame refer to nothing before it
            continue
        if picture.tid > open_layers:
            assert picture.sync, f"layer {picture.tid} begins with a picture that refers to one that is not there"
            assert picture.tid == open_layers + 1
            open_layers = picture.tid


def unwrapped(numbers: list[int]) -> list[int]:
    found = [numbers[0] + 65536]
    for number in numbers[1:]:
        found.append(found[-1] + (number - found[-1] + 0x8000 & 0xFFFF) - 0x8000)
    return found


class LayeredCall:
    """A publisher of VP8 simulcast with temporal layers and one consumer of it, over the rig."""

    def __init__(self, rig: MediaRig, streams: int = 3, start: int = 1, **fields: Any) -> None:
        self.rig = rig
        self.here, self.there = rig.transport(), rig.transport()
        self.encoders = [
            Encoder(1000 + n, start + 500 * n, (n + 1) * 1_000_000, 100 * n + 50, 20 * n, size=60 * (n + 1))
            for n in range(streams)
        ]
        encodings = [
            {"ssrc": each.ssrc, "rtx": {"ssrc": each.ssrc + 100}, "scalabilityMode": "L1T3"}
            for each in self.encoders
        ]
        self.producer: Producer = rig.produce(self.here, encodings=encodings, **fields)
        self.consumer: Consumer = rig.consume(self.there, self.producer)
        self.silent: set[int] = set()

    def consume(self) -> tuple[WebRtcTransport, Consumer]:
        there = self.rig.transport()
        return there, self.rig.consume(there, self.producer)

    @property
    def sent(self) -> list[Forwarded]:
        return [packet for packet in self.there.link.sent if packet.ssrc == self.consumer.sent.ssrc]

    def play(self, frames: int, *, key: set[int] | None = None) -> None:
        """Publish pictures of all streams; those in `key` begin with a key frame."""
        for n in range(frames):
            for index, encoder in enumerate(self.encoders):
                if index in self.silent:
                    encoder.timestamp += TICKS
                else:
                    self.rig.receive(self.here, *encoder.frame(key=n == 0 and index in (key or set())))
            self.rig.advance(FRAME_S)

    def layers(self) -> list[Layers | None]:
        """What the consumer's peer has been told that it gets."""
        return [
            None if data["spatialLayer"] is None else Layers(data["spatialLayer"], data["temporalLayer"])
            for event, data in self.rig.notifications
            if event == "consumer.layers" and data["consumerId"] == self.consumer.id
        ]

    def wanted(self) -> Iterator[int | None]:
        """What the publisher has been told that is wanted."""
        for event, data in self.rig.notifications:
            if event == "producer.wantedLayers":
                yield data["spatialLayer"]
