"""The addresses of this machine, and which of them browsers elsewhere can use."""

import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

Ip = IPv4Address | IPv6Address

_PRIVATE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
]
"""What no router of the internet leads to (RFC 1918, 6598, 3927, 4193, 4291)."""

_SIOCGIFADDR = 0x8915
"""Linux: the IPv4 address of an interface."""

_IPV6_ADDRESSES = Path("/proc/net/if_inet6")

MAX_TOLD = 4
"""A machine with many containers has an address for each of their networks; the first few say enough."""


def is_private(ip: Ip) -> bool:
    """Tell whether an address serves only within a network of its own."""
    return any(ip in network for network in _PRIVATE if network.version == ip.version)


def host_addresses() -> list[Ip]:
    """Return this machine's addresses that others may use, those of the internet first, at most `MAX_TOLD`."""
    found = {ip for ip in (*_ipv4(), *_ipv6()) if not ip.is_loopback and not ip.is_link_local}
    return sorted(found, key=lambda ip: (is_private(ip), ip.version, int(ip)))[:MAX_TOLD]


def _ipv4() -> Iterator[Ip]:
    try:
        import fcntl  # Unix alone has it
    except ImportError:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(sock, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without an address
            yield ip_address(answer[20:24])


def _ipv6() -> Iterator[Ip]:
    try:
        lines = _IPV6_ADDRESSES.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        yield ip_address(bytes.fromhex(line.split()[0]))
