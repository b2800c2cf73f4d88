"""The way to one peer as the fan-out takes it: keys, and the address in the kernel's form."""

import socket
import struct

from sfu.net.address import UdpAddress
from sfu.net.srtp import OutboundSrtp, PinnedBuffer, Pointer

NAME_BYTES: dict[int, int] = {socket.AF_INET: 16, socket.AF_INET6: 28}
"""Size of a `struct sockaddr`, by family."""


class Way:
    """Where a peer is and by what keys; made anew when one of them changes, and good until then.

    `name` is where in memory its `struct sockaddr` is, `session` libsrtp's object.
    """

    __slots__ = ("_name_memory", "_outbound", "address", "name", "session", "tag_length")

    def __init__(self, family: int, address: UdpAddress, outbound: OutboundSrtp) -> None:
        self.address = address
        self.session: Pointer = outbound.srtp
        self.tag_length = outbound.tag_length
        self._outbound = outbound  # owns the C object behind the session
        self._name_memory = PinnedBuffer(NAME_BYTES[family])
        self._name_memory.view[:] = socket_name(family, address)
        self.name = self._name_memory.address


def socket_name(family: int, address: UdpAddress) -> bytes:
    """Build the `struct sockaddr` of an address (ip(7), ipv6(7))."""
    host = socket.inet_pton(family, address[0])
    head = struct.pack("=H", family) + struct.pack("!H", address[1])
    if len(address) == 2:
        return head + struct.pack("4s8x", host)
    return head + struct.pack("!I16s", address[2], host) + struct.pack("=I", address[3])
