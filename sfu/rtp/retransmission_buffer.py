"""The packets of a stream that may have to be sent once more."""

from collections.abc import Sized
from typing import Generic, TypeVar

T = TypeVar("T", bound=Sized)

MAX_PACKETS = 1024
"""Default room: 1.2 s at 10 Mbit/s and 1,200 bytes a packet, a multiple of any useful round trip."""

MAX_BYTES = 1_500_000
"""Most bytes a stream holds: all packets of 1,200 bytes that there is room for, and more than any would need."""

MIN_AGE_S = 1.0
"""Default age: retransmissions that take longer arrive after a key frame would, and packets are memory."""

MAX_AGE_S = 2.5
"""Longest age, for receivers far away."""

ROUND_TRIPS = 3
"""A packet is kept for so many round trips: to be missed, asked for, sent again, and asked for once more."""


class RetransmissionBuffer(Generic[T]):
    """A ring of the last `max_packets` packets and `max_bytes` bytes, none older than `max_age_s`.

    Sequence numbers are unwrapped. What is too old is let go as newer packets come, so a stream holds no more than
    its bitrate times the age. `size_bytes` is what it holds.
    """

    __slots__ = ("_mask", "_max_bytes", "_newest", "_oldest", "_ring", "_size", "max_age_s", "size_bytes")

    def __init__(
        self, max_packets: int = MAX_PACKETS, max_age_s: float = MIN_AGE_S, max_bytes: int = MAX_BYTES
    ) -> None:
        self._size = 1 << (max_packets - 1).bit_length()
        self._mask = self._size - 1
        self._max_bytes = max_bytes
        self.max_age_s = max_age_s
        self.size_bytes = 0
        self._ring: list[tuple[int, T, float] | None] = [None] * self._size
        self._oldest = 0
        self._newest = -1

    def serve_round_trip(self, rtt_s: float) -> None:
        """Keep packets long enough for a receiver that is `rtt_s` away, within the bounds of the age."""
        self.max_age_s = min(max(ROUND_TRIPS * rtt_s, MIN_AGE_S), MAX_AGE_S)

    def add(self, seq: int, packet: T, now: float) -> None:
        """Store a packet, in any order; one that lies outside the ring already is not stored."""
        newest = self._newest
        if seq > newest:
            if seq - newest >= self._size:
                self.clear()
                self._oldest = seq
            self._newest = seq
            while self._oldest <= seq - self._size:
                self._drop_oldest()
        elif newest - seq >= self._size:
            return
        elif seq < self._oldest:
            self._oldest = seq
        ring, index = self._ring, seq & self._mask
        before = ring[index]
        if before is not None:
            self.size_bytes -= len(before[1])
        ring[index] = (seq, packet, now)
        self.size_bytes += len(packet)
        limit = now - self.max_age_s
        oldest = ring[self._oldest & self._mask]
        if oldest is None or oldest[2] < limit or self.size_bytes > self._max_bytes:
            self._expire(limit)

    def get(self, seq: int, now: float) -> T | None:
        """Return the packet with that number, or None when it was never stored or is too old."""
        entry = self._ring[seq & self._mask]
        if entry is None or entry[0] != seq or entry[2] < now - self.max_age_s:
            return None
        return entry[1]

    def is_past(self, seq: int, before: float) -> bool:
        """Tell whether the packet with that number was stored before this time, or would have been let go."""
        entry = self._ring[seq & self._mask]
        if entry is not None and entry[0] == seq:
            return entry[2] < before
        return seq < self._oldest

    def clear(self) -> None:
        """Let all packets go."""
        self._ring = [None] * self._size
        self._oldest = self._newest + 1
        self.size_bytes = 0

    def _expire(self, limit: float) -> None:
        ring, mask = self._ring, self._mask
        while self._oldest <= self._newest:
            entry = ring[self._oldest & mask]
            if entry is not None and entry[2] >= limit and self.size_bytes <= self._max_bytes:
                break
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        index = self._oldest & self._mask
        entry = self._ring[index]
        if entry is not None:
            self.size_bytes -= len(entry[1])
            self._ring[index] = None
        self._oldest += 1
