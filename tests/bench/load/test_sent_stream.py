"""What a publisher sends over a real socket: in order, in time, and again when asked."""

import mmap
import os
import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.bench.load.clips import Clip, Frame
from tests.bench.load.reception import payload_of
from tests.bench.load.sent_stream import Departure, SentStream
from tests.bench.load.srtp import Srtp
from tests.bench.servers.base import MID, TRANSPORT_CC, Track

TRACK = Track("video", 5, 96, "0", 90_000, 0, 6, 97, {MID: 4, TRANSPORT_CC: 3}, transport_cc=True)
FRAMES = [
    Frame(0.0, 0, [b"key-frame-one", b"key-frame-two"], is_key=True),
    Frame(0.1, 9000, [b"delta-frame-one"]),
    Frame(0.2, 18_000, [b"delta-frame-two"]),
]
CLIP = Clip("video", FRAMES, 1, 0)


class Listener:
    """Sends a stream to itself and reads it back."""

    def __init__(self) -> None:
        key = os.urandom(28)
        self.srtp = Srtp("gcm", key, key)
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind(("127.0.0.1", 0))
        self.receiver.setblocking(False)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(self.receiver.getsockname())
        self.times = mmap.mmap(-1, 8 * 10)
        self.stream = SentStream(TRACK, CLIP, Departure(self.sender, self.srtp), self.times, 3)

    def heard(self) -> list[bytes]:
        packets = []
        try:
            while True:
                plain = self.srtp.unprotect(self.receiver.recv(2048))
                assert plain is not None
                packets.append(bytes(plain))
        except BlockingIOError:
            return packets

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()
        self.times.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def sequence(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


def timestamp(packet: bytes) -> int:
    return int.from_bytes(packet[4:8], "big")


def payload(packet: bytes) -> bytes:
    begins, ends = payload_of(memoryview(packet))
    return packet[begins:ends]


def test_frames_leave_when_due_and_the_clip_begins_anew(listener: Listener) -> None:
    due = [listener.stream.begin(100.0)] + [listener.stream.send_due() for _ in range(4)]
    assert due == pytest.approx([100.0, 100.1, 100.2, 101.0, 101.1])
    packets = listener.heard()
    assert [payload(packet)[4:] for packet in packets] == [
        b"key-frame-one",
        b"key-frame-two",
        b"delta-frame-one",
        b"delta-frame-two",
        b"key-frame-one",
        b"key-frame-two",
    ]
    assert all(sequence(after) - sequence(before) == 1 for before, after in pairwise(packets))
    assert [packet[1] >> 7 for packet in packets] == [0, 1, 1, 1, 0, 1]
    assert [timestamp(packet) - timestamp(packets[0]) for packet in packets] == [
        0,
        0,
        9000,
        18_000,
        90_000,
        90_000,
    ]
    assert (listener.stream.packets, listener.stream.frames, listener.stream.key_frames) == (6, 4, 2)
    assert all(int.from_bytes(listener.times[slot * 8 : slot * 8 + 8], "little") > 0 for slot in (3, 4, 5, 6))


def test_after_a_pause_it_goes_on_where_it_was(listener: Listener) -> None:
    listener.stream.begin(100.0)
    listener.stream.send_due()
    assert listener.stream.begin(107.0) == 107.0
    assert listener.stream.send_due() == pytest.approx(107.1)
    first, *_, last = listener.heard()
    assert payload(last)[4:] == b"delta-frame-one"
    assert timestamp(last) - timestamp(first) == 7 * 90_000


def test_a_key_frame_comes_next_when_asked_for(listener: Listener) -> None:
    listener.stream.begin(100.0)
    listener.stream.send_due()
    listener.stream.restart()
    assert listener.stream.send_due() == pytest.approx(100.2)
    first, *_, last = listener.heard()
    assert payload(last)[4:] == b"key-frame-two"
    assert timestamp(last) - timestamp(first) == 9000


def test_a_lost_packet_is_sent_again_by_rtx(listener: Listener) -> None:
    listener.stream.begin(100.0)
    listener.stream.send_due()
    _, lost = listener.heard()
    listener.stream.resend([sequence(lost)])
    (again,) = listener.heard()
    assert (again[1] & 127, int.from_bytes(again[8:12], "big")) == (97, 6)
    assert payload(again) == sequence(lost).to_bytes(2, "big") + payload(lost)
    assert listener.stream.resent == 1
