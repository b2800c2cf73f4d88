"""One TCP connection of a peer (RFC 6544, RFC 4571): its frames in and out, with a bounded queue."""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable

from sfu.net.send_counters import SendCounters
from sfu.net.stream_frames import FrameReader, frame_run

MAX_QUEUED_BYTES = 256 << 10
"""Waiting for a peer that reads slowly: over a second of a camera's video. Then the oldest video goes, and when
there is none the peer, which has not read audio and reports for longer than any network stalls."""

STALLED_AFTER_S = 10.0
"""A connection that has taken nothing for so long while something waited is closed. The peer makes another one."""

UNSENT_BYTES = 64 << 10
"""Most that waits in the kernel before it goes out; what waits here instead can still be dropped."""

UNACKNOWLEDGED_MS = 15_000
"""How long the kernel tries to reach a peer that has vanished without a word."""

_SEND_BYTES = 64 << 10


class TcpConnection:
    """A peer's connection, and an address to send to as good as a UDP one.

    `on_lost` is called with it, soon and once, when it fails by itself; whoever calls `close` knows.
    """

    __slots__ = (
        "_begun",
        "_counters",
        "_loop",
        "_on_lost",
        "_progress_at",
        "_queued_bytes",
        "_urgent",
        "_video",
        "closed",
        "frames",
        "proven",
        "remote",
        "sock",
        "unproven_bytes",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        counters: SendCounters,
        on_lost: Callable[["TcpConnection"], None],
    ) -> None:
        self.sock = sock
        self.remote: tuple[str, int] = sock.getpeername()[:2]
        self.frames = FrameReader()
        self.proven = False
        self.unproven_bytes = 0
        self.closed = False
        self._loop = loop
        self._counters = counters
        self._on_lost = on_lost
        self._begun = b""  # what is left of a frame that has been sent in part
        self._urgent: deque[bytes] = deque()
        self._video: deque[bytes] = deque()
        self._queued_bytes = 0
        self._progress_at = 0.0
        sock.setblocking(False)
        _tune(sock)

    def send_run(self, run: bytes | memoryview, segment_size: int, *, video: bool) -> None:
        """Send packets that lie end to end, each `segment_size` bytes long but the last, which may be shorter."""
        if self.closed:
            self._counters.refused += -(-len(run) // segment_size)
            return
        frames = frame_run(run, segment_size)
        if self._begun or self._queued_bytes:
            self._queue(frames, video=video)
        elif not self._write(frames, self._video if video else self._urgent):
            self._progress_at = time.monotonic()
            self._loop.add_writer(self.sock, self._flush)

    def close(self) -> None:
        """Close at once; what waits is lost. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self.sock)
        self._loop.remove_writer(self.sock)
        self.sock.close()
        self._counters.refused += len(self._urgent) + len(self._video)
        self._urgent.clear()
        self._video.clear()

    def fail(self) -> None:
        """Close and have `on_lost` called, from the loop: whoever is sending now does not expect it."""
        if not self.closed:
            self.close()
            self._loop.call_soon(self._on_lost, self)

    def _write(self, frames: list[bytes], queue: deque[bytes]) -> bool:
        """Send what the socket takes at once and put the rest in front of `queue`; whether nothing is left."""
        try:
            sent = self.sock.send(self._begun + b"".join(frames))
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.fail()
            return True
        if sent:
            self._progress_at = time.monotonic()
        self._begun, rest = _unsent([self._begun, *frames], sent)
        self._counters.sent += len(frames) - len(rest)
        self._counters.sent_bytes += sent
        queue.extendleft(reversed(rest))
        self._queued_bytes += sum(map(len, rest))
        return not (self._begun or rest)

    def _queue(self, frames: list[bytes], *, video: bool) -> None:
        (self._video if video else self._urgent).extend(frames)
        self._queued_bytes += sum(map(len, frames))
        if self._queued_bytes > MAX_QUEUED_BYTES:
            self._make_room()
        if time.monotonic() - self._progress_at > STALLED_AFTER_S:
            self.fail()

    def _make_room(self) -> None:
        while self._queued_bytes > MAX_QUEUED_BYTES:
            if not self._video:
                self.fail()
                return
            self._queued_bytes -= len(self._video.popleft())
            self._counters.queue_full += 1

    def _flush(self) -> None:
        """Send what waits, urgent first, as far as the socket takes it."""
        while (self._begun or self._queued_bytes) and not self.closed:
            queue = self._urgent or self._video
            if not self._write(self._take(queue), queue):
                return
        if not self.closed:
            self._loop.remove_writer(self.sock)

    def _take(self, queue: deque[bytes]) -> list[bytes]:
        frames, size = [], 0
        while queue and size < _SEND_BYTES:
            frames.append(queue.popleft())
            size += len(frames[-1])
        self._queued_bytes -= size
        return frames


def _unsent(pieces: list[bytes], sent: int) -> tuple[bytes, list[bytes]]:
    """Tell what is left of pieces of which `sent` bytes are gone: the rest of one that was begun, and whole ones.

    The first piece has been begun before.
    """
    for n, piece in enumerate(pieces):
        if sent < len(piece):
            if n == 0 or sent:
                return piece[sent:], pieces[n + 1 :]
            return b"", pieces[n:]
        sent -= len(piece)
    return b"", []


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError, AttributeError):  # only Linux has them all
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
