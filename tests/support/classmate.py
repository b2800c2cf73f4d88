"""Somebody in a class: signs in over REST, joins over signalling, and sends and receives real packets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sfu.rtp.packet import ONE_BYTE_PROFILE
from tests.support.media_peer import MediaPeer
from tests.support.media_rig import AUDIO_LEVEL_ID, OPUS_FRAME, VP8_DELTA_FRAME, VP8_KEY_FRAME
from tests.support.protoo_client import ProtooClient, RequestError, connect
from tests.support.rtp_packets import build_rtp
from tests.support.rtp_samples import producer_parameters, receiver_capabilities
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, Platform

PASSWORD = "Chalk-and-Board-3"
PACKET_EVERY_S = 0.02
MEDIA_WITHIN_S = 15.0
COME_BACK_EVERY_S = 0.1

Json = dict[str, Any]


@dataclass
class Classmate:
    """One seat of one user; use within `classmate`."""

    session: aiohttp.ClientSession
    url: str
    token: str
    socket: ProtooClient
    joined: Json = field(default_factory=dict)
    peers: dict[str, MediaPeer] = field(default_factory=dict)
    transports: dict[str, str] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def participant_id(self) -> str:
        """The seat."""
        identity: str = self.joined["participantId"]
        return identity

    async def join(self, room: str, **fields: Any) -> Json:
        """Take a seat."""
        self.joined = await self.socket.request("join-room", roomId=room, **fields)
        return self.joined

    async def come_back(self) -> Json:
        """Open a new socket and take the seat back, as often as it takes; the backend may be just starting."""
        await self.socket.close()
        while True:
            with contextlib.suppress(aiohttp.ClientError, RequestError):
                self.socket = await connect(self.session, self.url, token=self.token)
                return await self.join(self.joined["roomId"], resumeToken=self.joined["resumeToken"])
            await asyncio.sleep(COME_BACK_EVERY_S)

    async def open_transport(self, direction: str) -> MediaPeer:
        """Make a transport and connect it for real."""
        offered = await self.socket.request("create-transport", direction=direction)
        peer = MediaPeer()
        self.peers[direction] = peer
        self.transports[direction] = offered["transportId"]
        await peer.open(offered)
        await self.socket.request(
            "connect-transport", transportId=offered["transportId"], dtlsParameters=peer.dtls_parameters
        )
        await peer.connect(offered)
        peer.on_rtp = self._take
        return peer

    async def publish(self, kind: str, ssrc: int, levels: Sequence[int] = ()) -> str:
        """Produce a track and keep its packets coming; returns the producer's id.

        `levels` is the loudness, 0 to 127, of the packets of audio, over and over; without it they tell none.
        """
        peer = self.peers.get("send") or await self.open_transport("send")
        encodings = [{"ssrc": ssrc, **({"rtx": {"ssrc": ssrc + 1}} if kind == "video" else {})}]
        produced = await self.socket.request(
            "produce",
            transportId=self.transports["send"],
            kind=kind,
            rtpParameters=producer_parameters("chromium", kind, encodings=encodings, mid=str(ssrc)),
            appData={"source": kind},
        )
        self._tasks.append(asyncio.create_task(_send(peer, kind, ssrc, levels)))
        producer_id: str = produced["producerId"]
        return producer_id

    async def subscribe(self, producer_id: str) -> Json:
        """Consume a track and let it run."""
        if "recv" not in self.peers:
            await self.open_transport("recv")
        consumed = await self.socket.request(
            "consume", producerId=producer_id, rtpCapabilities=receiver_capabilities("chromium")
        )
        await self.socket.request("resume-consumer", consumerId=consumed["consumerId"])
        return consumed

    async def receives(self, consumed: Json, packets: int = 5) -> None:
        """Wait for so many new packets of a consumer."""
        ssrc = consumed["rtpParameters"]["encodings"][0]["ssrc"].to_bytes(4, "big")
        seen = 0
        received = self.peers["recv"].rtp
        start = len(received)
        async with asyncio.timeout(MEDIA_WITHIN_S):
            while seen < packets:
                self.arrived.clear()
                await self.arrived.wait()
                seen = sum(packet[8:12] == ssrc for packet in received[start:])

    def sequence(self, consumed: Json) -> list[int]:
        """Return the sequence numbers of all that came of a consumer, in the order in which it came."""
        ssrc = consumed["rtpParameters"]["encodings"][0]["ssrc"].to_bytes(4, "big")
        return [int.from_bytes(packet[2:4]) for packet in self.peers["recv"].rtp if packet[8:12] == ssrc]

    async def drop_media(self) -> None:
        """Stop sending and forget all transports."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        peers, self.peers = list(self.peers.values()), {}
        for peer in peers:
            await peer.close(politely=False)

    async def close(self) -> None:
        """Stop sending and vanish, without leaving."""
        await self.drop_media()
        await self.socket.close()

    def _take(self, packet: bytes) -> None:
        self.peers["recv"].rtp.append(packet)
        self.arrived.set()


async def _send(peer: MediaPeer, kind: str, ssrc: int, levels: Sequence[int]) -> None:
    sequence = 0
    while True:
        extension = None
        if levels:
            extension = (ONE_BYTE_PROFILE, bytes([AUDIO_LEVEL_ID << 4, 127 - levels[sequence % len(levels)]]))
        if kind == "video":
            payload = VP8_DELTA_FRAME if sequence % 10 else VP8_KEY_FRAME
            payload_type, step = 96, 1800
        else:
            payload, payload_type, step = OPUS_FRAME, 111, 960
        peer.send_rtp(
            build_rtp(
                payload=payload,
                payload_type=payload_type,
                marker=True,
                sequence_number=sequence & 0xFFFF,
                timestamp=sequence * step & 0xFFFFFFFF,
                ssrc=ssrc,
                extension=extension,
            )
        )
        sequence += 1
        await asyncio.sleep(PACKET_EVERY_S)


async def sign_in(session: aiohttp.ClientSession, url: str, email: str, password: str) -> str:
    """Sign in; returns the access token."""
    async with session.post(f"{url}/api/v1/auth/login", json={"email": email, "password": password}) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        token: str = body["access_token"]
        return token


async def sign_up(session: aiohttp.ClientSession, url: str, email: str, role: str = "student") -> str:
    """Make an account, unless it is there, and sign in; returns the access token."""
    headers = {}
    if role != "student":
        headers = {"Authorization": f"Bearer {await sign_in(session, url, ADMIN_EMAIL, ADMIN_PASSWORD)}"}
    body = {"email": email, "password": PASSWORD, "full_name": email.split("@")[0].title(), "role": role}
    async with session.post(f"{url}/api/v1/auth/register", json=body, headers=headers) as answer:
        assert answer.status in {201, 409}, await answer.text()
    return await sign_in(session, url, email, PASSWORD)


@contextlib.asynccontextmanager
async def classmate(
    platform: Platform, email: str, role: str = "student", *, url: str | None = None
) -> AsyncIterator[Classmate]:
    """Sign somebody in and open the socket; nothing is left behind but the seat in its grace.

    `url` is of the backend to go to, or of what stands before several; by default it is the first backend.
    """
    url = url or platform.backend.url
    async with aiohttp.ClientSession() as session:
        token = await sign_up(session, url, email, role)
        socket = await connect(session, url, token=token)
        somebody = Classmate(session, url, token, socket)
        try:
            yield somebody
        finally:
            await somebody.close()
