"""The packets of a stream that may have to be sent once more."""

MAX_PACKETS = 1024
"""Default room: 1.2 s at 10 Mbit/s and 1,200 bytes a packet, a multiple of any useful round trip."""

MAX_AGE_S = 1.0
"""Default age. A retransmission that takes longer arrives after a key frame would, and packets are memory."""


class RetransmissionBuffer:
    """A ring of the last `max_packets` packets, none older than `max_age_s`. Sequence numbers are unwrapped.

    What is too old is let go as newer packets come, so a stream holds no more than its bitrate times the age.
    """

    __slots__ = ("_mask", "_max_age_s", "_newest", "_oldest", "_ring", "_size")

    def __init__(self, max_packets: int = MAX_PACKETS, max_age_s: float = MAX_AGE_S) -> None:
        self._size = 1 << (max_packets - 1).bit_length()
        self._mask = self._size - 1
        self._max_age_s = max_age_s
        self._ring: list[tuple[int, bytes, float] | None] = [None] * self._size
        self._oldest = 0
        self._newest = -1

    def add(self, seq: int, packet: bytes, now: float) -> None:
        """Store a packet, in any order; one that lies outside the ring already is not stored."""
        newest = self._newest
        if seq > newest:
            if seq - newest >= self._size:
                self.clear()
                self._oldest = seq
            self._newest = seq
            while self._oldest <= seq - self._size:
                self._ring[self._oldest & self._mask] = None
                self._oldest += 1
        elif newest - seq >= self._size:
            return
        elif seq < self._oldest:
            self._oldest = seq
        ring = self._ring
        ring[seq & self._mask] = (seq, packet, now)
        limit = now - self._max_age_s
        oldest = ring[self._oldest & self._mask]
        if oldest is None or oldest[2] < limit:
            self._expire(limit)

    def get(self, seq: int, now: float) -> bytes | None:
        """Return the packet with that number, or None when it was never stored or is too old."""
        entry = self._ring[seq & self._mask]
        if entry is None or entry[0] != seq or entry[2] < now - self._max_age_s:
            return None
        return entry[1]

    def clear(self) -> None:
        """Let all packets go."""
        self._ring = [None] * self._size
        self._oldest = self._newest + 1

    def _expire(self, limit: float) -> None:
        ring, mask, position = self._ring, self._mask, self._oldest
        while position <= self._newest:
            entry = ring[position & mask]
            if entry is not None and entry[2] >= limit:
                break
            ring[position & mask] = None
            position += 1
        self._oldest = position
