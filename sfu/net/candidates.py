"""Where peers reach a worker: its ICE candidates, and what it tells of the way that media takes."""

from collections.abc import Sequence

from sfu.net.address import Address, host_of, remote_of
from sfu.net.tcp_connection import TcpConnection
from shared.transport_parameters import IceCandidate, TransportTuple

_UDP_TYPE_PREFERENCE = 126
"""Of host candidates (RFC 8445 5.1.2.2)."""

_TCP_TYPE_PREFERENCE = 90
"""Of TCP ones: below every UDP candidate but relayed ones (RFC 6544 4.2), and what browsers give theirs."""

_MAX_LOCAL_PREFERENCE = (1 << 16) - 1
_PASSIVE_PREFERENCE = 4 << 13
_MAX_OTHER_PREFERENCE = (1 << 13) - 1
"""The local preference of a TCP host candidate: its direction's, then its own (RFC 6544 4.2)."""

_COMPONENT = 1


class LocalAddresses:
    """The announced addresses of a worker, the preferred one first, with its UDP port and its TCP port if any."""

    def __init__(self, announced_ips: Sequence[str], udp_port: int, tcp_port: int | None) -> None:
        self.udp_port = udp_port
        self.tcp_port = tcp_port
        self._ips = announced_ips
        udp = [_udp_candidate(n, ip, udp_port) for n, ip in enumerate(announced_ips)]
        tcp = [] if tcp_port is None else [_tcp_candidate(n, ip, tcp_port) for n, ip in enumerate(announced_ips)]
        self.candidates = udp + tcp

    def tuple_of(self, address: Address) -> TransportTuple:
        """Describe the way to an address. Ours is the first announced one of the peer's family: the socket may be
        bound to many, and behind a NAT to none that the peer knows."""
        host = host_of(address)
        ours = next((ip for ip in self._ips if (":" in ip) == (":" in host)), self._ips[0] if self._ips else "")
        port = remote_of(address)[1]
        if isinstance(address, TcpConnection):
            return TransportTuple(ours, self.tcp_port or 0, host, port, "tcp")
        return TransportTuple(ours, self.udp_port, host, port, "udp")


def _udp_candidate(n: int, ip: str, port: int) -> IceCandidate:
    priority = _priority(_UDP_TYPE_PREFERENCE, _MAX_LOCAL_PREFERENCE - n)
    return IceCandidate(f"udp{n}", priority, ip=ip, address=ip, protocol="udp", port=port)


def _tcp_candidate(n: int, ip: str, port: int) -> IceCandidate:
    priority = _priority(_TCP_TYPE_PREFERENCE, _PASSIVE_PREFERENCE | (_MAX_OTHER_PREFERENCE - n))
    return IceCandidate(f"tcp{n}", priority, ip=ip, address=ip, protocol="tcp", port=port, tcp_type="passive")


def _priority(type_preference: int, local_preference: int) -> int:
    return type_preference << 24 | local_preference << 8 | 256 - _COMPONENT
