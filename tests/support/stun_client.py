"""A UDP client that does the ICE part of a browser: authenticated STUN binding requests, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aioice import stun

UFRAG = "client"
CHECK_EVERY_S = 0.2


class StunClient(asyncio.DatagramProtocol):
    """Checks one transport's candidate with its credentials."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._username = f"{parameters['iceParameters']['usernameFragment']}:{UFRAG}"
        self._password = parameters["iceParameters"]["password"].encode()
        self._answers: asyncio.Queue[stun.Message] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._answers.put_nowait(stun.parse_message(data))

    async def check(self) -> stun.Message:
        """Send a binding request that nominates the pair and wait for its answer."""
        self.send_check()
        async with asyncio.timeout(10):
            return await self._answers.get()

    def send_check(self) -> None:
        """Send a binding request that nominates the pair."""
        assert self._transport is not None
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = self._username
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 7
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._password)
        self._transport.sendto(bytes(request))

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Check again and again, more often than any timeout that a test sets."""
        checking = asyncio.create_task(self._keep_checking())
        try:
            yield
        finally:
            checking.cancel()
            with suppress(asyncio.CancelledError):
                await checking

    async def _keep_checking(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(CHECK_EVERY_S)


@asynccontextmanager
async def stun_client(parameters: dict[str, Any]) -> AsyncIterator[StunClient]:
    """Open a client for a transport's parameters, as the SFU's API returns them."""
    candidate = parameters["iceCandidates"][0]
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(
        lambda: StunClient(parameters), remote_addr=(candidate["ip"], candidate["port"])
    )
    try:
        yield client
    finally:
        transport.close()
