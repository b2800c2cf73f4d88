"""What the sockets call an address: where a datagram came from, or the TCP connection that a frame came by."""

from sfu.net.tcp_connection import TcpConnection

UdpAddress = tuple[str, int] | tuple[str, int, int, int]
"""IPv4 `(host, port)` or IPv6 `(host, port, flowinfo, scope_id)`, just as `recvfrom` returns it. Two of them are
one peer if they are equal: Linux reports a flow label of 0 always and a scope for link-local hosts only."""

Address = UdpAddress | TcpConnection
"""Where a peer is reached. A TCP connection is an address of its own, whatever its port: nothing else leads
there."""


def remote_of(address: Address) -> UdpAddress:
    """Return the peer's host and port behind an address."""
    return address.remote if isinstance(address, TcpConnection) else address


def host_of(address: Address) -> str:
    """Return the peer's IP address; an IPv4 one as such, even where one socket serves both families."""
    return plain_host(remote_of(address)[0])


def plain_host(host: str) -> str:
    """Take an IPv4 address out of its IPv6 form (RFC 4291 2.5.5.2)."""
    return host.removeprefix(_MAPPED_IPV4) if "." in host else host


_MAPPED_IPV4 = "::ffff:"
