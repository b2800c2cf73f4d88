"""Many datagrams a system call with their kernel timestamps: `recvmmsg` into buffers made once.

A receiver of the load has to take 100,000 datagrams/s on one core; `recv_into` a datagram with its final
`BlockingIOError`, and `recvmsg` for the timestamp, would be two to three times as expensive.
"""

import socket
import struct

from cffi import FFI

BATCH = 32
STRIDE = 2048
"""Room for a datagram; nothing that is sent here is longer than an Ethernet frame."""
CONTROL_STRIDE = 32
"""Room for one control message with a `timespec`: a header of 16 bytes and 16 of data."""

SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
_MEMINFO_DROPS = 8

_ffi = FFI()
_ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen; int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
    """
)
_libc = _ffi.dlopen(None)
_recvmmsg = _libc.recvmmsg
_NULL = _ffi.NULL
_DONTWAIT = socket.MSG_DONTWAIT

DATA = bytearray(BATCH * STRIDE)
"""Datagram n of the last `receive` begins at n * STRIDE."""
CONTROL = bytearray(BATCH * CONTROL_STRIDE)

_data = _ffi.from_buffer(DATA)
_control = _ffi.from_buffer(CONTROL)
_vectors = _ffi.new("struct iovec[]", BATCH)
MESSAGES = _ffi.new("struct mmsghdr[]", BATCH)
for _n in range(BATCH):
    _vectors[_n].iov_base = _data + _n * STRIDE
    _vectors[_n].iov_len = STRIDE
    MESSAGES[_n].msg_hdr.msg_iov = _vectors + _n
    MESSAGES[_n].msg_hdr.msg_iovlen = 1
    MESSAGES[_n].msg_hdr.msg_control = _control + _n * CONTROL_STRIDE
    MESSAGES[_n].msg_hdr.msg_controllen = CONTROL_STRIDE

_timespec = struct.Struct("@qq").unpack_from


def receive(fd: int) -> int:
    """Read up to BATCH datagrams of a non-blocking socket; return how many, -1 for none or an error."""
    # Every datagram of a socket with SO_TIMESTAMPNS fills its control room, so the lengths stay as they were set.
    count: int = _recvmmsg(fd, MESSAGES, BATCH, _DONTWAIT, _NULL)
    return count


def arrival_ns(n: int) -> int:
    """Return when the kernel took datagram n of the last batch, on the wall clock."""
    seconds, nanoseconds = _timespec(CONTROL, n * CONTROL_STRIDE + 16)
    result: int = seconds * 1_000_000_000 + nanoseconds
    return result


def size(n: int) -> int:
    """Return the length of datagram n of the last batch."""
    length: int = MESSAGES[n].msg_len
    return length


def open_socket(host: str, receive_buffer: int) -> socket.socket:
    """Bind a socket to a free port of a host's, with timestamps and, if it may, a receive buffer of that size."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((host, 0))
    return sock


def drops(sock: socket.socket) -> int:
    """Return how many datagrams the kernel has dropped because the socket's buffer was full."""
    numbers = struct.unpack("@9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
    return int(numbers[_MEMINFO_DROPS])
