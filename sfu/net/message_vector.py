"""The messages of one `sendmmsg` call, in the kernel's form.

The call goes by ctypes: Python's `socket` has none for it, and builds the arguments of `sendmsg` anew each time,
which costs as much as sending a packet of sound.
"""

import ctypes
import socket
import struct
import sys
from collections.abc import Callable

from sfu.net.srtp import PinnedBuffer
from sfu.net.udp_socket import knows_segmentation, segment_option
from sfu.net.way import NAME_BYTES

MAX_MESSAGES = 256
"""In one call."""

_put_name = struct.Struct("=Q").pack_into
_put_size = struct.Struct("=Q").pack_into
_SIZE_AT = 8
put_slice = struct.Struct("=QQ").pack_into
SLICE_BYTES = 16
put_message = struct.Struct("=QI4xQQQQi4xI4x").pack_into
MESSAGE_BYTES = 64
"""`struct iovec` and `struct mmsghdr` of 64-bit Linux (sendmmsg(2)): name, its length, iovec, count, control data,
its length, flags, bytes sent."""

_put_option = struct.Struct("=QiiH6x").pack_into
_OPTION_BYTES = 24


def _find_sendmmsg() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux" or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return None
    try:
        function = ctypes.CDLL(None).sendmmsg
    except (AttributeError, OSError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return function


class MessageVector:
    """Up to `size` datagrams, or runs of them, for as many peers, to be sent by one call.

    `available` tells whether the system can do that. `put_number` writes 16 bits into a buffer in network order.
    """

    put_number = staticmethod(struct.Struct("!H").pack_into)

    def __init__(self, sock: socket.socket, size: int = MAX_MESSAGES) -> None:
        self._sendmmsg = _find_sendmmsg()
        self.available = self._sendmmsg is not None and knows_segmentation(sock)
        self._descriptor = sock.fileno  # asked for each time: of a closed socket it may be another's by now
        self._name_bytes = NAME_BYTES[sock.family]
        self._slices = PinnedBuffer(size * SLICE_BYTES)
        self._options = PinnedBuffer(size * _OPTION_BYTES)
        self._messages = PinnedBuffer(size * MESSAGE_BYTES)

    def lay(self, n: int, address: int, size: int, segment_size: int) -> None:
        """Let the n-th message be the bytes in memory from `address` on, in segments if that size is not 0."""
        put_slice(self._slices.view, n * SLICE_BYTES, address, size)
        option, option_bytes = 0, 0
        if segment_size:
            option, option_bytes = self._options.address + n * _OPTION_BYTES, _OPTION_BYTES
            _put_option(self._options.view, n * _OPTION_BYTES, *segment_option(segment_size))
        put_message(
            self._messages.view,
            n * MESSAGE_BYTES,
            0,
            self._name_bytes,
            self._slices.address + n * SLICE_BYTES,
            1,
            option,
            option_bytes,
            0,
            0,
        )

    def set_size(self, n: int, size: int) -> None:
        """Let the n-th message, which is laid already, be so many bytes long."""
        _put_size(self._slices.view, n * SLICE_BYTES + _SIZE_AT, size)

    def set_name(self, n: int, name: int) -> None:
        """Send the n-th message to the address whose `struct sockaddr` is there in memory."""
        _put_name(self._messages.view, n * MESSAGE_BYTES, name)

    def send(self, first: int, count: int) -> int:
        """Send `count` messages from number `first` on; how many the kernel took before one that it did not."""
        assert self._sendmmsg is not None  # noqa: S101 - there would be no ways
        at = self._messages.address + first * MESSAGE_BYTES
        return max(0, self._sendmmsg(self._descriptor(), at, count, 0))
