"""Does a media port answer? One connectivity check over UDP or TCP, and what came of it."""

import enum
import errno
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from deploy.probes.stun import Check, framed

FIRST_WAIT_S = 0.1
"""Until a check over UDP is repeated; each further wait is twice as long (RFC 8489 section 6.2.1)."""

MAX_DATAGRAM_BYTES = 65_535

_RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR of Linux: a socket that is not connected learns of closed ports, too."""


class Outcome(enum.Enum):
    """What a media port did."""

    ANSWERS = "answers"
    REFUSED = "refused"
    SILENT = "silent"
    STRANGER = "stranger"
    ELSEWHERE = "elsewhere"
    NO_ROUTE = "no route"
    NO_SUCH_NAME = "no such name"
    WILDCARD = "wildcard"


@dataclass(frozen=True, slots=True)
class Target:
    """An announced candidate: address, port, `udp` or `tcp`."""

    host: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Reach:
    """A target and its outcome; `source` is where the answer came from, if that was elsewhere."""

    target: Target
    outcome: Outcome
    source: str = ""


def parsed_ip(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def reach(target: Target, check: Check, timeout: float) -> Reach:
    """Send a check to a target and wait for its answer, `timeout` seconds at most. Never raises."""
    ip = parsed_ip(target.host)
    if ip is not None and ip.is_unspecified:
        return Reach(target, Outcome.WILDCARD)
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return Reach(target, Outcome.NO_SUCH_NAME)
    family, address = found[0][0], found[0][4]
    try:
        if target.protocol == "tcp":
            return Reach(target, _by_tcp(family, address, check, timeout))
        return _by_udp(target, family, address, check, timeout)
    except ConnectionRefusedError:
        return Reach(target, Outcome.REFUSED)
    except TimeoutError:
        return Reach(target, Outcome.SILENT)
    except OSError as error:
        lost = error.errno in {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
        return Reach(target, Outcome.NO_ROUTE if lost else Outcome.SILENT)


def _by_udp(target: Target, family: int, address: tuple[object, ...], check: Check, timeout: float) -> Reach:
    deadline, wait, outcome = time.monotonic() + timeout, FIRST_WAIT_S, Outcome.SILENT
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        _hear_of_errors(sock)
        while (now := time.monotonic()) < deadline:
            sock.sendto(check.request, address)
            until, wait = min(now + wait, deadline), wait * 2
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    data, source = sock.recvfrom(MAX_DATAGRAM_BYTES)
                except TimeoutError:
                    break
                if check.is_answered_by(data):
                    from_there = source[:2] == address[:2]
                    return Reach(target, Outcome.ANSWERS if from_there else Outcome.ELSEWHERE, source[0])
                if source[:2] == address[:2]:
                    outcome = Outcome.STRANGER
    return Reach(target, outcome)


def _hear_of_errors(sock: socket.socket) -> None:
    try:
        sock.setsockopt(*_RECEIVE_ERRORS[socket.AddressFamily(sock.family)], 1)
    except (OSError, KeyError):
        return  # not Linux: a closed port is as silent as a firewall then


def _by_tcp(family: int, address: tuple[object, ...], check: Check, timeout: float) -> Outcome:
    deadline = time.monotonic() + timeout
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(address)
        try:
            sock.sendall(framed(check.request))
            size = int.from_bytes(_read(sock, 2, deadline), "big")
            return Outcome.ANSWERS if check.is_answered_by(_read(sock, size, deadline)) else Outcome.STRANGER
        except OSError:  # it took the connection and then said nothing, or hung up
            return Outcome.STRANGER


def _read(sock: socket.socket, size: int, deadline: float) -> bytes:
    data = b""
    while len(data) < size:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data
