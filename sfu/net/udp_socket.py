"""A UDP socket read and written in batches.

Reading goes on until the socket is dry or the batch is full, into slots that are made once. Equal-sized packets to
one peer leave in one `sendmsg` with `UDP_SEGMENT` (Linux 4.18): the kernel's send path is most of what forwarding
costs, and it is paid per call.
"""

import errno
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass

from sfu.net.address import Address, UdpAddress
from sfu.net.send_counters import SendCounters
from sfu.net.tcp_connection import TcpConnection
from shared.logging import get_logger

log = get_logger(__name__)

SOCKET_BUFFER_BYTES = 8 << 20
"""Wanted kernel buffers: about 100 ms of 600 Mbit/s, so that a burst to a full class is not dropped."""

MAX_QUEUED_BYTES = 16 << 20
"""Waiting for a socket that is not writable: as much again as the kernel's buffer, twice over, then drop."""

MAX_SEGMENT_BYTES = {socket.AF_INET: 1472, socket.AF_INET6: 1452}
"""Largest segment given to `UDP_SEGMENT`, by the socket's family: Ethernet's MTU less the IP and UDP headers."""

MAX_REFUSING_PEERS = 1024
"""Destinations remembered as refusing segmentation. Of more the first are forgotten, and found out anew."""

COMPLAINT_INTERVAL_S = 60.0
"""Least time between two log lines on what the kernel refuses: every destination can have its own trouble."""

_SOL_UDP = socket.IPPROTO_UDP
_UDP_SEGMENT = 103  # linux/udp.h; the socket module has no name for it
_SEGMENT_SIZE = struct.Struct("H")
_REFUSALS = {errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT}
"""What says that this packet may go, but not in segments."""


class NoFreePortError(Exception):
    """Every UDP port of the range is taken or forbidden."""


def bind_udp(ip: str, preferred_port: int, min_port: int, max_port: int) -> socket.socket:
    """Bind a non-blocking UDP socket to the first free port from `preferred_port` on, wrapping to `min_port`.

    Raises:
        NoFreePortError: no port of the range can be had.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    candidates = [*range(preferred_port, max_port + 1), *range(min_port, preferred_port)]
    for port in candidates:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # `::` serves IPv4 too
            sock.bind((ip, port))
        except OSError as error:
            sock.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            continue
        sock.setblocking(False)
        _enlarge_buffers(sock)
        return sock
    raise NoFreePortError(f"no free UDP port from {min_port} to {max_port} on {ip}")


def _enlarge_buffers(sock: socket.socket) -> None:
    for name, forced, plain in (("receive", 33, socket.SO_RCVBUF), ("send", 32, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, SOCKET_BUFFER_BYTES)  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, plain, SOCKET_BUFFER_BYTES)
        got = sock.getsockopt(socket.SOL_SOCKET, plain) // 2  # Linux reports twice what it grants
        if got < SOCKET_BUFFER_BYTES:
            log.warning(
                "the kernel grants a smaller socket buffer than asked for; raise net.core.rmem_max and wmem_max",
                buffer=name,
                wanted_bytes=SOCKET_BUFFER_BYTES,
                granted_bytes=got,
            )


def segment_option(segment_size: int) -> tuple[int, int, int, int]:
    """Return the fields of a `struct cmsghdr` that asks for segments of this size, and the size."""
    return socket.CMSG_LEN(_SEGMENT_SIZE.size), _SOL_UDP, _UDP_SEGMENT, segment_size


def knows_segmentation(sock: socket.socket) -> bool:
    """Tell whether the system can send runs of packets in one call."""
    try:
        sock.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return hasattr(sock, "sendmsg")


@dataclass(slots=True)
class _Waiting:
    data: bytes
    segment_size: int
    address: UdpAddress


class UdpSender:
    """The writing half. `wants_write` asks the owner to call `flush` when the socket is writable again.

    `segmentation` tells whether the system knows `UDP_SEGMENT`.

    A peer that is reached by TCP gets its packets by its connection, which has a queue of its own.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ancillary: dict[int, list[tuple[int, int, bytes]]] = {}
        self._max_segment = MAX_SEGMENT_BYTES[sock.family]
        self.segmentation = knows_segmentation(sock)
        self._refusing: dict[UdpAddress, None] = {}
        self._next_complaint = float("-inf")
        self._urgent: deque[_Waiting] = deque()
        self._video: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self.counters = SendCounters()

    @property
    def wants_write(self) -> bool:
        """Whether datagrams wait for the socket to become writable."""
        return self._queued_bytes > 0

    def takes_runs(self, address: Address) -> bool:
        """Tell whether runs to this address may go to the kernel as such: none has been refused, and it is UDP."""
        return not isinstance(address, TcpConnection) and self.segmentation and address not in self._refusing

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send one datagram that matters more than video: STUN, DTLS, RTCP, audio."""
        self.send_run(data, len(data), address, video=False)

    def send_run(self, run: bytes | memoryview, segment_size: int, address: Address, *, video: bool) -> None:
        """Send packets that lie end to end, each `segment_size` bytes long but the last, which may be shorter."""
        if isinstance(address, TcpConnection):  # asked once a run, it costs UDP nothing that could be measured
            address.send_run(run, segment_size, video=video)
            return
        done = 0 if self._queued_bytes else self._transmit(run, segment_size, address)
        if done < len(run):
            self._queue(_Waiting(bytes(run[done:]), segment_size, address), video=video)

    def flush(self) -> None:
        """Send what waits, urgent first, until the socket blocks again."""
        for queue in (self._urgent, self._video):
            while queue:
                waiting = queue[0]
                done = self._transmit(waiting.data, waiting.segment_size, waiting.address)
                self._queued_bytes -= done
                if done < len(waiting.data):
                    waiting.data = waiting.data[done:]
                    return
                queue.popleft()

    def forget(self, address: UdpAddress) -> None:
        """Drop what is remembered about a destination that is gone."""
        self._refusing.pop(address, None)

    def _transmit(self, run: bytes | memoryview, segment_size: int, address: UdpAddress) -> int:
        """Send now what the socket takes; the bytes that need no further care (sent or refused for good)."""
        size = len(run)
        segmented = size > segment_size
        if segmented and (not self.segmentation or segment_size > self._max_segment or address in self._refusing):
            return self._transmit_singly(run, segment_size, address)
        try:
            if segmented:
                self._sock.sendmsg((run,), self._segment_option(segment_size), 0, address)
            else:
                self._sock.sendto(run, address)
        except BlockingIOError:
            return 0
        except OSError as error:
            if segmented and error.errno in _REFUSALS:
                self._stop_segmenting(address, error)
                return self._transmit_singly(run, segment_size, address)
            # Whatever it is, it concerns this destination, and others' packets wait behind this one.
            self.counters.refused += -(-size // segment_size)
            return size
        counters = self.counters
        counters.sent += -(-size // segment_size)
        counters.sent_bytes += size
        return size

    def _transmit_singly(self, run: bytes | memoryview, segment_size: int, address: UdpAddress) -> int:
        for at in range(0, len(run), segment_size):
            packet = run[at : at + segment_size]
            if self._transmit(packet, segment_size, address) < len(packet):
                return at
        return len(run)

    def _segment_option(self, segment_size: int) -> list[tuple[int, int, bytes]]:
        option = self._ancillary.get(segment_size)
        if option is None:
            option = [(_SOL_UDP, _UDP_SEGMENT, _SEGMENT_SIZE.pack(segment_size))]
            self._ancillary[segment_size] = option  # at most one entry a size up to MAX_SEGMENT_BYTES
        return option

    def _stop_segmenting(self, address: UdpAddress, error: OSError) -> None:
        if len(self._refusing) == MAX_REFUSING_PEERS:
            del self._refusing[next(iter(self._refusing))]
        self._refusing[address] = None
        now = time.monotonic()
        if now >= self._next_complaint:
            self._next_complaint = now + COMPLAINT_INTERVAL_S
            log.warning("segmented sending refused; one datagram a call to this peer", reason=str(error))

    def _queue(self, waiting: _Waiting, *, video: bool) -> None:
        (self._video if video else self._urgent).append(waiting)
        self._queued_bytes += len(waiting.data)
        while self._queued_bytes > MAX_QUEUED_BYTES:
            dropped = (self._video or self._urgent).popleft()
            self._queued_bytes -= len(dropped.data)
            self.counters.queue_full += -(-len(dropped.data) // dropped.segment_size)
