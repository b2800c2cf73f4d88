"""A TURN client (aioice's) and a peer behind the relay that sends back what it gets."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from aioice.turn import TurnTransport, create_turn_endpoint

from backend.domain.ice_servers import IceServer

ANSWER_WITHIN_S = 10.0


class Received(asyncio.DatagramProtocol):
    """Keeps what arrives in a queue."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.packets.put_nowait((data, addr))


class Echo(asyncio.DatagramProtocol):
    """Sends everything back."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(data, addr)


@asynccontextmanager
async def echoing_peer() -> AsyncIterator[tuple[str, int]]:
    """Run a peer on loopback; yields its address."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()


class Relay:
    """One allocation."""

    def __init__(self, transport: TurnTransport, received: Received) -> None:
        self._transport = transport
        self._received = received
        self._channels = itertools.count(0x4000)

    @property
    def address(self) -> tuple[str, int]:
        """What peers see as our address."""
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address

    async def allow(self, peer: tuple[str, int]) -> None:
        """Ask for leave to reach a peer. Raises: aioice.stun.TransactionFailed when it is denied."""
        inner: Any = self._transport._TurnTransport__inner_protocol  # type: ignore[attr-defined] # aioice hides it
        await inner.channel_bind(next(self._channels), peer)

    async def echo(self, data: bytes, peer: tuple[str, int]) -> bytes:
        """Send something to a peer and return what comes back."""
        self._transport.sendto(data, peer)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer, sender = await self._received.packets.get()
        assert sender == peer
        return answer


@asynccontextmanager
async def allocated(
    server: IceServer, port: int, transport: Literal["udp", "tcp"] = "udp", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Relay]:
    """Hold an allocation with a server's credentials. Raises: aioice.stun.TransactionFailed when it is refused."""
    endpoint, received = await create_turn_endpoint(
        Received,
        server_addr=("127.0.0.1", port),
        username=server.username,
        password=server.credential,
        ssl=tls,
        transport=transport,
    )
    try:
        yield Relay(endpoint, received)
    finally:
        endpoint.close()
