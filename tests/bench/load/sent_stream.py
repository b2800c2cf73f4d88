"""One stream that a publisher sends: a clip in a loop, each frame's packets back to back when it is due."""

import random
import struct
import time
from collections import deque
from mmap import mmap
from socket import socket

from tests.bench.load.clips import AUDIO_CLOCK, VIDEO_CLOCK, Clip, Frame
from tests.bench.load.rtcp import sender_report
from tests.bench.load.srtp import SCRATCH, SCRATCH_VIEW, Srtp
from tests.bench.servers.base import ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_CC, Track

HISTORY = 1024
"""Packets that can be sent again; five seconds of a video."""
MID_PACKETS = 200
"""A browser names the MID until a report says that it was heard; that takes a second or so."""

_head = struct.Struct("!BBHLLHH").pack_into
_short = struct.Struct("!H").pack_into
_time = struct.Struct("@q").pack_into


class Departure:
    """What all streams of one transport share on their way out: the socket, the keys, the transport-wide count."""

    def __init__(self, sock: socket, srtp: Srtp) -> None:
        self.sock = sock
        self.srtp = srtp
        self.cc = 0
        self.refused = 0

    def send(self, length: int) -> None:
        """Protect and send what lies in SCRATCH."""
        try:
            self.sock.send(SCRATCH_VIEW[: self.srtp.protect(length)])
        except OSError:
            self.refused += 1


class SentStream:
    """Builds and sends the packets. `sent_at` is the table of send times; the clip's begin at `first_slot`."""

    def __init__(self, track: Track, clip: Clip, departure: Departure, sent_at: mmap, first_slot: int) -> None:
        self.track = track
        self.packets = self.frames = self.octets = self.key_frames = self.resent = 0
        self._clip = clip
        self._departure = departure
        self._sent_at = sent_at
        self._sequence = random.randrange(0x8000)  # noqa: S311 - numbers of a load, no secret
        self._rtx_sequence = random.randrange(0x8000)  # noqa: S311
        self._timestamp = random.randrange(1 << 31)  # noqa: S311
        self._picture_id = 0
        self._next = 0
        self._slot = self._first_slot = first_slot
        self._due = 0.0
        self._loop_began = 0.0
        self._clock_rate = AUDIO_CLOCK if track.kind == "audio" else VIDEO_CLOCK
        self._history: deque[tuple[int, int, bool, bytes, Frame]] = deque(maxlen=HISTORY)
        self._elements = sorted((number, uri) for uri, number in track.extensions.items())

    def begin(self, now: float) -> float:
        """Start, or go on after a pause, at `now`; returns when to call `send_due`."""
        self._move_loop(now - self._clip.frames[self._next].at)
        self._due = now
        return self._due

    def restart(self) -> None:
        """Let the next frame be a key frame: the first of the loop."""
        if self._next:
            self._rewind(self._due)

    def _move_loop(self, began: float) -> None:
        """Let a loop begin at another time; timestamps go with it, as they follow the clock."""
        if self._loop_began:
            self._timestamp += round((began - self._loop_began) * self._clock_rate)
        self._loop_began = began

    def _rewind(self, now: float) -> None:
        self._move_loop(now)
        self._next, self._slot = 0, self._first_slot
        self._due = now + self._clip.frames[0].at

    def send_due(self) -> float:
        """Send the frame that is due; returns when the next one is."""
        frame = self._clip.frames[self._next]
        timestamp = self._timestamp + frame.ticks & 0xFFFFFFFF
        self._picture_id = self._picture_id + 1 & 0x7FFF
        last = len(frame.payloads) - 1
        for n, payload in enumerate(frame.payloads):
            if self.track.kind == "video":
                payload = struct.pack("!BBH", 0x90 if n == 0 else 0x80, 0x80, 0x8000 | self._picture_id) + payload
            _time(self._sent_at, self._slot * 8, time.time_ns())
            self._send(self._sequence, timestamp, n == last and self.track.kind == "video", payload, frame)
            self._history.append((self._sequence, timestamp, n == last, payload, frame))
            self._sequence = self._sequence + 1 & 0xFFFF
            self._slot += 1
            self.packets += 1
            self.octets += len(payload)
        self.frames += 1
        self.key_frames += frame.is_key
        self._advance()
        return self._due

    def _advance(self) -> None:
        self._next += 1
        if self._next == len(self._clip.frames):
            self._rewind(self._loop_began + self._clip.seconds)
        else:
            self._due = self._loop_began + self._clip.frames[self._next].at

    def _send(self, sequence: int, timestamp: int, marker: bool, payload: bytes, frame: Frame) -> None:
        at = self._write_head(sequence, timestamp, marker, self.track.payload_type, self.track.ssrc, frame)
        SCRATCH[at : at + len(payload)] = payload
        self._departure.send(at + len(payload))

    def _write_head(
        self, sequence: int, timestamp: int, marker: bool, payload_type: int, ssrc: int, frame: Frame
    ) -> int:
        at = 16
        for number, uri in self._elements:
            value = self._element(uri, frame)
            if value:
                SCRATCH[at] = number << 4 | len(value) - 1
                SCRATCH[at + 1 : at + 1 + len(value)] = value
                at += 1 + len(value)
        while at % 4:
            SCRATCH[at] = 0
            at += 1
        _head(SCRATCH, 0, 0x90, payload_type | marker << 7, sequence, timestamp, ssrc, 0xBEDE, (at - 16) // 4)
        return at

    def _element(self, uri: str, frame: Frame) -> bytes:
        if uri == TRANSPORT_CC:
            self._departure.cc = self._departure.cc + 1 & 0xFFFF
            return self._departure.cc.to_bytes(2, "big")
        if uri == ABS_SEND_TIME:
            return (int(time.time() * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big")
        if uri == AUDIO_LEVEL:
            return bytes([frame.level | (frame.level < 60) << 7])
        if uri == MID and self.packets < MID_PACKETS:
            return self.track.mid.encode()
        return b""

    def resend(self, wanted: list[int]) -> None:
        """Answer a NACK: by RTX (RFC 4588) where it was negotiated, else the packet as it was."""
        numbers = set(wanted)
        for sequence, timestamp, marker, payload, frame in list(self._history):
            if sequence not in numbers:
                continue
            self.resent += 1
            if self.track.rtx_ssrc is None or self.track.rtx_payload_type is None:
                self._send(sequence, timestamp, marker, payload, frame)
                continue
            rtx_type, rtx_ssrc = self.track.rtx_payload_type, self.track.rtx_ssrc
            at = self._write_head(self._rtx_sequence, timestamp, marker, rtx_type, rtx_ssrc, frame)
            _short(SCRATCH, at, sequence)
            SCRATCH[at + 2 : at + 2 + len(payload)] = payload
            self._departure.send(at + 2 + len(payload))
            self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF

    def report(self, now: float) -> bytes:
        """Build the sender report."""
        timestamp = self._timestamp + round((now - self._loop_began) * self._clock_rate)
        return sender_report(self.track.ssrc, time.time(), timestamp, self.packets, self.octets)
