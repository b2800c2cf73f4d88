"""A peer with data channels: aiortc's own SCTP over the DTLS of a `MediaPeer`, on a link that may lose packets."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from tests.support.media_paths import Path
from tests.support.media_peer import MediaPeer

Message = str | bytes
APPLICATION_DATA = 23
WITHIN_S = 30.0


@dataclass(eq=False)
class Channel:
    """One channel of the peer and what has come on it."""

    channel: RTCDataChannel
    messages: list[Message] = field(default_factory=list)


class DataPeer(MediaPeer):
    """The peer's side of a transport with data channels; `changed` is set with whatever comes in.

    Args:
        loss: how many of the DTLS records with data get lost in either direction, 0 to 1.
        seed: of the losses.
    """

    def __init__(self, *, loss: float = 0.0, seed: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.changed = asyncio.Event()
        self.loss = loss
        self.sctp = RTCSctpTransport(self._dtls)
        self.channels: dict[int, Channel] = {}
        self._random = random.Random(seed)  # noqa: S311 - losses that can be had again

    async def connect(self, offered: Mapping[str, Any]) -> None:
        """Do ICE and DTLS, and begin with SCTP."""
        await super().connect(offered)
        await self.start_data()

    async def start_data(self) -> None:
        """Open the association; until it is there nothing is lost."""
        await self.sctp.start(RTCSctpCapabilities(262144), 5000)

    def channel(self, stream_id: int, **parameters: Any) -> Channel:
        """Make a channel that both sides know of, as mediasoup's clients do."""
        made = RTCDataChannel(
            self.sctp, RTCDataChannelParameters(id=stream_id, negotiated=True, label="", **parameters)
        )
        kept = self.channels[stream_id] = Channel(made)

        def keep(message: Message) -> None:
            kept.messages.append(message)
            self.changed.set()

        made.on("message", keep)
        return kept

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, looking again whenever something has come in."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.02)

    async def connected(self) -> None:
        """Wait until the association is there."""
        await self.until(lambda: self.sctp.state == "connected")

    async def send_packet(self, packet: bytes) -> None:
        """Send an SCTP packet as it is."""
        await self._dtls._send_data(packet)

    def send_raw(self, data: bytes) -> None:
        """See `MediaPeer`; data may get lost."""
        if not self._is_lost(data):
            super().send_raw(data)

    def _received(self, data: bytes, path: Path) -> None:
        """See `MediaPeer`; data may get lost."""
        if not self._is_lost(data):
            super()._received(data, path)

    async def close(self, *, politely: bool = True) -> None:
        """Close SCTP, then all the rest."""
        self.loss = 0
        with contextlib.suppress(ConnectionError):
            await self.sctp.stop()
        await super().close(politely=politely)

    def _is_lost(self, data: bytes) -> bool:
        is_data = 20 <= data[0] < 64 and self.sctp.state == "connected"
        return is_data and self._random.random() < self.loss


@contextlib.asynccontextmanager
async def data_peer(**options: Any) -> AsyncIterator[DataPeer]:
    """Make a peer and close it in the end."""
    peer = DataPeer(**options)
    try:
        yield peer
    finally:
        await peer.close()
