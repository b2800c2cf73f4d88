"""The TCP port of a worker (RFC 6544, passive candidates): takes connections in, within bounds.

A connection has a short time and few bytes to bring a connectivity check that proves whose it is. Until then it is
the first to go when there are too many, so that whoever only holds connections open shuts nobody out.
"""

import asyncio
import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable

from sfu.net.address import plain_host
from sfu.net.send_counters import SendCounters
from sfu.net.tcp_connection import TcpConnection
from shared.logging import get_logger

log = get_logger(__name__)

MAX_CONNECTIONS = 1024
"""Of a worker. Each may hold 256 KiB that wait for its peer; a peer has one for each of its transports."""

MAX_UNPROVEN = 256
"""Connections that have not shown a valid check yet. Of more the oldest goes: an honest one needs a round trip."""

MAX_UNPROVEN_PER_HOST = 64
"""The same from one IPv4 address or IPv6 network: a class behind one address that joins at once, and no more."""

PROVE_WITHIN_S = 10.0
"""Time for the first valid check. Browsers send it as soon as the connection is there."""

MAX_UNPROVEN_BYTES = 16 << 10
"""What a connection may send before it: a hundred checks."""

ACCEPTED_A_TURN = 16
"""Connections taken in at one turn of the event loop; media is handled between them."""

BACKLOG = 128
PAUSE_S = 1.0
"""Until accepting is tried again when the process has no file descriptor left."""

READ_BYTES = 64 << 10

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

FramesReceiver = Callable[[TcpConnection, list[memoryview]], None]


def bind_tcp(ip: str, preferred_port: int, min_port: int, max_port: int) -> socket.socket | None:
    """Listen on `preferred_port`, else on the first free port of the range; `None` when there is none."""
    for port in (preferred_port, *range(min_port, max_port + 1)):
        sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((ip, port))
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            continue
        sock.setblocking(False)
        return sock
    return None


class TcpListener:
    """Accepts connections and reads frames from them.

    Args:
        sock: listening and non-blocking.
        counters: of what is sent, shared with the UDP socket.
        drops: counts what is refused, by reason.
        on_frames: takes the frames of one read; they are valid during the call.
        on_lost: is told of a connection that ended by itself or was ended by its peer.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        counters: SendCounters,
        drops: Counter[str],
        on_frames: FramesReceiver,
        on_lost: Callable[[TcpConnection], None],
    ) -> None:
        self.port: int = sock.getsockname()[1]
        self._sock = sock
        self._loop = loop
        self._counters = counters
        self._drops = drops
        self._on_frames = on_frames
        self._on_lost = on_lost
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._proven: set[TcpConnection] = set()
        self._unproven: dict[TcpConnection, float] = {}  # when its time is up; as time only grows, in order
        self._unproven_by_host: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._resuming: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._proven) + len(self._unproven)

    def start(self) -> None:
        """Begin to accept connections."""
        self._loop.add_reader(self._sock, self._accept)

    def prove(self, connection: TcpConnection) -> None:
        """Take note that a valid check has come by this connection: it stays until it is closed."""
        if not connection.proven and not connection.closed:
            self._forget(connection)
            connection.proven = True
            self._proven.add(connection)

    def drop(self, connection: TcpConnection) -> None:
        """Close a connection that is of no use any more, without a word to `on_lost`."""
        self._forget(connection)
        connection.close()

    def close(self) -> None:
        """Stop accepting and close all connections."""
        self._loop.remove_reader(self._sock)
        self._sock.close()
        for timer in (self._timer, self._resuming):
            if timer is not None:
                timer.cancel()
        for connection in (*self._unproven, *self._proven):
            self.drop(connection)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_A_TURN):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._drops["tcp_accept_failed"] += 1
                if error.errno in _OUT_OF_RESOURCES:
                    self._pause(error)
                    return
                continue  # it was reset before we took it
            self._admit(sock, address[0])

    def _pause(self, error: OSError) -> None:
        """Let the listener be for a while: it would stay readable, and the loop would do nothing else."""
        log.warning("cannot accept TCP connections now", reason=str(error))
        self._loop.remove_reader(self._sock)
        self._resuming = self._loop.call_later(PAUSE_S, self.start)

    def _admit(self, sock: socket.socket, host: str) -> None:
        self._make_room(_network(host))
        if self.connections >= MAX_CONNECTIONS:
            self._drops["tcp_too_many"] += 1
            sock.close()
            return
        try:
            connection = TcpConnection(sock, self._loop, self._counters, self._lost)
        except OSError:  # it is gone already
            sock.close()
            return
        self._unproven[connection] = self._loop.time() + PROVE_WITHIN_S
        self._unproven_by_host[_network(connection.remote[0])] += 1
        self._loop.add_reader(sock, self._read, connection)
        self._arm()

    def _make_room(self, network: str) -> None:
        """Let the oldest that has proved nothing go: of this network, or of all, as there are too many."""
        oldest = None
        if self._unproven_by_host[network] >= MAX_UNPROVEN_PER_HOST:
            oldest = next(known for known in self._unproven if _network(known.remote[0]) == network)
        elif len(self._unproven) >= MAX_UNPROVEN or (self._unproven and self.connections >= MAX_CONNECTIONS):
            oldest = next(iter(self._unproven))
        if oldest is not None:
            self._refuse(oldest, "tcp_too_many")

    def _read(self, connection: TcpConnection) -> None:
        try:
            size = connection.sock.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            size = 0
        if not size:
            connection.close()
            self._lost(connection)
            return
        try:
            frames = connection.frames.feed(self._buffer[:size])
        except ValueError:
            self._fail(connection, "tcp_bad_frame")
            return
        if frames:
            self._on_frames(connection, frames)
        if not connection.proven and not connection.closed:
            connection.unproven_bytes += size
            if connection.unproven_bytes > MAX_UNPROVEN_BYTES:
                self._refuse(connection, "tcp_unproven")

    def _fail(self, connection: TcpConnection, reason: str) -> None:
        self._drops[reason] += 1
        connection.close()
        self._lost(connection)

    def _refuse(self, connection: TcpConnection, reason: str) -> None:
        self._drops[reason] += 1
        self.drop(connection)

    def _lost(self, connection: TcpConnection) -> None:
        self._forget(connection)
        self._on_lost(connection)

    def _forget(self, connection: TcpConnection) -> None:
        self._proven.discard(connection)
        if self._unproven.pop(connection, None) is None:
            return
        network = _network(connection.remote[0])
        self._unproven_by_host[network] -= 1
        if not self._unproven_by_host[network]:
            del self._unproven_by_host[network]

    def _arm(self) -> None:
        if self._timer is None and self._unproven:
            self._timer = self._loop.call_at(next(iter(self._unproven.values())), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._unproven:
            connection, deadline = next(iter(self._unproven.items()))
            if deadline > now:
                break
            self._refuse(connection, "tcp_unproven")
        self._arm()


def _network(host: str) -> str:
    """Return whom a connection counts for: an IPv4 address, or the /64 that one IPv6 host has for itself."""
    host = plain_host(host)
    if ":" not in host:
        return host
    return str(ipaddress.IPv6Network((host.partition("%")[0], 64), strict=False))
