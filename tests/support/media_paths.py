"""Ways from a test's peer to a media port: UDP sockets and TCP connections, IPv4 and IPv6."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

Receive = Callable[[bytes, Any], None]


class UdpPath(asyncio.DatagramProtocol):
    """One UDP socket. `receive` gets each datagram and this path."""

    def __init__(self, remote: tuple[str, int], receive: Receive) -> None:
        self.remote = remote
        self.local: Any = None
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.local = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._receive(data, self)

    def send(self, data: bytes) -> None:
        """Send a datagram as it is."""
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.sendto(data, self.remote)

    def close(self) -> None:
        """Close the socket."""
        assert self._transport is not None
        self._transport.close()


class TcpPath(asyncio.Protocol):
    """One TCP connection with RFC 4571's framing. `closed` is set when the other side has ended it."""

    def __init__(self, remote: tuple[str, int], receive: Receive) -> None:
        self.remote = remote
        self.local: Any = None
        self.closed = asyncio.Event()
        self._receive = receive
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.local = transport.get_extra_info("sockname")

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= 2:
            (length,) = struct.unpack_from("!H", self._data)
            if len(self._data) < 2 + length:
                return
            frame, self._data = self._data[2 : 2 + length], self._data[2 + length :]
            self._receive(frame, self)

    def send(self, data: bytes) -> None:
        """Send one frame."""
        self.send_raw(struct.pack("!H", len(data)) + data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(data)

    def stop_reading(self) -> None:
        """Be a peer that does not read."""
        assert self._transport is not None
        self._transport.pause_reading()

    def close(self) -> None:
        """Close the connection."""
        assert self._transport is not None
        self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        assert self._transport is not None
        self._transport.abort()


Path = UdpPath | TcpPath


async def open_path(candidate: dict[str, Any], local_ip: str, receive: Receive) -> Path:
    """Open a way to a candidate from an address of ours, from any port."""
    loop = asyncio.get_running_loop()
    remote = (candidate["ip"], candidate["port"])
    if candidate["protocol"] == "udp":
        _, udp = await loop.create_datagram_endpoint(lambda: UdpPath(remote, receive), local_addr=(local_ip, 0))
        return udp
    _, tcp = await loop.create_connection(lambda: TcpPath(remote, receive), *remote, local_addr=(local_ip, 0))
    return tcp
