"""One sends, one receives: connecting both for real, and counting what comes through."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from deploy.integration import rtp
from deploy.integration.checks import Note, require
from deploy.integration.dtls import local_parameters
from deploy.integration.endpoint import Endpoint
from deploy.integration.seats import Seat

PACKETS = 50
"""A second of speech; sent faster, it is still less than any receiver's buffer."""

SEND_EVERY_S = 0.005
FIRST_EVERY_S = 0.02
LEAST_SHARE = 0.9
"""Of the packets that have to arrive: nobody repairs audio, and a real network may lose some."""


@dataclass(slots=True)
class Line:
    """A transport with our end of it."""

    transport_id: str
    endpoint: Endpoint


class MediaCall:
    """A publisher's and a viewer's seat, each with one transport, over one protocol.

    Use it in an `async with` block, which closes both ends; step by step, as each step is a check of its own.
    """

    def __init__(self, publisher: Seat, viewer: Seat, protocol: str, timeout: float) -> None:
        self.protocol = protocol
        self.sending: Line | None = None
        self.receiving: Line | None = None
        self.producer: dict[str, Any] = {}
        self.consumer: dict[str, Any] = {}
        self._publisher = publisher
        self._viewer = viewer
        self._timeout = timeout
        self._ssrc = rtp.new_ssrc()
        self._number = 0

    async def __aenter__(self) -> "MediaCall":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hang_up()

    async def connect(self) -> None:
        """Make and connect both transports: ICE and DTLS. Raises: CheckFailed."""
        self.sending = await self._connect(self._publisher, "send")
        self.receiving = await self._connect(self._viewer, "recv")

    async def _connect(self, seat: Seat, direction: str) -> Line:
        offered = await seat.create_transport(direction)
        line = Line(str(offered["transportId"]), Endpoint(offered, self.protocol))
        try:
            await seat.connect_transport(line.transport_id, local_parameters())
            await line.endpoint.connect(self._timeout)
        except BaseException:
            line.endpoint.close()
            raise
        return line

    async def produce(self) -> dict[str, Any]:
        """Announce the stream. Raises: CheckFailed."""
        if self.sending is None:
            raise AssertionError("connect first")
        parameters = rtp.producer_parameters(self._ssrc)
        self.producer = await self._publisher.produce(self.sending.transport_id, parameters)
        return self.producer

    async def consume(self) -> dict[str, Any]:
        """Ask for the stream. Raises: CheckFailed."""
        if self.receiving is None:
            raise AssertionError("connect first")
        self.consumer = await self._viewer.consume(self.receiving.transport_id, self.producer["producerId"])
        return self.consumer

    async def talk(self) -> Note:
        """Send until something arrives, then a counted run of packets. Returns the count in words.

        Raises:
            CheckFailed: nothing arrived, too little, or something else than was sent.
        """
        if self.sending is None or self.receiving is None:
            raise AssertionError("connect first")
        ssrc = self.consumer["rtpParameters"]["encodings"][0]["ssrc"]
        await self._open_the_way()
        sent = [await self._send_one(SEND_EVERY_S) for _ in range(PACKETS)]
        received = await self._collect(ssrc, set(sent))
        words = f"{len(received)} of {PACKETS} packets came through by {self.protocol.upper()} with what was sent"
        require(len(received) >= LEAST_SHARE * PACKETS, f"only {words}")
        return Note(words)

    async def _open_the_way(self) -> None:
        sent = []
        rounds = int(self._timeout / FIRST_EVERY_S) + 1
        for _ in range(rounds):
            sent.append(await self._send_one(FIRST_EVERY_S))
            if self._received(None):
                return
        require(False, f"none of {len(sent)} packets came through by {self.protocol.upper()}")

    async def _send_one(self, then_wait_s: float) -> bytes:
        if self.sending is None:
            raise AssertionError("connect first")
        payload = rtp.new_payload(self._number)
        self.sending.endpoint.send(rtp.build(self._ssrc, self._number, payload))
        self._number += 1
        await asyncio.sleep(then_wait_s)
        return payload

    async def _collect(self, ssrc: int, sent: set[bytes]) -> set[bytes]:
        if self.receiving is None:
            raise AssertionError("connect first")
        try:
            async with asyncio.timeout(min(self._timeout, 2.0)):
                while not sent <= self._received(ssrc):
                    await self.receiving.endpoint.wait_for_packet()
        except TimeoutError:
            pass  # some were lost: they are counted
        return sent & self._received(ssrc)

    def _received(self, ssrc: int | None) -> set[bytes]:
        packets = self.receiving.endpoint.packets if self.receiving is not None else []
        return {packet.payload for packet in packets if ssrc in {None, packet.ssrc}}

    def hang_up(self, *, politely: bool = True) -> None:
        """Close both ends."""
        for line in (self.sending, self.receiving):
            if line is not None:
                line.endpoint.close(politely=politely)
