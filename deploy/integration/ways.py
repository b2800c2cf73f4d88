"""Ways to a media port: a UDP socket, or a TCP connection with RFC 4571's framing."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from deploy.probes.stun import framed

Receive = Callable[[bytes, "Way"], None]

_LENGTH_BYTES = 2


class UdpWay(asyncio.DatagramProtocol):
    """One UDP socket. `receive` gets each datagram and this way."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the socket (asyncio)."""
        self._transport = transport

    def datagram_received(self, data: bytes, _address: Any) -> None:
        """Hand a datagram on (asyncio)."""
        self._receive(data, self)

    def error_received(self, _error: Exception) -> None:
        """Ignore that a port is closed (asyncio): the check that is not answered says so."""

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data)

    def close(self) -> None:
        """Close the socket without a word."""
        if self._transport is not None:
            self._transport.abort()


class TcpWay(asyncio.Protocol):
    """One TCP connection. `receive` gets each frame's content and this way."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the connection (asyncio)."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand whole frames on (asyncio)."""
        self._waiting += data
        while len(self._waiting) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._waiting[:_LENGTH_BYTES], "big")
            if len(self._waiting) < end:
                return
            frame, self._waiting = self._waiting[_LENGTH_BYTES:end], self._waiting[end:]
            self._receive(frame, self)

    def send(self, data: bytes) -> None:
        """Send a frame."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(data))

    def close(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()


Way = UdpWay | TcpWay


async def open_way(candidate: Mapping[str, Any], receive: Receive) -> Way:
    """Open a way to an ICE candidate. Raises: OSError."""
    loop = asyncio.get_running_loop()
    address = (str(candidate.get("address") or candidate["ip"]), int(candidate["port"]))
    if candidate["protocol"] == "udp":
        return (await loop.create_datagram_endpoint(lambda: UdpWay(receive), remote_addr=address))[1]
    return (await loop.create_connection(lambda: TcpWay(receive), *address))[1]
