"""Sockets between the workers of one SFU, each handed over by the control process through another socket.

They keep the bounds of records (`SOCK_SEQPACKET`) and lose none. While the other worker does not read, records
wait up to a bound; what finds no room is dropped, and who sends it is told. Nobody ever blocks.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

RECORD_ROOM_BYTES = 96 << 10
"""Room for one record, half as much again as workers write. What fills it was cut off and is dropped."""

MAX_WAITING_BYTES = 4 << 20
"""Waiting for room in the socket, which has some 200 KB itself: a second of 20 publishers. What comes later
is of no use to anybody."""

MAX_POSTED_BYTES = 1 << 20
"""More than that may wait of what must not be lost. A worker that is stuck until this fills is soon killed."""

MAX_RECORDS_PER_READ = 32
"""Then the loop turns, so that whatever else this worker does is not held up."""

MAX_PASSED = 16
"""Sockets taken over at one time. A worker has one to each other worker at most, and gets them one by one."""

_INDEX_BYTES = 2


class Listener(Protocol):
    """Whom a pipe tells what came in."""

    def on_record(self, record: memoryview, now: float) -> None:
        """Take a record; the view is valid during the call."""

    def on_end(self) -> None:
        """Take note that the other worker is gone."""


class PipeSocket:
    """One end of the socket between two workers. `after_read` is called when what came in has been taken."""

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        listener: Listener,
        after_read: Callable[[], None],
        fault: Callable[[str], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = loop
        self._listener = listener
        self._after_read = after_read
        self._fault = fault
        self._room = memoryview(bytearray(RECORD_ROOM_BYTES))
        self._waiting: deque[bytes | bytearray] = deque()
        self._waiting_bytes = 0
        self._closed = False
        loop.add_reader(sock, self._read)

    def send(self, record: bytes | bytearray) -> bool:
        """Send a record, now or as soon as there is room; `False` if too much waits, or the other worker is gone.

        Nobody is to change the record any more.
        """
        return not self._closed and self._put(record, MAX_WAITING_BYTES)

    def post(self, record: bytes) -> bool:
        """Do the same for what must not be lost while there is another worker; one that is gone misses nothing."""
        return self._closed or self._put(record, MAX_WAITING_BYTES + MAX_POSTED_BYTES)

    def close(self) -> None:
        """Close it; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        if self._waiting:
            self._loop.remove_writer(self._sock)
            self._waiting.clear()
        self._sock.close()

    def _put(self, record: bytes | bytearray, most: int) -> bool:
        if not self._waiting:
            if self._transmit(record):
                return True
            self._loop.add_writer(self._sock, self._write)
        elif self._waiting_bytes + len(record) > most:
            return False
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        return True

    def _transmit(self, record: bytes | bytearray) -> bool:
        """Send a record if there is room; what cannot be sent for another reason needs no further care."""
        try:
            self._sock.send(record)
        except BlockingIOError:
            return False
        except OSError:  # nobody is at the other end, as reading tells as well
            return True
        return True

    def _write(self) -> None:
        while self._waiting and self._transmit(self._waiting[0]):
            self._waiting_bytes -= len(self._waiting.popleft())
        if not self._waiting:
            self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        now = self._loop.time()
        for _ in range(MAX_RECORDS_PER_READ):
            try:
                length = self._sock.recv_into(self._room)
            except BlockingIOError:
                break
            except OSError:
                length = 0
            if not length:
                self._end()
                return
            self._take(length, now)
            if self._closed:
                return
        self._after_read()

    def _take(self, length: int, now: float) -> None:
        if length == RECORD_ROOM_BYTES:
            return
        try:
            self._listener.on_record(self._room[:length], now)
        except Exception:  # a bug of ours that this record has found; those behind it are not to suffer
            self._fault("pipe_fault")

    def _end(self) -> None:
        self.close()
        self._listener.on_end()


class PassedPipes:
    """Takes over sockets that the control process passes through `sock`, each with the other worker's index."""

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        after_read: Callable[[], None],
        fault: Callable[[str], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = loop
        self._after_read = after_read
        self._fault = fault

    def take(self) -> list[tuple[int, Callable[[Listener], PipeSocket]]]:
        """Return those that were passed since the last call: whose other end each is, and how to open it."""
        taken: list[tuple[int, Callable[[Listener], PipeSocket]]] = []
        for _ in range(MAX_PASSED):
            try:
                message, descriptors, _, _ = socket.recv_fds(self._sock, _INDEX_BYTES, 1)
            except BlockingIOError:
                break
            if not descriptors:
                break
            sock = socket.socket(fileno=descriptors[0])
            taken.append((int.from_bytes(message, "big"), partial(self._open, sock)))
        return taken

    def _open(self, sock: socket.socket, listener: Listener) -> PipeSocket:
        return PipeSocket(sock, self._loop, listener, self._after_read, self._fault)
