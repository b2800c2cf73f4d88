"""Packets on a TCP connection, each behind its length in two bytes (RFC 4571 2). Sans-IO."""

import struct

MAX_FRAME_BYTES = 2047
"""What fits a path's MTU and is no longer than a datagram that we take. WebRTC sends nothing longer over TCP
either, so a greater length is somebody who does not speak it."""

_LENGTH = struct.Struct("!H")


class FrameReader:
    """Cuts a byte stream into frames; keeps no more than one unfinished frame."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: memoryview) -> list[memoryview]:
        """Return the frames that are whole now, without the empty ones; valid as long as `data` is.

        Raises:
            ValueError: a frame is longer than `MAX_FRAME_BYTES`; the stream is of no use any more.
        """
        if self._partial:
            data = memoryview(self._partial + data)
        frames, at, end = [], 0, len(data)
        while at + _LENGTH.size <= end:
            (length,) = _LENGTH.unpack_from(data, at)
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            start = at + _LENGTH.size
            if start + length > end:
                break
            if length:
                frames.append(data[start : start + length])
            at = start + length
        self._partial = bytes(data[at:])
        return frames


def frame_run(run: bytes | memoryview, segment_size: int) -> list[bytes]:
    """Frame packets that lie end to end, each `segment_size` bytes long but the last, which may be shorter."""
    frames = []
    for at in range(0, len(run), segment_size):
        packet = run[at : at + segment_size]
        frames.append(_LENGTH.pack(len(packet)) + packet)
    return frames
