"""Up to 64 datagrams by one `recvmmsg` call, in the kernel's form.

The call goes by ctypes, as that of `message_vector` does: Python's `socket` has none for it. It takes one call
where `recvfrom` takes two, of which the second raises, and what a datagram comes from can be looked up without
making an address of it.
"""

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence

from sfu.net.address import UdpAddress
from sfu.net.message_vector import MESSAGE_BYTES, SLICE_BYTES, put_message, put_slice
from sfu.net.srtp import PinnedBuffer

_NAME_ROOM = 32
"""More than any `struct sockaddr` of IP takes; its multiple keeps all of them aligned."""

_NAME_BYTES = {socket.AF_INET: 16, socket.AF_INET6: 28}
_TELLING_NAME_BYTES = {socket.AF_INET: 8, socket.AF_INET6: 28}
"""Without the zero bytes at the end of IPv4's (ip(7))."""

_LENGTH_STEP = MESSAGE_BYTES // 4
_LENGTH_AT = 56 // 4
"""Where `msg_len` lies in `struct mmsghdr`, counted in 32-bit words."""


def _find_recvmmsg() -> Callable[[int, int, int, int, None], int] | None:
    if sys.platform != "linux" or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).recvmmsg
    except (AttributeError, OSError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    return function


class ReceiveVector:
    """Reads datagrams into `slots`, each an address in memory and a size in bytes.

    `available` tells whether the system can do that. After `receive` the n-th datagram's length is `lengths[n]`,
    no more than its slot's size, and `name(n)` says where it came from.
    """

    def __init__(self, sock: socket.socket, slots: Sequence[tuple[int, int]]) -> None:
        self._recvmmsg = _find_recvmmsg() if sock.family in _NAME_BYTES else None
        self.available = self._recvmmsg is not None
        self._descriptor = sock.fileno()
        self._count = len(slots)
        self._names = PinnedBuffer(_NAME_ROOM * len(slots))
        self._slices = PinnedBuffer(SLICE_BYTES * len(slots))
        self._messages = PinnedBuffer(MESSAGE_BYTES * len(slots))
        self._name_of = struct.Struct(f"{_TELLING_NAME_BYTES.get(sock.family, 0)}s").unpack_from
        self.lengths = self._messages.view.cast("I")[_LENGTH_AT::_LENGTH_STEP]
        name_bytes = _NAME_BYTES.get(sock.family, 0)
        for n, (address, size) in enumerate(slots):
            put_slice(self._slices.view, n * SLICE_BYTES, address, size)
            name, part = self._names.address + n * _NAME_ROOM, self._slices.address + n * SLICE_BYTES
            put_message(self._messages.view, n * MESSAGE_BYTES, name, name_bytes, part, 1, 0, 0, 0, 0)

    def receive(self) -> int:
        """Read what is there; how many datagrams that were.

        Raises:
            OSError: an ICMP error for something sent earlier; the next call goes on.
        """
        assert self._recvmmsg is not None  # noqa: S101 - `available` says so
        count = self._recvmmsg(self._descriptor, self._messages.address, self._count, 0, None)
        if count < 0:
            error = ctypes.get_errno()
            if error in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(error, "recvmmsg")
        return count

    def name(self, n: int) -> bytes:
        """Return where the n-th datagram came from: what `name_of` makes of the address."""
        name: bytes = self._name_of(self._names.view, n * _NAME_ROOM)[0]
        return name


def name_of(address: UdpAddress) -> bytes:
    """Return the part of an address' `struct sockaddr` that tells it from others (ip(7), ipv6(7))."""
    port = struct.pack("!H", address[1])
    if len(address) == 2:
        return struct.pack("=H", socket.AF_INET) + port + socket.inet_pton(socket.AF_INET, address[0])
    host = socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
    return (
        struct.pack("=H", socket.AF_INET6)
        + port
        + struct.pack("!I16s", address[2], host)
        + struct.pack("=I", address[3])
    )


def address_of(name: bytes) -> UdpAddress:
    """Return the address of a name, as `recvfrom` does, but for the scope in the text of a link-local host."""
    (port,) = struct.unpack_from("!H", name, 2)
    if len(name) == _TELLING_NAME_BYTES[socket.AF_INET]:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    (flow, host) = struct.unpack_from("!I16s", name, 4)
    (scope,) = struct.unpack_from("=I", name, 24)
    return socket.inet_ntop(socket.AF_INET6, host), port, flow, scope
